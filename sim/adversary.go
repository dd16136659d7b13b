package sim

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// behavior is what an adversary does when it is asked for nodes or a value. All of
// them answer pings, so that they keep their places in tables, and say that they
// have stored what they throw away.
type behavior uint8

const (
	silent    behavior = iota // it says nothing
	lying                     // it names nodes next to what is looked for, where there are none
	colluding                 // it names its accomplices
	forging                   // it gives a value of its own
)

// adversary is a node that does harm.
type adversary struct {
	lane        *lane
	slot        int
	id          core.ID
	behavior    behavior
	accomplices []wire.Contact
}

// corrupt makes an adversary of whoever is at a place.
func (n *Network) corrupt(slot int, m behavior) *adversary {
	a := &adversary{lane: n.laneOf(slot), slot: slot, id: n.nodes[slot].id, behavior: m}
	n.nodes[slot].peer = a
	return a
}

// Advance implements peer.
func (a *adversary) Advance(time.Time) {}

// Next implements peer: an adversary does nothing by itself.
func (a *adversary) Next() time.Time { return epoch.AddDate(100, 0, 0) }

// Flush implements peer: an adversary sends at once.
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

// invent makes up k nodes that are nearer to target than any can be.
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
