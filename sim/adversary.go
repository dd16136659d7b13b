package sim

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// behavior is an adversary's response to FIND_NODE and FIND_VALUE. Every adversary
// answers pings, and so keeps its place in routing tables. It acknowledges each STORE
// and drops the value.
type behavior uint8

const (
	silent    behavior = iota // no response
	lying                     // k contacts that do not exist, next to the target
	colluding                 // other adversaries
	forging                   // a forged value for FIND_VALUE, no contacts for FIND_NODE
)

// adversary is a peer that harms lookups by its behavior.
type adversary struct {
	lane        *lane
	slot        int
	id          core.ID
	behavior    behavior
	accomplices []wire.Contact // named if colluding
}

// corrupt replaces the peer in a slot by an adversary with the same id.
func (n *Network) corrupt(slot int, b behavior) *adversary {
	a := &adversary{lane: n.laneOf(slot), slot: slot, id: n.nodes[slot].id, behavior: b}
	n.nodes[slot].peer = a
	return a
}

// Advance implements peer. An adversary has no timers.
func (a *adversary) Advance(time.Time) {}

// Next implements peer: a century from now.
func (a *adversary) Next() time.Time { return epoch.AddDate(100, 0, 0) }

// Flush implements peer. The outbox is empty: Receive sends at once.
func (a *adversary) Flush(o *core.Outbox) { *o = core.Outbox{} }

// Receive implements peer.
func (a *adversary) Receive(_ time.Time, from netip.AddrPort, datagram []byte) {
	kind, msg, body, err := wire.Header(datagram)
	r := wire.Request{Msg: msg}
	if err != nil || kind != wire.KindRequest || a.lane.codec.parse.Request(body, &r) != nil {
		return
	}
	w := a.lane.codec.write
	t := &wire.Trailer{Present: true, Caps: wire.CapIPv4, Sender: a.id}
	switch {
	case r.Method == wire.Ping:
		a.lane.send(a.slot, from, w.Pong(nil, &msg, (*wire.ID)(&a.id), t))
	case r.Method == wire.Store:
		a.lane.send(a.slot, from, w.Stored(nil, &msg, true, t))
	case a.behavior == lying:
		a.lane.send(a.slot, from, w.Contacts(nil, &msg, a.invent(r.Target), t))
	case a.behavior == colluding:
		a.lane.send(a.slot, from, w.Contacts(nil, &msg, a.accomplices, t))
	case a.behavior == forging && r.Method == wire.FindValue:
		forged := core.String("forged")
		a.lane.send(a.slot, from, w.Value(nil, &msg, []byte(forged.Raw()), t))
	case a.behavior == forging:
		a.lane.send(a.slot, from, w.Contacts(nil, &msg, nil, t))
	}
}

// invent returns k contacts that do not exist. They share 96 bits with target, so that
// no real node is nearer.
func (a *adversary) invent(target core.ID) []wire.Contact {
	list := make([]wire.Contact, a.lane.net.k())
	for i := range list {
		id := target
		for j := 12; j < len(id); j++ {
			id[j] = byte(a.lane.core.Rand.Uint64())
		}
		list[i] = wire.Contact{ID: id, Addr: addrOf(1<<28 + a.lane.rand.IntN(1<<20))}
	}
	return list
}
