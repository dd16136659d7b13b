// Package sim runs networks of core.Engine, the production code with its real
// datagrams, in virtual time: a discrete-event simulation. The same seed gives the
// same run on every platform, which Network.Digest shows.
package sim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
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
	cfg   Config
	rand  *rand.Rand  // what scenarios draw from
	ids   rand.Source // and ids
	now   time.Duration
	lanes []*lane
	side  int    // which of each lane's two sets of parcels is being filled
	many  uint64 // events in one window are worth another processor
	busy  bool   // there were so many in the last one
	shown uint64

	agenda queue // of what scenarios have planned
	plans  []func()
	spent  []int32 // of plans, to be used again

	nodes []node
	alive []int32
	tap   func(from, to int, datagram []byte) // sees all that is sent, if it is not nil

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

// peer is what stands at an address: a core.Engine, or somebody who plays other
// rules.
type peer interface {
	Receive(now time.Time, from netip.AddrPort, datagram []byte)
	Advance(now time.Time)
	Next() time.Time
	Flush(*core.Outbox)
}

// node is a place in the network. It belongs to one peer for ever: who comes back
// has another address.
type node struct {
	peer
	id core.ID
	// wake is when the node is woken, for which an event is queued. There may be one
	// more, for later: a node is woken for something sooner many times until then, and
	// to queue that event anew each time would take 4 kB per node.
	wake, later time.Duration
	// tick is the grain of the node's clock: timers in background tabs wait for it.
	tick  time.Duration
	pos   int32 // in Network.alive; noNode if it is gone
	group uint8 // nodes of different groups do not reach each other
	down  bool  // its link
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
		cfg:  cfg,
		rand: rand.New(rand.NewPCG(cfg.Seed, 1)),
		ids:  rand.NewPCG(cfg.Seed, 2),
		many: manyEvents,
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

// firstIP is the address of node 0: those that follow are all public. Ports differ
// as they do elsewhere.
const firstIP = 20 << 24

func portOf(slot int) uint16 { return 1024 + uint16(slot%50_000) }

func addrOf(slot int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], firstIP+uint32(slot))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), portOf(slot))
}

// slotOf returns which node an address is meant for; ok is false if there never
// was one.
func (n *Network) slotOf(a netip.AddrPort) (slot int, ok bool) {
	if !a.Addr().Is4() {
		return 0, false
	}
	ip := a.Addr().As4()
	slot = int(binary.BigEndian.Uint32(ip[:])) - firstIP
	return slot, slot >= 0 && slot < len(n.nodes) && a.Port() == portOf(slot)
}

// add puts a peer at the next address.
func (n *Network) add(id core.ID, p peer) (slot int) {
	slot = len(n.nodes)
	n.nodes = append(n.nodes, node{peer: p, id: id, wake: never, later: never, pos: int32(len(n.alive))})
	n.alive = append(n.alive, int32(slot))
	return slot
}

// Add puts an engine with a random id at the next address.
func (n *Network) Add() (slot int) { return n.addEngine(randomID(n.ids)) }

func (n *Network) addEngine(id core.ID) (slot int) {
	l := n.laneOf(len(n.nodes))
	cfg := l.core
	cfg.ID = id
	slot = n.add(id, core.NewEngine(n.time(), cfg))
	l.rearm(slot)
	return slot
}

func randomID(src rand.Source) (id core.ID) {
	binary.BigEndian.PutUint64(id[0:], src.Uint64())
	binary.BigEndian.PutUint64(id[8:], src.Uint64())
	binary.BigEndian.PutUint32(id[16:], uint32(src.Uint64()))
	return id
}

// Kill makes a node vanish without a farewell.
func (n *Network) Kill(slot int) {
	x := &n.nodes[slot]
	if x.pos == noNode {
		return
	}
	last := n.alive[len(n.alive)-1]
	n.alive[x.pos], n.nodes[last].pos = last, x.pos
	n.alive = n.alive[:len(n.alive)-1]
	x.pos, x.peer = noNode, nil
}

// engine returns the engine at a place, or nil.
func (n *Network) engine(slot int) *core.Engine {
	e, _ := n.nodes[slot].peer.(*core.Engine)
	return e
}

// Random returns a node that is there.
func (n *Network) Random() (slot int) { return int(n.alive[n.rand.IntN(len(n.alive))]) }

// randomEngine returns one that is an engine.
func (n *Network) randomEngine() (slot int) {
	for {
		if slot := n.Random(); n.engine(slot) != nil {
			return slot
		}
	}
}

// Join has a node join through others, and calls done with what became of it if
// that is not nil. It must leave the Network alone.
func (n *Network) Join(slot int, seeds []int, done func(error)) {
	addrs := make([]netip.AddrPort, len(seeds))
	for i, s := range seeds {
		addrs[i] = addrOf(s)
	}
	n.drive(slot, func(e *core.Engine) {
		e.Bootstrap(n.time(), addrs, func(_ int, err error) {
			if done != nil {
				done(err)
			}
		})
	})
}

// drive calls an engine, and does what comes of it.
func (n *Network) drive(slot int, f func(*core.Engine)) {
	if e := n.engine(slot); e != nil {
		l := n.laneOf(slot)
		l.current = slot
		f(e)
		l.flush(slot)
	}
}

// After calls f when d has passed.
func (n *Network) After(d time.Duration, f func()) {
	plan := int32(len(n.plans))
	if last := len(n.spent) - 1; last >= 0 {
		plan, n.spent = n.spent[last], n.spent[:last]
		n.plans[plan] = f
	} else {
		n.plans = append(n.plans, f)
	}
	n.agenda.push(event{at: n.now + d, from: plan})
}

// Run lets so much time pass.
func (n *Network) Run(d time.Duration) {
	end := n.now + d
	for {
		next, plan := n.next(), n.agenda.next()
		if min(next, plan) > end {
			break
		}
		if plan <= next {
			n.moveTo(plan)
			n.follow(n.agenda.pop().from)
			continue
		}
		n.moveTo(next)
		n.window(min(next+quickest, plan, end+1))
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
		at = min(at, l.queue.next(), l.soonest)
	}
	return at
}

// follow does what a scenario has planned.
func (n *Network) follow(plan int32) {
	n.Events++
	f := n.plans[plan]
	n.plans[plan] = nil
	n.spent = append(n.spent, plan)
	f()
}
