package limit

import "time"

// One client may send an address that has not answered maxUnanswered datagrams in
// unansweredTime.
const (
	maxUnanswered  = 3
	unansweredTime = 30 * time.Second
)

// attempt is the traffic of one client to one address. The zero attempt is for an
// address that is proven, or another client of the relay.
type attempt struct {
	since uint32                // when the count began, in seconds since the relay's start
	count uint8                 // datagrams since then
	sent  [maxUnanswered]uint32 // numbers of their message ids
}

// mayRepeat reports whether one more datagram may go to the address without an
// answer. After unansweredTime it begins a new count.
func (t *attempt) mayRepeat(now time.Duration) bool {
	second := uint32(now / time.Second)
	if t.count == 0 || second-t.since >= uint32(unansweredTime/time.Second) {
		t.since, t.count = second, 0
	}
	return t.count < maxUnanswered
}

// hasSent reports whether msg is the number of a datagram sent, in this count or
// the one before.
func (t *attempt) hasSent(msg uint32) bool {
	for _, m := range t.sent {
		if m == msg && m != 0 {
			return true
		}
	}
	return false
}

// A client's attempts are kept for one to two of attemptTime, and not as long if
// there are more than maxAttempts.
const (
	attemptTime = time.Minute
	maxAttempts = 4096
)

// attempts holds the recent attempts of one client by the key of the address, in two
// generations: an attempt in use moves to the young one, and the old one is dropped
// as a whole. The zero value is empty.
type attempts struct {
	young, old map[uint64]attempt
	rotated    time.Duration
}

func (t *attempts) find(now time.Duration, key uint64) (attempt, bool) {
	t.rotate(now)
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

// rotate begins a new generation when it is time.
func (t *attempts) rotate(now time.Duration) {
	if now-t.rotated < attemptTime {
		return
	}
	if now-t.rotated >= 2*attemptTime {
		t.young = nil
	}
	t.old, t.young = t.young, nil
	t.rotated = now
}
