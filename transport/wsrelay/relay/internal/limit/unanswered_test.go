package limit

import (
	"testing"
	"time"
)

// An address that does not answer gets three datagrams, and three more after 30 seconds.
func TestUnansweredDatagrams(t *testing.T) {
	var a attempt
	for _, second := range []time.Duration{100, 130, 160} {
		for n := range len(a.sent) {
			if !a.mayRepeat(second * time.Second) {
				t.Fatalf("at %d s datagram %d is refused, want 3 to pass", second, n+1)
			}
			a.count++
		}
		for _, later := range []time.Duration{0, 10, 29} {
			if a.mayRepeat((second + later) * time.Second) {
				t.Errorf("a fourth datagram passes %d s after the first", later)
			}
		}
	}
}
