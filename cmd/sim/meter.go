package main

import (
	"fmt"
	"io"
	"time"

	"github.com/kadmesh/kadmesh/sim"
)

// meter shows how far a run has come.
type meter struct {
	out    io.Writer
	start  time.Time
	last   time.Time
	events uint64
	memory uint64 // bytes
	most   uint64 // of them
	large  uint64 // how many there were when large pages were asked for
	seen   sim.Progress
}

// every is how often progress is shown.
const every = 2 * time.Second

func (m *meter) show(p sim.Progress) {
	m.seen = p
	now := time.Now()
	if now.Sub(m.last) < every {
		return
	}
	if !m.last.IsZero() {
		rate := float64(p.Events-m.events) / now.Sub(m.last).Seconds()
		fmt.Fprintf(m.out, "%8s: %d nodes, virtual time %v, %.0f events/s, %d MB\n",
			now.Sub(m.start).Round(time.Second), p.Nodes, p.Virtual.Round(time.Second), rate, m.memory>>20)
	}
	m.last, m.events = now, p.Events
}

// growth is how much more memory has to be in use for large pages to be asked for anew.
const growth = 32 << 20

// measure looks at how much memory is in use.
func (m *meter) measure() {
	m.memory = memoryUsed()
	m.most = max(m.most, m.memory)
	if m.memory > m.large+growth {
		m.large = m.memory
		wantLargePages()
	}
}

// end shows what the run has cost.
func (m *meter) end() {
	m.measure()
	took := time.Since(m.start)
	fmt.Fprintf(m.out, "took %v, %.0f events/s, %d MB of memory at most, %.1f kB per node\n", took.Round(time.Millisecond),
		float64(m.seen.Events)/took.Seconds(), m.most>>20, float64(m.most)/1e3/float64(max(m.seen.Nodes, 1)))
}
