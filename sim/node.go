package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// peer is a participant: a core.Engine, a reference or an adversary. The methods are
// core.Engine's.
type peer interface {
	Receive(now time.Time, from netip.AddrPort, datagram []byte)
	Advance(now time.Time)
	Next() time.Time
	Flush(*core.Outbox)
}

// node is one slot of a network: an address, used by one node only. A node that comes
// back gets another slot, unless Network.restart starts it again in its own.
type node struct {
	peer
	id core.ID
	// wake is the time at which the peer is advanced next; never if it need not be.
	// later is the time of a second event in the queue for this node, left from a wake
	// that has moved forward since. Keeping it saves queueing that event anew at each
	// move, which would take 4 kB per node.
	wake, later time.Duration
	// tick is the resolution of the node's timers, such as 1 s in a background tab.
	// Zero means exact.
	tick  time.Duration
	pos   int32 // index in Network.alive, or gone
	group uint8 // partition: nodes of different groups do not reach each other
	down  bool  // whether its link is down
}

// gone is the node.pos of a node that has left.
const gone = -1

// firstIP is the address of slot 0, 20.0.0.0. The addresses after it are public too.
const firstIP = 20 << 24

// portOf returns the port of a slot. Ports differ, as in a real network.
func portOf(slot int) uint16 { return 1024 + uint16(slot%50_000) }

// addrOf returns the address of a slot.
func addrOf(slot int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], firstIP+uint32(slot))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), portOf(slot))
}

// slotOf returns the slot with an address. ok is false if there never was one.
func (n *Network) slotOf(a netip.AddrPort) (slot int, ok bool) {
	if !a.Addr().Is4() {
		return 0, false
	}
	ip := a.Addr().As4()
	slot = int(binary.BigEndian.Uint32(ip[:])) - firstIP
	return slot, slot >= 0 && slot < len(n.nodes) && a.Port() == portOf(slot)
}

// add puts a peer into the next slot.
func (n *Network) add(id core.ID, p peer) (slot int) {
	slot = len(n.nodes)
	n.nodes = append(n.nodes, node{peer: p, id: id, wake: never, later: never, pos: int32(len(n.alive))})
	n.alive = append(n.alive, int32(slot))
	return slot
}

// Add puts an engine with a random id into the next slot.
func (n *Network) Add() (slot int) { return n.addEngine(core.RandomID(n.ids)) }

// addEngine is Add with a given id.
func (n *Network) addEngine(id core.ID) (slot int) {
	l := n.laneOf(len(n.nodes))
	cfg := l.core
	cfg.ID = id
	slot = n.add(id, core.NewEngine(n.time(), cfg))
	l.rearm(slot)
	return slot
}

// Kill removes a node at once: other nodes get no farewell from it.
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

// engine returns the engine in a slot, or nil if the node has left or is no engine.
func (n *Network) engine(slot int) *core.Engine {
	e, _ := n.nodes[slot].peer.(*core.Engine)
	return e
}

// Random returns a random present node.
func (n *Network) Random() (slot int) { return int(n.alive[n.rand.IntN(len(n.alive))]) }

// randomEngine returns a random present engine. There must be one.
func (n *Network) randomEngine() (slot int) {
	for {
		if slot := n.Random(); n.engine(slot) != nil {
			return slot
		}
	}
}

// Join makes a node join through other nodes. done, if not nil, is called with the
// result and must not use the Network.
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

// drive calls an engine, if there is one in the slot, and sends its datagrams.
func (n *Network) drive(slot int, f func(*core.Engine)) {
	if e := n.engine(slot); e != nil {
		l := n.laneOf(slot)
		l.ops.slot = slot
		f(e)
		l.flush(slot)
	}
}
