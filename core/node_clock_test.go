package core

import (
	"testing"
	"time"
)

// The clock of a node counts sleep, and does not follow steps of the wall clock. It
// tells of both, and of long stops, but not of ordinary pauses.
func TestNodeClock(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	tests := []struct {
		name                  string
		mono, wall, suspended time.Duration // progress between two readings
		want                  time.Duration
		jumped                bool
	}{
		{"pause", 30 * s, 30 * s, 0, 30 * s, false},
		{"timer held back by a browser", m, m, 0, m, false},
		{"sleep", s, 8*h + s, 8 * h, 8*h + s, true},
		{"nap", s, 31 * s, 30 * s, 31 * s, false},
		{"short sleep", s, 62 * s, 61 * s, 62 * s, true},
		{"sleep that nobody counts", s, 8*h + s, 0, s, true},
		{"sleep of a machine that lost the time", 30 * s, 30 * s, 8 * h, 8*h + 30*s, true},
		{"wall clock set forward", s, 24 * h, 0, s, true},
		{"wall clock set back", s, -24 * h, 0, s, true},
		{"wall clock corrected", s, 3 * s, 0, s, false},
		{"wall clock set back after a sleep", s, -2 * h, 8 * h, 8*h + s, true},
		{"process stopped for a short time", 70 * s, 70 * s, 0, 70 * s, true},
		{"process stopped", 8 * h, 8 * h, 0, 8 * h, true},
		{"stopped between the readings of two clocks", m, m, -s, m, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, suspended := reading{mono: time.Now(), wall: epoch}, 5*h
			c := newNodeClock(func() reading { return r }, func() time.Duration { return suspended })
			start := c.now()
			r, suspended = reading{r.mono.Add(tt.mono), r.wall.Add(tt.wall)}, suspended+tt.suspended
			if got := c.now().Sub(start); got != tt.want || c.jumped != tt.jumped {
				t.Errorf("the clock went on by %v, jumped %v, want %v, %v", got, c.jumped, tt.want, tt.jumped)
			}
			c.jumped = false
			r = reading{r.mono.Add(s), r.wall.Add(s)}
			if got := c.now().Sub(start); got != tt.want+s || c.jumped {
				t.Errorf("a second later it went on by %v, jumped %v, want %v and no jump", got, c.jumped, tt.want+s)
			}
		})
	}
}

// The clocks of this system tell of no sleep while it is awake.
func TestSystemIsAwake(t *testing.T) {
	first := suspended()
	for range 1000 {
		if slept := suspended() - first; slept >= minSleep {
			t.Fatalf("the system was suspended for %v during this test", slept)
		}
	}
}

func BenchmarkNodeClock(b *testing.B) {
	c := newNodeClock(readClocks, suspended)
	for b.Loop() {
		c.now()
	}
}
