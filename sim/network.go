// Package sim runs networks of core.Engine, the production code with its real
// datagrams, in virtual time: a discrete-event simulation. The same seed gives the same
// run on every platform, which Network.Digest shows.
package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// Config describes a network. The zero value is ready to use.
type Config struct {
	Seed uint64
	// Core is the configuration of all engines, with K defaulting to 20. Its ID, Rand,
	// Family and Scratch are replaced. So is its Trace.Lookup, and Trace.Contact with
	// WatchContacts. All engines would share a Store.
	Core core.Config
	Link Link
	// Lanes is the number of parts of the network that run in parallel, as far as there
	// are processors. A run depends on Lanes, but not on the processors. With more than
	// one, the functions in Core and Link are called concurrently. Zero means one.
	Lanes int
	// WatchContacts turns on the count Traffic.Evicted.
	WatchContacts bool
	// Gets are the options of all gets.
	Gets core.GetOptions
	// Progress, if not nil, is called about every 65,536 events.
	Progress func(Progress)
}

// Progress is the state of a run.
type Progress struct {
	Nodes   int           // present
	Virtual time.Duration // virtual time passed
	Events  uint64
}

// progressEvery is the least number of events between two calls of Config.Progress.
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

// Traffic counts events in a network until the end of the last Run.
type Traffic struct {
	Events    uint64 // arrivals of datagrams, wake-ups and planned calls
	Datagrams uint64 // sent, lost ones included
	Bytes     uint64 // in these datagrams
	Evicted   uint64 // present nodes removed from a table; see Config.WatchContacts
	Left      uint64 // nodes replaced by churn
}

func (t *Traffic) add(o Traffic) {
	t.Events += o.Events
	t.Datagrams += o.Datagrams
	t.Bytes += o.Bytes
	t.Evicted += o.Evicted
	t.Left += o.Left
}

// never is the time of an event that does not happen.
const never = time.Duration(math.MaxInt64)

// epoch is the wall-clock time at which every run starts.
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

// Now returns the virtual time passed.
func (n *Network) Now() time.Duration { return n.now }

// Digest returns a hash of all datagrams sent so far, with their times, senders and
// receivers.
func (n *Network) Digest() uint64 {
	sum := n.lanes[0].digest
	for _, l := range n.lanes[1:] {
		sum.add(uint64(l.digest))
	}
	return uint64(sum)
}

// Size returns the number of present nodes.
func (n *Network) Size() int { return len(n.alive) }

// k returns the bucket size.
func (n *Network) k() int { return n.cfg.Core.K }

func (n *Network) time() time.Time { return epoch.Add(n.now) }

// After calls f once d has passed, during a Run.
func (n *Network) After(d time.Duration, f func()) { n.agenda.add(n.now+d, f) }

// Run lets d of virtual time pass.
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

// moveTo sets the time of the network and of its lanes.
func (n *Network) moveTo(at time.Duration) {
	n.now = at
	for _, l := range n.lanes {
		l.moveTo(at)
	}
}

// sum moves the lanes' counts into the network's.
func (n *Network) sum() {
	for _, l := range n.lanes {
		n.Traffic.add(l.Traffic)
		l.Traffic = Traffic{}
	}
}

// next returns the time of the first event of any node.
func (n *Network) next() time.Duration {
	at := never
	for _, l := range n.lanes {
		at = min(at, l.inbox.next(), l.outbound.soonest)
	}
	return at
}
