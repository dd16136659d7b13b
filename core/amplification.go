package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// amplification bounds the long answers to unknown addresses. A request does not
// prove its source, and an answer can be a hundred times as long: with a forged
// source, the node would flood a third party. Beyond the bound, an address must
// answer a ping first.
//
// The zero amplification has the whole allowance.
type amplification struct {
	e      *Engine
	spent  int           // bytes of amplifiedBytes
	at     time.Duration // of the last change
	proofs int           // pings under way
}

// freeAnswer is the size up to which a value is sent to any address, in bytes: no
// more than a list of contacts takes.
const freeAnswer = 1024

// Long answers to unknown addresses may use amplifiedBytes, of which
// amplifiedPerSec come back each second. At most maxProofs addresses are pinged for
// a proof at a time; further requests are dropped.
const (
	amplifiedBytes  = 512 << 10
	amplifiedPerSec = 64 << 10
	maxProofs       = 32
)

// allow reports whether an answer of n bytes may be sent, and counts it.
func (a *amplification) allow(now time.Duration, n int) bool {
	back := int(min(now-a.at, time.Minute) * amplifiedPerSec / time.Second)
	if back > 0 {
		a.spent, a.at = max(0, a.spent-back), now
	}
	if a.spent+n > amplifiedBytes {
		return false
	}
	a.spent += n
	return true
}

// hasVerified reports whether the contact of that id has answered from addr.
func (e *Engine) hasVerified(id ID, addr netip.AddrPort) bool {
	p := e.table.get(id)
	return p != nil && p.proven && e.table.addr(p) == addr
}

// answerAfterProof answers a request for a value once its sender has answered a
// ping.
func (a *amplification) answerAfterProof(now time.Duration, from netip.AddrPort, r *wire.Request) {
	e := a.e
	if a.proofs == maxProofs {
		e.drop(dropUnproven)
		return
	}
	a.proofs++
	msg, key, extended := r.Msg, ID(r.Target), r.Trailer.Present
	q := query{to: Contact{Addr: from}, req: wire.Request{Method: wire.Ping}}
	e.calls.ask(now, q, func(now time.Duration, pong *wire.Answer) {
		a.proofs--
		rec, ok := e.records.get(now, key)
		if pong == nil || !ok {
			e.drop(dropUnproven)
			return
		}
		e.serve.value(now, from, msg, rec, extended)
	})
}
