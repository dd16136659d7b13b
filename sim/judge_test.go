package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// The halves of a network that is cut in two cannot know of each other's sets.
func TestJudgeFindsOldValues(t *testing.T) {
	r := &run{Network: New(Config{Seed: 1, Core: core.Config{K: 4}}), report: &Report{}}
	r.grow(40)
	j := &judge{net: r.Network}
	r.finish(j.set(0, "key", "first"))
	for i := range r.nodes {
		r.nodes[i].group = uint8(i % 2)
	}
	r.Run(5 * time.Minute)
	r.finish(j.set(0, "key", "second"))
	r.finish(j.get(1, "key"))
	j.conclude(r.report, 0)
	wantMissed(t, r.report, "gets that find an older value")
}

// No node has a value any more when all are killed and come back.
func TestJudgeFindsLostValues(t *testing.T) {
	n := New(Config{Seed: 1})
	a, b := n.Add(), n.Add()
	n.Join(b, []int{a}, nil)
	n.Run(time.Minute)
	j := &judge{net: n}
	n.finish(j.set(a, "key", "value"))
	for _, slot := range []int{a, b} {
		n.Kill(slot)
		n.restart(slot)
	}
	n.Join(b, []int{a}, nil)
	n.Run(time.Minute)
	n.finish(j.get(b, "key"))
	report := &Report{}
	j.conclude(report, 0)
	wantMissed(t, report, "gets that miss an acknowledged value")
}

// wantMissed wants exactly one number of a report outside its limits.
func wantMissed(t *testing.T, r *Report, name string) {
	t.Helper()
	missed := r.Missed()
	if len(missed) != 1 || !slices.ContainsFunc(missed, func(m Metric) bool { return m.Name == name }) {
		t.Errorf("outside their limits: %v, want %q alone", missed, name)
	}
}
