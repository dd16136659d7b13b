package limit

import (
	"sync"
	"time"
)

// What one client may send to one address that has not answered: this many
// datagrams in this time.
const (
	maxUnanswered  = 3
	unansweredTime = 30 * time.Second
)

// try is what a client has sent to an address. The zero try is one of which
// nothing need be known, since the address is proven.
type attempt struct {
	since uint32                // second since the server's start in which the count began
	count uint8                 // datagrams since then
	asked [maxUnanswered]uint32 // what stands for them
}

// again reports whether another datagram may go there without an answer, and
// starts a new count when the time for that has come.
func (t *attempt) again(now time.Duration) bool {
	second := uint32(now / time.Second)
	if t.count == 0 || second-t.since >= uint32(unansweredTime/time.Second) {
		t.since, t.count = second, 0
	}
	return t.count < maxUnanswered
}

// hasAsked reports whether msg stands for one of the datagrams sent, also before
// the count began anew.
func (t *attempt) hasAsked(msg uint32) bool {
	for _, m := range t.asked {
		if m == msg && m != 0 {
			return true
		}
	}
	return false
}

// A client's tries are kept for one to two of triedTime, or less long if they are
// more than maxTried.
const (
	attemptTime = time.Minute
	maxAttempts = 4096
)

// tried holds the tries of the last minutes, by what stands for the address, in
// two generations: what is used moves to the young one, and the old one goes as a
// whole. The zero tried is empty.
type attempts struct {
	young, old map[uint64]attempt
	turned     time.Duration
}

func (t *attempts) find(now time.Duration, key uint64) (attempt, bool) {
	t.turn(now)
	if got, ok := t.young[key]; ok {
		return got, true
	}
	got, ok := t.old[key]
	if ok {
		t.keep(key, got)
	}
	return got, ok
}

func (t *attempts) keep(key uint64, v attempt) {
	if t.young == nil {
		t.young = make(map[uint64]attempt)
	}
	if _, ok := t.young[key]; !ok && len(t.young) >= maxAttempts {
		t.old, t.young = t.young, make(map[uint64]attempt)
	}
	t.young[key] = v
}

// turn drops what is old.
func (t *attempts) turn(now time.Duration) {
	if now-t.turned < attemptTime {
		return
	}
	if now-t.turned >= 2*attemptTime {
		t.young = nil
	}
	t.old, t.young = t.young, nil
	t.turned = now
}

// answerTime is how long a client may take to answer. Python's nodes wait 5 s.
const answerTime = 10 * time.Second

// debts holds the requests that a client got and has not answered. It has a
// fixed size: of those with the same last byte, the last four are known.
type owedAnswers [256][4]uint32

func (d *owedAnswers) add(msg uint64) {
	set := &d[byte(msg)]
	copy(set[1:], set[:])
	set[0] = uint32(msg >> 32)
}

// settle reports whether msg was owed, and forgets it.
func (d *owedAnswers) settle(msg uint64) bool {
	if d == nil {
		return false
	}
	set := &d[byte(msg)]
	for i, m := range set {
		if m == uint32(msg>>32) && m != 0 {
			copy(set[i:], set[i+1:])
			set[len(set)-1] = 0
			return true
		}
	}
	return false
}

// A proof holds for one to two of provenTime, or less long if there are more
// than maxProven, of 20 bytes each.
const (
	provenTime = time.Hour
	maxProven  = 1 << 17

	// maxProvenAt is how many of them are for ports of one IPv4 address, or of
	// hosts of one /48, lest somebody makes the proofs of all others go.
	maxProvenAt = 2048
)

// proven holds the addresses that have answered, for all clients, in two
// generations. Proofs do not move to the young one: they are given anew.
type proven struct {
	mu         sync.Mutex // guards all
	young, old map[uint64]struct{}
	places     [1 << 14]uint16 // how many of young, by place; some share one
	turned     time.Duration
}

func (p *proven) has(now time.Duration, key uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	if _, ok := p.young[key]; ok {
		return true
	}
	_, ok := p.old[key]
	return ok
}

// add notes that the address that key stands for has answered, unless there are
// too many of its place.
func (p *proven) add(now time.Duration, key, place uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn(now)
	if p.young == nil {
		p.young = make(map[uint64]struct{})
	}
	n := &p.places[place%uint64(len(p.places))]
	if _, known := p.young[key]; known || *n >= maxProvenAt {
		return
	}
	*n++
	p.young[key] = struct{}{}
	if len(p.young) >= maxProven {
		p.age()
	}
}

func (p *proven) turn(now time.Duration) {
	if now-p.turned < provenTime {
		return
	}
	if now-p.turned >= 2*provenTime {
		p.young = nil
	}
	p.age()
	p.turned = now
}

// age makes the young ones the old ones.
func (p *proven) age() {
	p.old, p.young = p.young, nil
	clear(p.places[:])
}

// crowd counts something for each of many addresses, such as what all clients
// send to one that is not proven. It has a fixed size of 256 KiB: addresses may
// share a bucket, which nobody outside can bring about.
type RateTable struct {
	mu      sync.Mutex // guards buckets
	buckets [1 << 14]Bucket
}

// take reports whether a datagram of that many bytes may go to the address that
// key stands for.
func (c *RateTable) Take(now time.Duration, r Rate, key uint64, size int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buckets[key%uint64(len(c.buckets))].Take(now, r, max(1, float64(size)/1400))
}
