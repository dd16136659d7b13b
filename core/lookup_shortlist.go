package core

import (
	"slices"
)

// lookup is the node lookup (paper, section 2.3) as a list of candidates, sorted
// by distance from the target. It sends nothing and knows no time: its owner
// asks whom next names, and reports what becomes of it.
//
// Up to alpha requests are under way at any time. A peer that is slow to answer
// no longer takes up one of these, but its answer is still waited for, for a
// while, and used whenever it comes. A peer that failed stays in the list, so
// that hearing of it again does not bring it back to life.
type shortlist struct {
	target ID
	k      int
	alpha  int
	budget int // requests that may still be made
	list   []candidate
	last   int // the position that find returned
	// busy counts requests under way that are not slow.
	busy int
	// noProgress counts answers in a row that told of nothing nearer.
	noProgress int
}

type candidate struct {
	Contact
	distance uint64 // the first 64 bits of it
	state    state
	// hops is how far the own node had to go to hear of it: 1 for a contact of
	// its own, 2 for one that such a contact named, and so on.
	hops uint8
	// current says that it has answered as a node of ours does.
	current bool
}

// state is what a lookup knows of a candidate.
type state uint8

const (
	fresh    state = iota // not asked
	waiting               // asked
	slow                  // asked, and the soft time-out has passed
	overdue               // asked, and no longer waited for
	answered              // asked, and has answered
	failed                // asked in vain, or not worth asking
)

// budgetPerK bounds the requests of one lookup, in multiples of k: a peer that
// invents ever nearer contacts must not keep it going.
const budgetPerK = 5

// maxCandidates bounds the list, in multiples of k.
const maxCandidates = 16

func newShortlist(target ID, k, alpha int) shortlist {
	return shortlist{target: target, k: k, alpha: alpha, budget: budgetPerK * k}
}

// find returns the position of c in the list, or where it belongs: behind others
// of the same id, which are at other addresses.
func (l *shortlist) find(c Contact) (int, bool) {
	distance := firstBits(l.target, c.ID)
	// Answers are sorted as the list is: the next in one is often the next in the
	// other.
	if l.last++; l.last < len(l.list) && l.list[l.last].distance == distance && l.list[l.last].Contact == c {
		return l.last, true
	}
	i, end := 0, len(l.list)
	for i < end {
		mid := int(uint(i+end) / 2)
		// Eight bytes nearly always decide.
		d := l.list[mid].distance
		if d < distance || d == distance && l.target.CompareDistance(l.list[mid].ID, c.ID) < 0 {
			i = mid + 1
		} else {
			end = mid
		}
	}
	for ; i < len(l.list) && l.list[i].ID == c.ID; i++ {
		if l.list[i].Addr == c.Addr {
			l.last = i
			return i, true
		}
	}
	l.last = i
	return i, false
}

// add takes in a candidate, unless it is known. One id at two addresses is two
// candidates: who names the nearest nodes at addresses where nobody is must not
// keep the lookup from asking them where others say that they are.
func (l *shortlist) add(c Contact, hops uint8) {
	i, known := l.find(c)
	if known || i == maxCandidates*l.k {
		return
	}
	l.list = slices.Insert(l.list, i, candidate{Contact: c, distance: firstBits(l.target, c.ID), hops: hops})
	if last := len(l.list) - 1; last == maxCandidates*l.k {
		l.set(l.list[last].Contact, failed)
		l.list = l.list[:last]
	}
}

// next returns the next peer to ask, and counts it as asked. It is the nearest
// one not yet asked of the k nearest that are not known to be slow or worse.
func (l *shortlist) next() (Contact, bool) {
	limit := l.alpha
	if l.noProgress >= l.alpha {
		// Nothing nearer turns up: ask all that are left of the k nearest.
		limit = l.k
	}
	if l.busy >= limit || l.budget == 0 {
		return Contact{}, false
	}
	window := l.k
	for i := range l.list {
		c := &l.list[i]
		switch c.state {
		case fresh:
			c.state = waiting
			l.busy++
			l.budget--
			return c.Contact, true
		case waiting, answered:
			if window--; window == 0 {
				return Contact{}, false
			}
		}
	}
	return Contact{}, false
}

// done reports whether the k nearest candidates have all answered, apart from
// those that failed or are overdue. If the budget is used up, it is whether
// nothing is under way. As long as nobody has answered at all, those that are
// overdue are waited for as well.
func (l *shortlist) done() bool {
	window := l.k
	late := false
	for i := range l.list {
		switch l.list[i].state {
		case fresh:
			if l.budget > 0 {
				return false
			}
		case waiting, slow:
			return false
		case overdue:
			late = true
		case answered:
			if window--; window == 0 {
				return true
			}
		}
	}
	return !late || window < l.k
}

// bury makes a candidate that was not asked one that has failed.
func (l *shortlist) markFailed(c Contact) {
	if i, known := l.find(c); known && l.list[i].state == fresh {
		l.list[i].state = failed
	}
}

// gaps returns how many of the n nearest candidates have failed, or are overdue,
// and the last of them that has answered.
func (l *shortlist) deadAmong(n int) (dead int, last Contact) {
	for i := range l.list[:min(n, len(l.list))] {
		switch l.list[i].state {
		case failed, overdue:
			dead++
		case answered:
			last = l.list[i].Contact
		}
	}
	return dead, last
}

// set changes the state of a candidate that was asked.
func (l *shortlist) set(c Contact, s state) {
	i, known := l.find(c)
	if !known {
		return
	}
	if l.list[i].state == waiting {
		l.busy--
	}
	l.list[i].state = s
}

// heard takes in what a peer answered: the contacts it knows.
func (l *shortlist) heard(c Contact, contacts []Contact) {
	l.set(c, answered)
	l.noProgress++
	hops := l.hops(c)
	for _, c := range contacts {
		if len(l.list) > 0 && firstBits(l.target, c.ID) <= l.list[0].distance && l.target.CompareDistance(c.ID, l.list[0].ID) < 0 {
			l.noProgress = 0
		}
		l.add(c, hops+1)
	}
}

// hops returns how many steps away c was, if it is in the list.
func (l *shortlist) hops(c Contact) uint8 {
	if i, known := l.find(c); known {
		return l.list[i].hops
	}
	return 0
}

// noteExtended notes whether who answered is a node of ours, and isExtended tells.
func (l *shortlist) noteExtended(c Contact, current bool) {
	if i, known := l.find(c); known {
		l.list[i].current = current
	}
}

func (l *shortlist) isExtended(c Contact) bool {
	i, known := l.find(c)
	return known && l.list[i].current
}

// requests returns how many requests the lookup has named.
func (l *shortlist) requests() int { return budgetPerK*l.k - l.budget }

// best returns the nearest that has answered.
func (l *shortlist) best() (candidate, bool) {
	for i := range l.list {
		if l.list[i].state == answered {
			return l.list[i], true
		}
	}
	return candidate{}, false
}

// nearest returns the nearest peers that have answered, at most k, nearest first.
func (l *shortlist) nearest() []Contact {
	list := make([]Contact, 0, min(l.k, len(l.list)))
	for i := range l.list {
		c := l.list[i].Contact
		if l.list[i].state != answered || len(list) > 0 && list[len(list)-1].ID == c.ID {
			continue
		}
		if list = append(list, c); len(list) == l.k {
			break
		}
	}
	return list
}
