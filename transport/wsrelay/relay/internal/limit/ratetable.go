package limit

import (
	"sync"
	"time"
)

// RateTable has a Bucket for each of many addresses. It has a fixed size of 256 KiB:
// addresses may share a Bucket, and nobody can find out which do. The zero value is
// ready. It is safe for concurrent use.
type RateTable struct {
	mu      sync.Mutex // guards buckets
	buckets [1 << 14]Bucket
}

// Take takes a datagram of size bytes from the bucket of a key, in units of 1400
// bytes and at least one, or reports that there is no room.
func (t *RateTable) Take(now time.Duration, r Rate, key uint64, size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buckets[key%uint64(len(t.buckets))].Take(now, r, max(1, float64(size)/1400))
}
