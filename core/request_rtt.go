package core

import "time"

// Bounds of the adaptive time-outs. Below the floor a busy peer would look like
// a silent one; above the ceiling one dead peer would hold up a lookup.
const (
	softFloor   = 100 * time.Millisecond
	softCeiling = time.Second
	softStart   = 300 * time.Millisecond
)

// patience is how many soft time-outs a lookup waits for one peer.
const patience = 2

// rtt estimates round-trip times over all peers, as TCP does for one (RFC 6298).
// It is known which sending of a request an answer belongs to, so that late ones
// count as well, as if they were no later than the ceiling: one peer must not spoil
// the estimate for all.
type rtt struct {
	mean, deviation time.Duration
}

// sample takes in one measured round trip.
func (r *rtt) sample(d time.Duration) {
	d = min(d, softCeiling)
	if r.mean == 0 {
		r.mean, r.deviation = d, d/2
		return
	}
	off := d - r.mean
	r.mean += off / 8
	r.deviation += (max(off, -off) - r.deviation) / 4
}

// soft is how long an answer takes at most, usually: after that, another peer is
// asked as well.
func (r *rtt) soft() time.Duration {
	if r.mean == 0 {
		return softStart
	}
	return r.within(4)
}

// hasty is how long five of six answers take: somebody waits for a value, and to
// ask one more for it costs little.
func (r *rtt) hasty() time.Duration {
	if r.mean == 0 {
		return softStart
	}
	return r.within(1)
}

func (r *rtt) within(deviations time.Duration) time.Duration {
	return min(max(r.mean+deviations*r.deviation, softFloor), softCeiling)
}

// overdue is when a lookup goes on without an answer.
func (r *rtt) overdue() time.Duration { return patience * r.soft() }
