package wsrelay

import (
	"math/rand/v2"
	"time"
)

// The wait between attempts is random, below a bound that is minDelay at first and
// doubles up to maxDelay. All of the wait is random, so that the clients of a relay that
// went down do not come back in waves.
const (
	minDelay = 500 * time.Millisecond
	maxDelay = 30 * time.Second
)

// backoff chooses the waits between attempts.
type backoff struct {
	rand     *rand.Rand
	attempts int // since the last reset
}

func newBackoff(source rand.Source) backoff { return backoff{rand: rand.New(source)} }

// next returns how long to wait before the next attempt.
func (b *backoff) next() time.Duration {
	ceiling := maxDelay
	if b.attempts < 6 { // 0.5 s << 6 is more than 30 s
		ceiling = minDelay << b.attempts
		b.attempts++
	}
	return b.jitter(ceiling)
}

// jitter returns a random time below d.
func (b *backoff) jitter(d time.Duration) time.Duration {
	return time.Duration(b.rand.Int64N(int64(d)))
}

// reset makes the next wait a short one.
func (b *backoff) reset() { b.attempts = 0 }
