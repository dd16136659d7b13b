package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// serve answers a request (paper, section 2.3), and then gets to know its sender.
func (e *Engine) serve(now time.Duration, from netip.AddrPort, r *wire.Request) {
	e.stats.Served[r.Method]++
	if trace := e.cfg.Trace.Served; trace != nil {
		trace(e.epoch.Add(now), Contact{ID: ID(r.Sender), Addr: from}, r.Method.String())
	}
	var t wire.Trailer
	if r.Trailer.Present {
		t = wire.Trailer{Present: true, Caps: e.caps, Sender: e.id}
	}
	w, out := e.codec.write, e.out.buf
	switch r.Method {
	case wire.Stun:
		e.send(from, w.Stun(out, &r.Msg, from, &t))
		return
	case wire.Ping:
		id := wire.ID(e.id)
		e.send(from, w.Pong(out, &r.Msg, &id, &t))
	case wire.Store:
		kept := e.keep(now, ID(r.Target), Value{raw: string(r.Value)}, r.Trailer)
		if own, ok := e.holdings.get(now, ID(r.Target)); ok && !kept && t.Present {
			t.Life, t.Age, t.TTL = true, e.age(now, own), own.TTL
		}
		e.send(from, w.Stored(out, &r.Msg, kept, &t))
	case wire.FindNode:
		e.send(from, w.Contacts(out, &r.Msg, e.contactsFor(from, r), &t))
	case wire.FindValue:
		if rec, ok := e.holdings.get(now, ID(r.Target)); ok {
			if size := rec.Value.Size(); size <= smallAnswer || e.knows(ID(r.Sender), from) || e.reflection.pays(now, size) {
				e.sendValue(now, from, r.Msg, rec, r.Trailer.Present)
			} else {
				e.sendProven(now, from, r)
			}
		} else {
			e.send(from, w.Contacts(out, &r.Msg, e.contactsFor(from, r), &t))
		}
	}
	e.meet(now, Contact{ID: ID(r.Sender), Addr: from}, r.Trailer)
}

// contactsFor returns the k contacts nearest to what r is looking for: those that
// its sender can reach and does not know to be itself. Contacts that have not
// answered lately stand in only where there are too few others.
func (e *Engine) contactsFor(from netip.AddrPort, r *wire.Request) []wire.Contact {
	family := r.Trailer.Caps & (wire.CapIPv4 | wire.CapIPv6)
	if family == 0 {
		// A sender that does not say so is taken to reach its own family only:
		// each contact of the other would cost a Python node five seconds.
		family = familyOf(from)
	}
	scope, at, tag := audienceOf(from), endpointOf(from), tagOf(ID(r.Sender))
	fits := func(p *peer) bool {
		x := e.table.entry(p)
		return x.family&family != 0 && x.scope >= scope && (x.at.port != at.port || x.at != at) && (p.tag != tag || x.id != ID(r.Sender))
	}
	target := ID(r.Target)
	peers := e.table.closest(e.codec.peers[:0], target, e.cfg.K, func(p *peer) bool { return p.fails == 0 && fits(p) })
	if len(peers) < e.cfg.K {
		peers = e.table.closest(peers, target, e.cfg.K-len(peers), func(p *peer) bool { return p.fails > 0 && fits(p) })
	}
	list := e.codec.contacts[:0]
	for _, p := range peers {
		x := e.table.entry(p)
		list = append(list, wire.Contact{ID: x.id, Addr: x.addr()})
	}
	e.codec.peers, e.codec.contacts = peers, list
	return list
}

func familyOf(a netip.AddrPort) wire.Caps {
	if a.Addr().Is4() {
		return wire.CapIPv4
	}
	return wire.CapIPv6
}
