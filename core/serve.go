package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// serving answers requests (paper, section 2.3).
type serving struct {
	e *Engine
}

// request answers a request (paper, section 2.3), and then takes note of its sender.
func (s *serving) request(now time.Duration, from netip.AddrPort, r *wire.Request) {
	e := s.e
	e.stats.Served[r.Method]++
	if hook := e.cfg.Trace.Served; hook != nil {
		hook(e.clock.time(now), traced(Contact{ID: ID(r.Sender), Addr: from}), r.Method.String())
	}
	t := s.trailer(r)
	w, out := e.scratch.codec.write, e.scratch.out.buf
	switch r.Method {
	case wire.Stun:
		e.send(from, w.Stun(out, &r.Msg, from, &t))
		return
	case wire.Ping:
		s.pong(from, r)
	case wire.Store:
		kept := e.acceptStore(now, ID(r.Target), Contact{ID: ID(r.Sender), Addr: from}, r.Value, r.Trailer)
		if own, ok := e.records.get(now, ID(r.Target)); ok && !kept && t.Present {
			e.describe(now, own, &t)
		}
		e.send(from, w.Stored(out, &r.Msg, kept, &t))
	case wire.FindNode:
		if own, ok := e.records.get(now, ID(r.Target)); ok && t.Present {
			t.Version = own.Version // for a writer of the key
		}
		e.send(from, w.Contacts(out, &r.Msg, s.contacts(from, r), &t))
	case wire.FindValue:
		s.findValue(now, from, r, &t)
	}
	e.verify.onRequest(now, Contact{ID: ID(r.Sender), Addr: from}, r.Trailer)
}

// findValue answers with the record, if there is one, or with contacts. A node that is
// not one of the k nearest, or in doubt after a sleep, has no more than a hint.
func (s *serving) findValue(now time.Duration, from netip.AddrPort, r *wire.Request, t *wire.Trailer) {
	e, key := s.e, ID(r.Target)
	rec, ok := e.records.get(now, key)
	doubt := e.doubt.about(key)
	if !ok || r.Trailer.Run == 0 && (rec.Deleted || doubt) {
		e.send(from, e.scratch.codec.write.Contacts(e.scratch.out.buf, &r.Msg, s.contacts(from, r), t))
		return
	}
	if doubt || e.table.countNearer(key) >= e.cfg.K {
		rec.Cached = true
	}
	if size := rec.Value.Size(); size <= freeAnswer || e.hasVerified(ID(r.Sender), from) || e.amplify.allow(now, size) {
		s.value(now, from, r.Msg, rec, r.Trailer.Present)
	} else {
		e.amplify.answerAfterProof(now, from, r)
	}
}

// pong answers a ping.
func (s *serving) pong(to netip.AddrPort, r *wire.Request) {
	e := s.e
	id, t := wire.ID(e.id), s.trailer(r)
	e.send(to, e.scratch.codec.write.Pong(e.scratch.out.buf, &r.Msg, &id, &t))
}

// trailer returns the trailer of an answer to r: a node that sends none gets none.
func (s *serving) trailer(r *wire.Request) wire.Trailer {
	e := s.e
	if !r.Trailer.Present {
		return wire.Trailer{}
	}
	t := wire.Trailer{Present: true, Caps: e.caps, Sender: e.id, Run: e.run, Network: e.network}
	if r.Method == wire.Ping {
		t.K = uint8(min(e.cfg.K, 255))
	}
	return t
}

// describe adds to a trailer the properties of a record.
func (e *Engine) describe(now time.Duration, r Record, t *wire.Trailer) {
	t.Life, t.Age, t.TTL, t.Version = true, e.age(now, r), r.TTL, r.Version
	if r.Cached {
		t.Marks |= wire.MarkCopy
	}
	if r.Deleted {
		t.Marks |= wire.MarkDeleted
	}
}

// encoded returns the value of a record on the wire: nil for a deletion.
func (r *Record) encoded() []byte {
	if r.Deleted {
		return []byte{msgpackNil}
	}
	return []byte(r.Value.raw)
}

const msgpackNil = 0xc0

// value answers a request with a record. An extended asker also gets its age.
func (s *serving) value(now time.Duration, to netip.AddrPort, msg wire.MsgID, r Record, extended bool) {
	e := s.e
	var t wire.Trailer
	if extended {
		t = wire.Trailer{Present: true, Caps: e.caps, Sender: e.id, Run: e.run, Network: e.network}
		e.describe(now, r, &t)
	}
	e.send(to, e.scratch.codec.write.Value(e.scratch.out.buf, &msg, r.encoded(), &t))
}

// asClient answers the one request that a client must answer: the ping of a
// node that it has asked, which may verify the source of the request in this way.
func (s *serving) asClient(from netip.AddrPort, r *wire.Request) {
	e := s.e
	if r.Method == wire.Ping && e.calls.anyTo(from) {
		s.pong(from, r)
		return
	}
	e.drop(dropClient)
}

// contacts returns the k contacts nearest to the target of r, without the
// sender's own, and without contacts that the sender cannot reach. Contacts that
// have not answered lately come only where there are too few others, and only for an
// extended sender: each of them costs a Python node five seconds. Stale contacts are
// named to nobody.
func (s *serving) contacts(from netip.AddrPort, r *wire.Request) []wire.Contact {
	e := s.e
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
	if len(peers) < e.cfg.K && r.Trailer.Present {
		peers = e.table.closest(peers, target, e.cfg.K-len(peers), func(p *peer) bool { return p.fails > 0 && !p.stale() && fits(p) })
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
