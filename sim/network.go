// Package sim runs networks of core.Engine, the production code with its real
// datagrams, in virtual time: a discrete-event simulation in one goroutine. The
// same seed gives the same run on every platform, which Network.Digest shows.
package sim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Config is what a network is made of. The zero value is ready to use.
type Config struct {
	Seed uint64
	// Core is what all nodes have in common. Its ID, Rand, Family and Scratch are not
	// used, nor the functions of its Trace that are set here; with a Store, all nodes
	// would keep their values in one.
	Core core.Config
	Link Link
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
	rand  *rand.Rand // what links and scenarios draw from
	ids   rand.Source
	now   time.Duration
	queue queue
	pool  pool
	plans []func()
	spent []int32 // of plans, to be used again

	nodes   []node
	alive   []int32
	scratch *core.Scratch
	out     core.Outbox
	parse   *wire.Parser // of those that are no engines
	write   *wire.Writer
	tap     func(from, to int, datagram []byte) // sees all that is sent, if it is not nil
	current int                                 // the node that is being driven
	op      *op                                 // that the node is being told to start
	ops     map[opKey]*op
	digest  digest

	Traffic
}

// Traffic counts what has happened in a network.
type Traffic struct {
	Events    uint64
	Datagrams uint64
	Bytes     uint64
	Evicted   uint64 // contacts that were alive
	Left      uint64 // nodes that were replaced
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
	id   core.ID
	wake time.Duration // for which an event is queued
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
	n := &Network{
		cfg:     cfg,
		rand:    rand.New(rand.NewPCG(cfg.Seed, 1)),
		ids:     rand.NewPCG(cfg.Seed, 2),
		scratch: core.NewScratch(),
		parse:   wire.NewParser(),
		write:   wire.NewWriter(),
		ops:     make(map[opKey]*op),
	}
	if n.cfg.Core.K <= 0 {
		n.cfg.Core.K = 20
	}
	n.cfg.Core.Rand, n.cfg.Core.Scratch = n.ids, n.scratch
	n.cfg.Core.Family = core.FamilyIPv4
	n.cfg.Core.Trace.Lookup = n.traceLookup
	if cfg.WatchContacts {
		n.cfg.Core.Trace.Contact = n.traceContact
	}
	return n
}

// Now is how much virtual time has passed.
func (n *Network) Now() time.Duration { return n.now }

// Digest is a hash of all datagrams so far.
func (n *Network) Digest() uint64 { return uint64(n.digest) }

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
	n.nodes = append(n.nodes, node{peer: p, id: id, wake: never, pos: int32(len(n.alive))})
	n.alive = append(n.alive, int32(slot))
	return slot
}

// Add puts an engine with a random id at the next address.
func (n *Network) Add() (slot int) { return n.addEngine(randomID(n.ids), n.cfg.Core) }

func (n *Network) addEngine(id core.ID, cfg core.Config) (slot int) {
	cfg.ID = id
	slot = n.add(id, core.NewEngine(n.time(), cfg))
	n.rearm(slot)
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
// that is not nil.
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
		n.current = slot
		f(e)
		n.flush(slot)
	}
}

// flush sends what a node wants to send, and notes when it wants to be woken.
func (n *Network) flush(slot int) {
	n.nodes[slot].Flush(&n.out)
	for i := range n.out.Len() {
		to, d := n.out.At(i)
		n.send(slot, to, d)
	}
	n.rearm(slot)
}

// rearm queues an event for when a node wants to be woken.
func (n *Network) rearm(slot int) {
	x := &n.nodes[slot]
	at := max(x.Next().Sub(epoch), n.now)
	if x.tick > 0 {
		at = (at + x.tick - 1) / x.tick * x.tick
	}
	if at < x.wake {
		x.wake = at
		n.queue.push(event{at: at, to: int32(slot)})
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
	n.queue.push(event{at: n.now + d, to: noNode, from: plan})
}

// Run lets so much time pass.
func (n *Network) Run(d time.Duration) {
	end := n.now + d
	for len(n.queue.heap) > 0 && n.queue.heap[0].at <= end {
		n.step()
	}
	n.now = end
}

// step lets the next thing happen.
func (n *Network) step() {
	ev := n.queue.pop()
	n.now = ev.at
	n.Events++
	if n.Events%progressEvery == 0 && n.cfg.Progress != nil {
		n.cfg.Progress(Progress{len(n.alive), n.now, n.Events})
	}
	switch {
	case ev.to == noNode:
		f := n.plans[ev.from]
		n.plans[ev.from] = nil
		n.spent = append(n.spent, ev.from)
		f()
	case ev.data != 0:
		n.deliver(ev)
	default:
		n.wakeUp(ev)
	}
}

func (n *Network) deliver(ev event) {
	to := int(ev.to)
	if x := &n.nodes[to]; x.pos != noNode && !x.down {
		n.current = to
		x.Receive(n.time(), addrOf(int(ev.from)), n.pool.block(ev.data)[:ev.size])
		n.flush(to)
	}
	n.pool.release(ev.data)
}

func (n *Network) wakeUp(ev event) {
	slot := int(ev.to)
	x := &n.nodes[slot]
	if x.pos == noNode || x.wake != ev.at {
		return // it has been woken since, for something sooner
	}
	x.wake = never
	n.current = slot
	x.Advance(n.time())
	n.flush(slot)
}
