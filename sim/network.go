// Package sim runs networks of core.Engine, the production code with its real
// datagrams, in virtual time: a discrete-event simulation. The same seed gives the
// same run on every platform, which Network.Digest shows.
package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// Config is what a network is made of. The zero value is ready to use.
type Config struct {
	Seed uint64
	// Core is what all nodes have in common. Its ID, Rand, Family and Scratch are not
	// used, nor the functions of its Trace that are set here; with a Store, all nodes
	// would keep their values in one.
	Core core.Config
	Link Link
	// Lanes is into how many parts the network is divided, which run at the same time
	// as far as there are processors. The run depends on it, but not on those. Zero
	// means one. With more, the functions of Core and Link are called concurrently.
	Lanes int
	// WatchContacts has Network.Evicted counted.
	WatchContacts bool
	// Progress is called every so many events, if it is not nil.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	Nodes   int
	Virtual time.Duration
	Events  uint64
}

// progressEvery is how many events lie between two calls of Config.Progress.
const progressEvery = 1 << 16

// Network is a simulated network. It is not safe for concurrent use.
type Network struct {
	cfg     Config
	rand    *rand.Rand  // for scenarios' choices
	ids     rand.Source // for ids
	now     time.Duration
	agenda  agenda
	lanes   []*lane
	windows windows
	shown   uint64 // Events at the last call of Config.Progress

	nodes []node
	alive []int32                             // indices of nodes that have not left, in no order
	tap   func(from, to int, datagram []byte) // called for each datagram sent, if it is not nil

	Traffic
}

// Traffic counts what has happened in a network, until the end of the last Run.
type Traffic struct {
	Events    uint64
	Datagrams uint64
	Bytes     uint64
	Evicted   uint64 // contacts that were alive
	Left      uint64 // nodes that were replaced
}

func (t *Traffic) add(o Traffic) {
	t.Events += o.Events
	t.Datagrams += o.Datagrams
	t.Bytes += o.Bytes
	t.Evicted += o.Evicted
	t.Left += o.Left
}

const never = time.Duration(math.MaxInt64)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// New returns an empty network.
func New(cfg Config) *Network {
	if cfg.Link.Latency == nil {
		cfg.Link.Latency = LogNormal(100*time.Millisecond, 0.6)
	}
	if cfg.Link.ReorderBy == 0 {
		cfg.Link.ReorderBy = time.Second
	}
	if cfg.Core.K <= 0 {
		cfg.Core.K = 20
	}
	cfg.Core.Family = core.FamilyIPv4
	n := &Network{
		cfg:     cfg,
		rand:    rand.New(rand.NewPCG(cfg.Seed, 1)),
		ids:     rand.NewPCG(cfg.Seed, 2),
		windows: windows{many: manyEvents},
	}
	for i := range max(cfg.Lanes, 1) {
		n.lanes = append(n.lanes, newLane(n, i))
	}
	return n
}

// Now is how much virtual time has passed.
func (n *Network) Now() time.Duration { return n.now }

// Digest is a hash of all datagrams so far.
func (n *Network) Digest() uint64 {
	sum := n.lanes[0].digest
	for _, l := range n.lanes[1:] {
		sum.add(uint64(l.digest))
	}
	return uint64(sum)
}

// Size is the number of nodes that are there.
func (n *Network) Size() int { return len(n.alive) }

// k is the bucket size.
func (n *Network) k() int { return n.cfg.Core.K }

func (n *Network) time() time.Time { return epoch.Add(n.now) }

// After calls f when d has passed.
func (n *Network) After(d time.Duration, f func()) { n.agenda.add(n.now+d, f) }

// Run lets so much time pass.
func (n *Network) Run(d time.Duration) {
	end := n.now + d
	for {
		next, plan := n.next(), n.agenda.queue.next()
		if min(next, plan) > end {
			break
		}
		if plan <= next {
			n.moveTo(plan)
			n.Events++
			n.agenda.pop()()
			continue
		}
		n.moveTo(next)
		n.window(min(next+minLatency, plan, end+1))
	}
	n.moveTo(end)
	n.sum()
}

// moveTo sets the time, for all.
func (n *Network) moveTo(at time.Duration) {
	n.now = at
	for _, l := range n.lanes {
		l.moveTo(at)
	}
}

// sum adds up what the lanes have counted.
func (n *Network) sum() {
	for _, l := range n.lanes {
		n.Traffic.add(l.Traffic)
		l.Traffic = Traffic{}
	}
}

// next is when something happens to a node.
func (n *Network) next() time.Duration {
	at := never
	for _, l := range n.lanes {
		at = min(at, l.inbox.next(), l.outbound.soonest)
	}
	return at
}
