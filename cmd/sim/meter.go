package main

import (
	"fmt"
	"io"
	"time"

	"github.com/kadmesh/kadmesh/sim"
)

// meter shows the progress and cost of a run.
type meter struct {
	out    io.Writer
	start  time.Time
	last   time.Time    // when show printed a line
	events uint64       // at last
	memory uint64       // bytes in use
	most   uint64       // the maximum of memory
	large  uint64       // memory at the last request for large pages
	seen   sim.Progress // the last progress reported
}

// every is the least time between two lines of progress.
const every = 2 * time.Second

// show prints a line of progress, if it is time for one.
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

// growth is the increase of memory in use, in bytes, after which large pages are
// requested again.
const growth = 32 << 20

// measure updates memory, and requests large pages after growth.
func (m *meter) measure() {
	m.memory = memoryUsed()
	m.most = max(m.most, m.memory)
	if m.memory > m.large+growth {
		m.large = m.memory
		wantLargePages()
	}
}

// end prints the cost of the run.
func (m *meter) end() {
	m.measure()
	took := time.Since(m.start)
	fmt.Fprintf(m.out, "took %v, %.0f events/s, %d MB of memory at most, %.1f kB per node\n",
		took.Round(time.Millisecond),
		float64(m.seen.Events)/took.Seconds(), m.most>>20, float64(m.most)/1e3/float64(max(m.seen.Nodes, 1)))
}
