package limit

import "time"

// Rate bounds how much passes in a time. A negative PerSecond means no bound.
type Rate struct {
	PerSecond int // in the long run
	Burst     int // at once, after a pause
}

// Bucket is the part of a Rate's burst that is used up. The zero Bucket is unused.
type Bucket struct {
	used float64
	at   time.Duration // when used was right
}

// Take uses up n. If there is less than n, it returns false and uses up nothing.
func (b *Bucket) Take(now time.Duration, r Rate, n float64) bool {
	if r.PerSecond < 0 {
		b.at = now
		return true
	}
	if now > b.at {
		b.used = max(0, b.used-(now-b.at).Seconds()*float64(r.PerSecond))
		b.at = now
	}
	if b.used+n > float64(r.Burst) {
		return false
	}
	b.used += n
	return true
}

// Give gives n back.
func (b *Bucket) Give(n float64) { b.used = max(0, b.used-n) }
