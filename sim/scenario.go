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

// Options are the parameters of a scenario.
type Options struct {
	// Nodes is the size of the network. Zero means 1000.
	Nodes int
	Seed  uint64
	// Duration is the length, in virtual time, of scenarios without a fixed length.
	// Zero means each scenario's default.
	Duration time.Duration
	// K and B are fields of core.Config. Zero means its defaults.
	K, B int
	// Ops is the number of operations measured of each kind. Zero means 1000.
	Ops int
	// Charts adds histograms to the report.
	Charts   bool
	Progress func(Progress)
}

// Scenario is a network and a sequence of events to measure.
type Scenario struct {
	Name      string        `json:"name"`
	About     string        `json:"about"`
	configure func(*Config) // changes the default configuration; nil to keep it
	play      func(*run)
}

// run is one run of a scenario.
type run struct {
	*Network
	Options
	report      *Report
	keys        []core.ID
	unstored    []int // indices of keys whose set failed
	failedJoins atomic.Int64
}

// errNoScenario: no scenario has the name.
var errNoScenario = errors.New("no such scenario")

// Play runs a scenario by its name.
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

// While a network grows, one node joins every joinPause, or less often if the network
// is small: every joinFirst divided by its size. One more joins at a time for each
// joinCrowd nodes, so that growing a large network does not take hours, most of it
// spent on refreshing and republishing.
const (
	joinPause = 10 * time.Millisecond
	joinFirst = 16 * time.Second
	joinCrowd = 20_000
)

// settle is a pause in which the nodes that joined last refresh their tables.
const settle = time.Minute

// grow adds nodes until there are size, then lets settle pass. Each joins through
// present nodes.
func (r *run) grow(size int) { r.growWith(size, r.addAndJoin) }

// growWith is grow with nodes that enter adds, one at a call.
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

// addAndJoin adds a node that joins through present nodes.
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

// seeds returns two engines, or fewer in a small network, for self to join through.
func (r *run) seeds(self int) []int {
	var list []int
	for tries := 0; len(list) < 2 && tries < 20; tries++ {
		if s := r.randomEngine(); s != self && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// valueOf returns the value for the nth key.
func valueOf(n int) core.Value { return core.String(fmt.Sprintf("value %d", n)) }

// publish sets count new keys, each at a random node.
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

// opPause is the time between the starts of two measured operations.
const opPause = 20 * time.Millisecond

// gets makes random nodes get count random keys.
func (r *run) gets(count int) *sample {
	s := &sample{}
	keys := make([]int, count) // indices in r.keys
	s.ops = r.each(count, opPause, func(i int) *op {
		keys[i] = r.randomKey()
		return r.get(r.randomEngine(), r.keys[keys[i]])
	})
	for i, o := range s.ops {
		switch {
		case o.done && o.err == nil && o.found.Value == valueOf(keys[i]):
			s.right++
		case o.done && o.err == nil:
			s.wrong++
		}
	}
	return s
}

// randomKey returns the index of a random key whose set succeeded.
func (r *run) randomKey() int {
	for {
		if i := r.rand.IntN(len(r.keys)); !slices.Contains(r.unstored, i) {
			return i
		}
	}
}

// sample is measured operations of one kind.
type sample struct {
	ops          []*op
	right, wrong int // gets that found the value, and gets that found another value
}

// success is the share of gets that found the value.
func (s *sample) success() float64 { return float64(s.right) / float64(len(s.ops)) }

// of returns f of each successful operation that needed a lookup, sorted.
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

// seconds returns the durations, sorted.
func (s *sample) seconds() []float64 {
	return s.of(func(o *op) float64 { return o.took.Seconds() })
}

func (s *sample) hops() []float64 { return s.of(func(o *op) float64 { return float64(o.hops) }) }

func (s *sample) requests() []float64 {
	return s.of(func(o *op) float64 { return float64(o.requests) })
}

// mean returns the mean of a list; zero if it is empty.
func mean(list []float64) float64 {
	sum := 0.
	for _, x := range list {
		sum += x
	}
	return sum / float64(max(len(list), 1))
}

// lookups makes random nodes look up count random ids. found is the mean share of the k
// nearest present nodes among the contacts that a lookup returns.
func (r *run) lookups(count int) (s *sample, found float64) {
	s = &sample{}
	o := r.newOracle(func(slot int) bool { return r.nodes[slot].peer != nil })
	var targets []core.ID
	var self []core.ID // of the nodes that look up
	s.ops = r.each(count, opPause, func(int) *op {
		target, slot := core.RandomID(r.ids), r.randomEngine()
		targets, self = append(targets, target), append(self, r.nodes[slot].id)
		return r.lookup(slot, target)
	})
	for i, x := range s.ops {
		want := o.nearest(targets[i], r.k()+1)
		want = slices.DeleteFunc(want, func(id core.ID) bool { return id == self[i] })
		slices.SortFunc(want, targets[i].CompareDistance)
		found += recall(x.nearest, want[:min(len(want), r.k())]) / float64(count)
	}
	return s, found
}

// noteTimes adds quantiles of the durations of operations to the report.
func (r *run) noteTimes(name string, s *sample) {
	t := s.seconds()
	r.report.note(name+" p50", percentile(t, 0.5), "s")
	r.report.note(name+" p90", percentile(t, 0.9), "s")
	r.report.note(name+" p99", percentile(t, 0.99), "s")
}

// noteGets measures gets. At least a share of success should find the value.
func (r *run) noteGets(success float64) *sample {
	gets := r.gets(r.Ops)
	r.report.atLeast("gets that find the value", gets.success(), "", success)
	r.noteTimes("get", gets)
	return gets
}

// noteLookups measures full lookups. found names the share of the nearest nodes found.
func (r *run) noteLookups(count int, found string) *sample {
	lookups, part := r.lookups(count)
	r.noteTimes("full lookup", lookups)
	r.report.note(found, part, "")
	return lookups
}

// noteTraffic adds the traffic since before, in a time d, per node and hour.
func (r *run) noteTraffic(before Traffic, d time.Duration) {
	nodeHours := float64(r.Size()) * d.Hours()
	r.report.note("datagrams per node and hour", float64(r.Datagrams-before.Datagrams)/nodeHours, "")
	r.report.note("bytes per node and hour", float64(r.Bytes-before.Bytes)/nodeHours, "B")
}

// share returns a/b; a if b is zero.
func share(a, b uint64) float64 { return float64(a) / math.Max(float64(b), 1) }
