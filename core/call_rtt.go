package core

import "time"

// Bounds of the adaptive time-outs. Below the floor, a busy peer would look like
// a silent one; above the ceiling, one dead peer would hold up a lookup.
const (
	softFloor   = 100 * time.Millisecond
	softCeiling = time.Second
	softStart   = 300 * time.Millisecond
)

// patience is how many soft time-outs a lookup waits for one peer.
const patience = 2

// rtt estimates round-trip times over all peers, as TCP does for one (RFC 6298).
// Late answers count too, because the datagram that each one belongs to is known.
// A sample counts as softCeiling at most: one peer must not spoil the estimate for
// all.
type rtt struct {
	mean, deviation time.Duration
}

// sample adds one measured round trip.
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

// soft returns the time by which nearly all answers arrive. After it, another peer
// is asked as well.
func (r *rtt) soft() time.Duration {
	if r.mean == 0 {
		return softStart
	}
	return r.within(4)
}

// hasty returns the time by which five of six answers arrive. It is for requests
// for a value: a user is waiting, and one more request costs little.
func (r *rtt) hasty() time.Duration {
	if r.mean == 0 {
		return softStart
	}
	return r.within(1)
}

func (r *rtt) within(deviations time.Duration) time.Duration {
	return min(max(r.mean+deviations*r.deviation, softFloor), softCeiling)
}

// overdue returns the time after which a lookup goes on without an answer.
func (r *rtt) overdue() time.Duration { return patience * r.soft() }
