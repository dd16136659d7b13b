package webrtc

import "time"

// A node takes offerBurst offers at once, and then offersPerSec. Half of the burst is
// reserved for peers that have proven their addresses.
const (
	offerBurst   = 32
	offersPerSec = 4
)

// nonceLife is how long a nonce is remembered, longer than an attempt lives.
const nonceLife = 30 * time.Second

// budget bounds the work that offers from all peers together can cause, and remembers
// their nonces. The zero budget is full.
type budget struct {
	offers tokenBucket
	seen   map[nonce]time.Time
	old    []nonce // the keys of seen, oldest first; bounded by rate and nonceLife
}

// replayed reports whether an offer with nonce n was taken within nonceLife.
func (b *budget) replayed(now time.Time, n nonce) bool {
	at, ok := b.seen[n]
	return ok && now.Sub(at) < nonceLife
}

// take takes an offer with nonce n, or returns false if the budget is spent.
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

// expire forgets old nonces.
func (b *budget) expire(now time.Time) {
	n := 0
	for n < len(b.old) && now.Sub(b.seen[b.old[n]]) >= nonceLife {
		delete(b.seen, b.old[n])
		n++
	}
	b.old = append(b.old[:0], b.old[n:]...)
}

// tokenBucket limits a rate. The zero tokenBucket is full.
type tokenBucket struct {
	spent float64 // tokens
	at    time.Time
}

// take takes a token, or returns false if there is none. The bucket holds burst tokens
// and gets one each interval of every.
func (a *tokenBucket) take(now time.Time, burst int, every time.Duration) bool {
	a.spent = max(0, a.spent-float64(now.Sub(a.at))/float64(every))
	a.at = now
	if a.spent > float64(burst-1) {
		return false
	}
	a.spent++
	return true
}
