package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// Options say how a scenario is to be run.
type Options struct {
	// Nodes is how many there are. Zero means 1000.
	Nodes int
	Seed  uint64
	// Duration is how long those scenarios last that go on for as long as one
	// likes. Zero means what each has by itself.
	Duration time.Duration
	// K and B are those of core.Config; zero means its defaults.
	K, B int
	// Ops is how many operations are measured. Zero means 1000.
	Ops int
	// Charts says to make the histograms as well.
	Charts   bool
	Progress func(Progress)
}

// Scenario is a story of which something is to be learnt.
type Scenario struct {
	Name  string `json:"name"`
	About string `json:"about"`
	// configure, if it is not nil, changes what the network is made of.
	configure func(*Config)
	play      func(*run)
}

// run is a scenario under way.
type run struct {
	*Network
	Options
	report      *Report
	keys        []core.ID
	unstored    []int        // those of keys that nobody could set, or whose setter left
	failedJoins atomic.Int64 // joins
}

// errNoScenario: there is none of that name.
var errNoScenario = errors.New("no such scenario")

// Play runs the scenario of that name.
func Play(name string, o Options) (*Report, error) {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%q: %w", name, errNoScenario)
	}
	s := Scenarios[i]
	if o.Nodes <= 0 {
		o.Nodes = 1000
	}
	if o.Ops <= 0 {
		o.Ops = 1000
	}
	cfg := Config{Seed: o.Seed, Core: core.Config{K: o.K, B: o.B}, Progress: o.Progress}
	if s.configure != nil {
		s.configure(&cfg)
	}
	r := &run{Network: New(cfg), Options: o, report: &Report{Scenario: name, Nodes: o.Nodes, Seed: o.Seed}}
	s.play(r)
	if o.Charts {
		r.chartTables()
		r.chartLoad()
	}
	r.report.Virtual, r.report.Events, r.report.Sent = r.now, r.Events, r.Datagrams
	r.report.Digest = fmt.Sprintf("%016x", r.Digest())
	return r.report, nil
}

// Growing a network, a node joins every joinPause, or less often as long as there
// are only a few. It is one more for each joinCrowd that are there, so that no network
// takes hours to grow, and keeps itself up meanwhile.
const (
	joinPause = 10 * time.Millisecond
	joinFirst = 16 * time.Second
	joinCrowd = 20_000
)

// settle is how long it takes the last of them to have refreshed its table.
const settle = time.Minute

// grow adds nodes that join through somebody who is there, until there are so
// many.
func (r *run) grow(size int) { r.growWith(size, r.addAndJoin) }

// growWith is grow with nodes as enter adds them.
func (r *run) growWith(size int, enter func()) {
	for r.Size() < size {
		for range min(1+r.Size()/joinCrowd, size-r.Size()) {
			enter()
		}
		r.Run(max(joinPause, joinFirst/time.Duration(r.Size())))
	}
	r.Run(settle)
	if failed := r.failedJoins.Load(); failed > 0 {
		r.report.note("joins failed", float64(failed), "")
	}
}

// addAndJoin adds a node that joins through somebody who is there.
func (r *run) addAndJoin() {
	slot := r.Add()
	if r.Size() > 1 {
		r.Join(slot, r.seeds(slot), func(err error) {
			if err != nil {
				r.failedJoins.Add(1)
			}
		})
	}
}

