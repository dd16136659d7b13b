package limit

import "time"

// rate bounds how much passes in a time. A negative PerSecond means no bound.
type Rate struct {
	PerSecond int // in the long run
	Burst     int // at once, after a pause
}

// bucket is what has lately been taken of a rate. The zero bucket has had its
// pause. Times are since the start of the server.
type Bucket struct {
	taken float64 // and not yet come back
	at    time.Duration
}

// take takes n, or returns false and takes nothing if that is more than there is.
func (b *Bucket) Take(now time.Duration, r Rate, n float64) bool {
	if r.PerSecond < 0 {
		b.at = now
		return true
	}
	if now > b.at {
		b.taken = max(0, b.taken-(now-b.at).Seconds()*float64(r.PerSecond))
		b.at = now
	}
	if b.taken+n > float64(r.Burst) {
		return false
	}
	b.taken += n
	return true
}

// give returns n of what was taken.
func (b *Bucket) Give(n float64) { b.taken = max(0, b.taken-n) }
