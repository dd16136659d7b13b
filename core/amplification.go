package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// A request has no proof of where it came from, and the answer can be a hundred
// times as long: who forges the source could use the node to flood somebody else.
// So the long answers to addresses that the node does not know are bounded in
// their sum; beyond that, an address must answer a ping first.

// freeAnswer is how many bytes of a value anybody gets: no more than what a list
// of contacts takes.
const freeAnswer = 1024

// The long answers to unknown addresses may have so many bytes, which come back
// at so many per second. Of those who are asked for proof there are maxProofs at
// a time; further requests are dropped.
const (
	amplifiedBytes  = 512 << 10
	amplifiedPerSec = 64 << 10
	maxProofs       = 32
)

// amplification is what may be sent to unknown addresses. The zero amplification has
// the whole allowance.
type amplification struct {
	spent  int           // bytes of amplifiedBytes
	at     time.Duration // of the last change
	proofs int           // under way
}

// pays reports whether an answer of n bytes may be sent, and counts it.
func (r *amplification) allow(now time.Duration, n int) bool {
	back := int(min(now-r.at, time.Minute) * amplifiedPerSec / time.Second)
	if back > 0 {
		r.spent, r.at = max(0, r.spent-back), now
	}
	if r.spent+n > amplifiedBytes {
		return false
	}
	r.spent += n
	return true
}

// knows reports whether the contact of that id has answered from that address.
func (e *Engine) hasVerified(id ID, addr netip.AddrPort) bool {
	p := e.table.get(id)
	return p != nil && p.proven && e.table.addr(p) == addr
}

// answerAfterProof answers a request for a value after its sender has answered a ping.
func (e *Engine) answerAfterProof(now time.Duration, from netip.AddrPort, r *wire.Request) {
	if e.amplification.proofs == maxProofs {
		e.drop(DropUnproven)
		return
	}
	e.amplification.proofs++
	msg, key, current := r.Msg, ID(r.Target), r.Trailer.Present
	e.ask(now, 0, Contact{Addr: from}, wire.Request{Method: wire.Ping}, false, func(now time.Duration, a *wire.Answer) {
		e.amplification.proofs--
		rec, ok := e.records.get(now, key)
		if a == nil || !ok {
			e.drop(DropUnproven)
			return
		}
		e.sendValue(now, from, msg, rec, current)
	})
}

// sendValue answers a request with a record, and says how old it is to a node of
// ours.
func (e *Engine) sendValue(now time.Duration, to netip.AddrPort, msg wire.MsgID, r Record, current bool) {
	var t wire.Trailer
	if current {
		t = wire.Trailer{Present: true, Caps: e.caps, Sender: e.id, Life: true, Age: e.age(now, r), TTL: r.TTL}
	}
	e.send(to, e.codec.write.Value(e.out.buf, &msg, []byte(r.Value.raw), &t))
}

// serveClient answers what a client must: the ping of a node that it has asked,
// which may want to know whether the request was its own.
func (e *Engine) serveClient(from netip.AddrPort, r *wire.Request) {
	if r.Method == wire.Ping {
		for _, c := range e.calls {
			if c.to.Addr == from {
				id, t := wire.ID(e.id), wire.Trailer{}
				if r.Trailer.Present {
					t = wire.Trailer{Present: true, Caps: e.caps, Sender: e.id}
				}
				e.send(from, e.codec.write.Pong(e.out.buf, &r.Msg, &id, &t))
				return
			}
		}
	}
	e.drop(DropClient)
}
