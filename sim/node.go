package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

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
	pos   int32 // in Network.alive; gone if it is gone
	group uint8 // nodes of different groups do not reach each other
	down  bool  // its link
}

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
	if x.pos == gone {
		return
	}
	last := n.alive[len(n.alive)-1]
	n.alive[x.pos], n.nodes[last].pos = last, x.pos
	n.alive = n.alive[:len(n.alive)-1]
	x.pos, x.peer = gone, nil
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
		l.ops.slot = slot
		f(e)
		l.flush(slot)
	}
}
