package webrtc

import "time"

// Offers of others are taken offerBurst at once, and then offersPerSec; half of that
// burst is for those who have proven their address.
const (
	offerBurst   = 32
	offersPerSec = 4
)

// nonceLife is how long nonces are remembered: longer than an offer can be of use.
const nonceLife = 30 * time.Second

// budget bounds the work that offers of others can cause, whoever they come from,
// and remembers those that were taken. The zero budget is full.
type budget struct {
	offers tokenBucket
	seen   map[nonce]time.Time
	old    []nonce // those seen, oldest first; as many as the rate allows in nonceLife
}

// replayed reports whether an offer with n was taken lately.
func (b *budget) replayed(now time.Time, n nonce) bool {
	at, ok := b.seen[n]
	return ok && now.Sub(at) < nonceLife
}

// take reports whether there is room for one more offer, and counts it.
func (b *budget) take(now time.Time, n nonce, proven bool) bool {
	b.expire(now)
	burst := offerBurst
	if !proven {
		burst /= 2
	}
	if !b.offers.take(now, burst, time.Second/offersPerSec) {
		return false
	}
	if b.seen == nil {
		b.seen = make(map[nonce]time.Time)
	}
	b.seen[n] = now
	b.old = append(b.old, n)
	return true
}

func (b *budget) expire(now time.Time) {
	n := 0
	for n < len(b.old) && now.Sub(b.seen[b.old[n]]) >= nonceLife {
		delete(b.seen, b.old[n])
		n++
	}
	b.old = append(b.old[:0], b.old[n:]...)
}

// tokenBucket is how much of something may be done. The zero one is full.
type tokenBucket struct {
	spent float64
	at    time.Time
}

// take reports whether there is room for one more of burst, of which one comes back
// each every, and takes it.
func (a *tokenBucket) take(now time.Time, burst int, every time.Duration) bool {
	a.spent = max(0, a.spent-float64(now.Sub(a.at))/float64(every))
	a.at = now
	if a.spent > float64(burst-1) {
		return false
	}
	a.spent++
	return true
}
