package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// serve answers a request (paper, section 2.3), and then takes note of its sender.
func (e *Engine) serve(now time.Duration, from netip.AddrPort, r *wire.Request) {
	e.stats.Served[r.Method]++
	if hook := e.cfg.Trace.Served; hook != nil {
		hook(e.clock.time(now), traced(Contact{ID: ID(r.Sender), Addr: from}), r.Method.String())
	}
	t := e.trailerFor(r)
	w, out := e.scratch.codec.write, e.scratch.out.buf
	switch r.Method {
	case wire.Stun:
		e.send(from, w.Stun(out, &r.Msg, from, &t))
		return
	case wire.Ping:
		id := wire.ID(e.id)
		e.send(from, w.Pong(out, &r.Msg, &id, &t))
	case wire.Store:
		kept := e.acceptStore(now, ID(r.Target), Value{raw: string(r.Value)}, r.Trailer)
		if own, ok := e.records.get(now, ID(r.Target)); ok && !kept && t.Present {
			t.Life, t.Age, t.TTL = true, e.age(now, own), own.TTL
		}
		e.send(from, w.Stored(out, &r.Msg, kept, &t))
	case wire.FindNode:
		e.send(from, w.Contacts(out, &r.Msg, e.contactsFor(from, r), &t))
	case wire.FindValue:
		if rec, ok := e.records.get(now, ID(r.Target)); ok {
			if size := rec.Value.Size(); size <= freeAnswer || e.hasVerified(ID(r.Sender), from) || e.amplify.allow(now, size) {
				e.sendValue(now, from, r.Msg, rec, r.Trailer.Present)
			} else {
				e.amplify.answerAfterProof(now, from, r)
			}
		} else {
			e.send(from, w.Contacts(out, &r.Msg, e.contactsFor(from, r), &t))
		}
	}
	e.verify.onRequest(now, Contact{ID: ID(r.Sender), Addr: from}, r.Trailer)
}

// trailerFor returns the trailer of an answer to r: a node that sends none gets none.
func (e *Engine) trailerFor(r *wire.Request) wire.Trailer {
	if !r.Trailer.Present {
		return wire.Trailer{}
	}
	return wire.Trailer{Present: true, Caps: e.caps, Sender: e.id}
}

// sendValue answers a request with a record. An extended asker also gets its age.
func (e *Engine) sendValue(now time.Duration, to netip.AddrPort, msg wire.MsgID, r Record, extended bool) {
	var t wire.Trailer
	if extended {
		t = wire.Trailer{Present: true, Caps: e.caps, Sender: e.id, Life: true, Age: e.age(now, r), TTL: r.TTL}
	}
	e.send(to, e.scratch.codec.write.Value(e.scratch.out.buf, &msg, []byte(r.Value.raw), &t))
}

// serveAsClient answers the one request that a client must answer: the ping of a
// node that it has asked, which may verify the source of the request in this way.
func (e *Engine) serveAsClient(from netip.AddrPort, r *wire.Request) {
	if r.Method == wire.Ping && e.calls.anyTo(from) {
		id, t := wire.ID(e.id), e.trailerFor(r)
		e.send(from, e.scratch.codec.write.Pong(e.scratch.out.buf, &r.Msg, &id, &t))
		return
	}
	e.drop(dropClient)
}

// contactsFor returns the k contacts nearest to the target of r, without the
// sender's own, and without contacts that the sender cannot reach. Contacts that
// have not answered lately come only where there are too few others.
func (e *Engine) contactsFor(from netip.AddrPort, r *wire.Request) []wire.Contact {
	family := r.Trailer.Caps & (wire.CapIPv4 | wire.CapIPv6)
	if family == 0 {
		// A sender that does not say is assumed to reach its own family only: each
		// contact of the other would cost a Python node five seconds.
		family = familyOf(from)
	}
	scope, at, tag := audienceOf(from), endpointOf(from), tagOf(ID(r.Sender))
	fits := func(p *peer) bool {
		x := e.table.entry(p)
		return x.family&family != 0 && x.scope >= scope && (x.at.port != at.port || x.at != at) && (p.tag != tag || x.id != ID(r.Sender))
	}
	target, codec := ID(r.Target), &e.scratch.codec
	peers := e.table.closest(codec.peers[:0], target, e.cfg.K, func(p *peer) bool { return p.fails == 0 && fits(p) })
	if len(peers) < e.cfg.K {
		peers = e.table.closest(peers, target, e.cfg.K-len(peers), func(p *peer) bool { return p.fails > 0 && fits(p) })
	}
	list := codec.contacts[:0]
	for _, p := range peers {
		x := e.table.entry(p)
		list = append(list, wire.Contact{ID: x.id, Addr: x.addr()})
	}
	codec.peers, codec.contacts = peers, list
	return list
}

func familyOf(a netip.AddrPort) wire.Caps {
	if a.Addr().Is4() {
		return wire.CapIPv4
	}
	return wire.CapIPv6
}
