package limit

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	r := Rate{PerSecond: 10, Burst: 20}
	var b Bucket
	for i, tt := range []struct {
		now  time.Duration
		n    float64
		want bool
	}{
		{0, 20, true}, {0, 1, false}, {50 * time.Millisecond, 1, false}, {100 * time.Millisecond, 1, true},
		{time.Second, 9, true}, {time.Second, 1, false},
		{500 * time.Millisecond, 1, false}, // not back in time
		{time.Hour, 21, false}, {time.Hour, 20, true}, {time.Hour, 1, false},
	} {
		if got := b.Take(tt.now, r, tt.n); got != tt.want {
			t.Errorf("%d: Take(%v, %v) = %v, want %v", i, tt.now, tt.n, got, tt.want)
		}
	}
	b.Give(100)
	if !b.Take(time.Hour, r, 20) || b.Take(time.Hour, r, 1) {
		t.Error("what is given back comes on top of the burst")
	}
	for range 1000 {
		if !b.Take(time.Hour, Rate{PerSecond: -1}, 1000) {
			t.Fatal("a rate without bound has one")
		}
	}
}
