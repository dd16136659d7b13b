package sim

import (
	"slices"
	"testing"
	"time"
)

func TestDistributions(t *testing.T) {
	usual := func(x uint64) time.Duration { return logNormal(x, 100*time.Millisecond, 0.6) }
	tests := []struct {
		name string
		draw func(uint64) time.Duration
		p    float64
		want time.Duration
	}{
		{"log-normal", usual, 0.5, 100 * time.Millisecond},
		{"log-normal", usual, 0.99, 404 * time.Millisecond},
		{"KAD", KAD.draw, 0.5, 93 * time.Minute},
		{"Bamboo", Bamboo.draw, 0.5, 84 * time.Second},
	}
	for _, tt := range tests {
		var all []time.Duration
		for i := range uint64(20000) {
			all = append(all, tt.draw(mix(i)))
		}
		slices.Sort(all)
		if got := percentile(all, tt.p); got < tt.want*19/20 || got > tt.want*21/20 {
			t.Errorf("%s: normalQuantile %v = %v, want %v or so", tt.name, tt.p, got, tt.want)
		}
	}
}

// A request and its answer take the same time. Each request has a time of its own, or
// each pair of nodes.
func TestLatencies(t *testing.T) {
	l := LogNormal(100*time.Millisecond, 0.6)
	if l(1, 2, 7) != l(2, 1, 7) || l(1, 2, 7) == l(1, 2, 8) {
		t.Error("LogNormal: want the same there and back, and different for each request")
	}
	p := PerPair(100*time.Millisecond, 0.6)
	if a, b := p(1, 2, 7), p(2, 1, 8); max(a, b)-min(a, b) > min(a, b)/9 {
		t.Errorf("PerPair: %v there, %v back", a, b)
	}
	if got := Constant(time.Second)(1, 2, 3); got != time.Second/2 {
		t.Errorf("Constant = %v, want half a second", got)
	}
}
