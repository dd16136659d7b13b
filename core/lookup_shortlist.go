package core

import (
	"slices"
)

// shortlist is the list of candidates of a lookup (paper, section 2.3), sorted by
// distance from the target. It sends nothing and knows no time: its owner asks the
// contacts that next returns, and reports the outcomes.
//
// At most alpha requests count as under way. A peer whose answer is late no
// longer counts, but its answer is used whenever it comes. A peer that failed stays
// in the list, so that a later answer that names it does not bring it back.
type shortlist struct {
	target     ID
	k          int
	alpha      int
	budget     int // requests that may still be made
	candidates []candidate
	last       int // the position that find returned
	// busy counts requests under way that are not late.
	busy int
	// noProgress counts answers in a row that named no nearer contact.
	noProgress int
}

type candidate struct {
	Contact
	distance uint64 // its first 64 bits
	state    state
	// hops is the length of the path to the candidate: 1 for a contact of the node's
	// own, 2 for a contact that such a contact named, and so on.
	hops uint8
	// extended is set if its answer had a trailer, versioned if the trailer had a run,
	// returned if the answer had a value, and named once the candidate has been asked for
	// contacts after that.
	extended, versioned, returned, named bool
}

// state is the state of a candidate.
type state uint8

const (
	fresh    state = iota // not asked
	waiting               // asked
	late                  // asked, and the soft time-out has passed
	overdue               // asked, and the lookup goes on without it
	answered              // asked, and has answered
	failed                // asked in vain
	dead                  // not asked, because it failed a short time ago
)

// budgetPerK bounds the requests of one lookup, in multiples of k: a peer that
// invents ever nearer contacts must not keep it going.
const budgetPerK = 5

// maxCandidates bounds the list, in multiples of k.
const maxCandidates = 16

func newShortlist(target ID, k, alpha int) shortlist {
	return shortlist{target: target, k: k, alpha: alpha, budget: budgetPerK * k}
}

// find returns the position of c in the list, or the position at which to insert
// it: behind candidates of the same id at other addresses.
func (s *shortlist) find(c Contact) (int, bool) {
	distance := firstBits(s.target, c.ID)
	// Answers are sorted in the order of the list: neighbours in an answer are often
	// neighbours in the list.
	if s.last++; s.last < len(s.candidates) && s.candidates[s.last].distance == distance && s.candidates[s.last].Contact == c {
		return s.last, true
	}
	i, end := 0, len(s.candidates)
	for i < end {
		mid := int(uint(i+end) / 2)
		// Eight bytes nearly always decide.
		d := s.candidates[mid].distance
		if d < distance || d == distance && s.target.CompareDistance(s.candidates[mid].ID, c.ID) < 0 {
			i = mid + 1
		} else {
			end = mid
		}
	}
	for ; i < len(s.candidates) && s.candidates[i].ID == c.ID; i++ {
		if s.candidates[i].Addr == c.Addr {
			s.last = i
			return i, true
		}
	}
	s.last = i
	return i, false
}

// add adds a candidate, unless it is known. The same id at two addresses is two
// candidates. Otherwise a liar could hide real nodes behind dead addresses.
func (s *shortlist) add(c Contact, hops uint8) {
	i, known := s.find(c)
	if known || i == maxCandidates*s.k {
		return
	}
	s.candidates = slices.Insert(s.candidates, i, candidate{Contact: c, distance: firstBits(s.target, c.ID), hops: hops})
	if last := len(s.candidates) - 1; last == maxCandidates*s.k {
		s.set(s.candidates[last].Contact, failed)
		s.candidates = s.candidates[:last]
	}
}

// next returns the next peer to ask, and counts it as asked: the nearest one not
// yet asked among the k nearest that are not late or worse.
func (s *shortlist) next() (Contact, bool) {
	limit := s.alpha
	if s.noProgress >= s.alpha {
		// No nearer contact turns up: ask all that are left of the k nearest.
		limit = s.k
	}
	if s.busy >= limit || s.budget == 0 {
		return Contact{}, false
	}
	window := s.k
	for i := range s.candidates {
		c := &s.candidates[i]
		switch c.state {
		case fresh:
			c.state = waiting
			s.busy++
			s.budget--
			return c.Contact, true
		case waiting, answered:
			if window--; window == 0 {
				return Contact{}, false
			}
		}
	}
	return Contact{}, false
}

// done reports whether the k nearest candidates have all answered, not counting
// failed and overdue ones. With the budget used up, it reports whether no request
// is under way. Until the first answer, overdue requests count as under way.
func (s *shortlist) done() bool {
	window := s.k
	missing := false
	for i := range s.candidates {
		switch s.candidates[i].state {
		case fresh:
			if s.budget > 0 {
				return false
			}
		case waiting, late:
			return false
		case overdue:
			missing = true
		case answered:
			if window--; window == 0 {
				return true
			}
		}
	}
	return !missing || window < s.k
}

// markFailed marks a candidate as dead, if it was not asked yet.
func (s *shortlist) markFailed(c Contact) {
	if i, known := s.find(c); known && s.candidates[i].state == fresh {
		s.candidates[i].state = dead
	}
}

// deadAmong returns how many of the n nearest candidates have failed or are overdue,
// and the farthest of the n that has answered.
func (s *shortlist) deadAmong(n int) (gone int, last Contact) {
	for i := range s.candidates[:min(n, len(s.candidates))] {
		switch s.candidates[i].state {
		case failed, overdue, dead:
			gone++
		case answered:
			last = s.candidates[i].Contact
		}
	}
	return gone, last
}

// set changes the state of a candidate that was asked.
func (s *shortlist) set(c Contact, to state) {
	i, known := s.find(c)
	if !known {
		return
	}
	if s.candidates[i].state == waiting {
		s.busy--
	}
	s.candidates[i].state = to
}

// addAnswer adds the contacts that the candidate c named in its answer.
func (s *shortlist) addAnswer(c Contact, contacts []Contact) {
	s.set(c, answered)
	s.noProgress++
	hops := s.hops(c)
	for _, c := range contacts {
		if len(s.candidates) > 0 && firstBits(s.target, c.ID) <= s.candidates[0].distance && s.target.CompareDistance(c.ID, s.candidates[0].ID) < 0 {
			s.noProgress = 0
		}
		s.add(c, hops+1)
	}
}