// seeds returns two nodes through which to join, or one if there are so few.
func (r *run) seeds(self int) []int {
	var list []int
	for tries := 0; len(list) < 2 && tries < 20; tries++ {
		if s := r.randomEngine(); s != self && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// valueOf is what is stored under the nth key.
func valueOf(n int) core.Value { return core.String(fmt.Sprintf("value %d", n)) }

// publish has random nodes set so many values.
func (r *run) publish(count int) {
	first := len(r.keys)
	for i := range count {
		r.keys = append(r.keys, core.Key(fmt.Sprintf("%d of %d", first+i, r.Seed)))
	}
	ops := r.each(count, opPause, func(i int) *op { return r.set(r.randomEngine(), r.keys[first+i], valueOf(first+i)) })
	stored := 0
	for i, o := range ops {
		stored += o.nodes
		if !o.done || o.err != nil {
			r.unstored = append(r.unstored, first+i)
		}
	}
	r.report.note("nodes that acknowledged a set, mean", float64(stored)/float64(count), "")
	if len(r.unstored) > 0 {
		r.report.note("sets that failed", float64(len(r.unstored)), "")
	}
}

// opPause lies between the starts of two operations that are measured.
const opPause = 20 * time.Millisecond

// gets has random nodes get so many random keys.
func (r *run) gets(count int) *sample {
	s := &sample{}
	which := make([]int, count)
	s.ops = r.each(count, opPause, func(i int) *op {
		which[i] = r.randomKey()
		return r.get(r.randomEngine(), r.keys[which[i]])
	})
	for i, o := range s.ops {
		switch {
		case o.done && o.err == nil && o.found.Value == valueOf(which[i]):
			s.right++
		case o.done && o.err == nil:
			s.wrong++
		}
	}
	return s
}

// randomKey returns which key is to be got: one that has been set.
func (r *run) randomKey() int {
	for {
		if i := r.rand.IntN(len(r.keys)); !slices.Contains(r.unstored, i) {
			return i
		}
	}
}

// sample is operations of one kind.
type sample struct {
	ops          []*op
	right, wrong int // gets that found the value, or another one
}

func (s *sample) success() float64 { return float64(s.right) / float64(len(s.ops)) }

// of returns a sorted list of what f says of the operations for which a lookup
// was made that ended well.
func (s *sample) of(f func(*op) float64) []float64 {
	var list []float64
	for _, o := range s.ops {
		if o.done && o.err == nil && !o.local {
			list = append(list, f(o))
		}
	}
	slices.Sort(list)
	return list
}

func (s *sample) seconds() []float64 {
	return s.of(func(o *op) float64 { return o.took.Seconds() })
}

func (s *sample) hops() []float64 { return s.of(func(o *op) float64 { return float64(o.hops) }) }

func (s *sample) requests() []float64 {
	return s.of(func(o *op) float64 { return float64(o.requests) })
}

func mean(list []float64) float64 {
	sum := 0.
	for _, x := range list {
		sum += x
	}
	return sum / float64(max(len(list), 1))
}

// lookups has random nodes look for the k nodes nearest to random ids, and
// returns how many of those that there are they found.
func (r *run) lookups(count int) (s *sample, found float64) {
	s = &sample{}
	o := r.newOracle(func(slot int) bool { return r.nodes[slot].peer != nil })
	var targets []core.ID
	var who []core.ID
	s.ops = r.each(count, opPause, func(int) *op {
		target, slot := randomID(r.ids), r.randomEngine()
		targets, who = append(targets, target), append(who, r.nodes[slot].id)
		return r.lookup(slot, target)
	})
	for i, x := range s.ops {
		want := slices.DeleteFunc(o.nearest(targets[i], r.k()+1), func(id core.ID) bool { return id == who[i] })
		slices.SortFunc(want, targets[i].Nearer)
		found += recall(x.nearest, want[:min(len(want), r.k())]) / float64(count)
	}
	return s, found
}

// noteTimes notes the quantiles of how long operations took.
func (r *run) noteTimes(name string, s *sample) {
	t := s.seconds()
	r.report.note(name+" p50", percentile(t, 0.5), "s")
	r.report.note(name+" p90", percentile(t, 0.9), "s")
	r.report.note(name+" p99", percentile(t, 0.99), "s")
}

// noteGets has gets measured, of which a share of at least success should find the
// value.
func (r *run) noteGets(success float64) *sample {
	gets := r.gets(r.Ops)
	r.report.atLeast("gets that find the value", gets.success(), "", success)
	r.noteTimes("get", gets)
	return gets
}

// noteLookups has full lookups measured; found is what to call the share of the
// nearest nodes that they find.
func (r *run) noteLookups(count int, found string) *sample {
	lookups, part := r.lookups(count)
	r.noteTimes("full lookup", lookups)
	r.report.note(found, part, "")
	return lookups
}

// noteTraffic notes what has been sent since before, per node and hour.
func (r *run) noteTraffic(before Traffic, d time.Duration) {
	nodeHours := float64(r.Size()) * d.Hours()
	r.report.note("datagrams per node and hour", float64(r.Datagrams-before.Datagrams)/nodeHours, "")
	r.report.note("bytes per node and hour", float64(r.Bytes-before.Bytes)/nodeHours, "B")
}

func share(a, b uint64) float64 { return float64(a) / math.Max(float64(b), 1) }
