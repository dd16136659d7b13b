package webrtc

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// offer begins a channel to p by an offer, if p still needs one and there is room.
func (e *engine) offer(now time.Time, p *peer) {
	switch {
	case !p.needsOffer(now):
		return
	case e.channels.pending(true) >= e.limits.offers:
		p.offerAt = now.Add(time.Second)
		return
	case p.open == nil && !e.makeRoom(now, p):
		p.notBefore = now.Add(offerEvery)
		return
	}
	p.notBefore = now.Add(offerEvery)
	c := e.newChannel(now, p)
	c.offering = true
	binary.BigEndian.PutUint64(c.nonce[:], e.rand.Uint64())
	for i := 0; i < len(c.msg); i += 4 {
		binary.BigEndian.PutUint32(c.msg[i:], e.rand.Uint32())
	}
	e.channels.byOffer[c.msg] = c
	e.emit(action{kind: makeOffer, ch: c.id})
}

// newChannel makes the pending channel of p.
func (e *engine) newChannel(now time.Time, p *peer) *channel {
	c := e.channels.add(now, p)
	p.pending = c
	e.wakeBy(c.due())
	return c
}

// makeRoom reports whether there is room for a channel to p. At the limit, the open
// channel of the lowest score makes room if it was idle for longLived, or has half the
// score of p at most. Channels younger than longLived stay.
func (e *engine) makeRoom(now time.Time, p *peer) bool {
	if len(e.channels.byID) < e.limits.channels {
		return true
	}
	if !p.proven {
		return false // its address may be forged
	}
	var worst *channel
	for _, x := range e.peers.list {
		c := x.open
		if c != nil && x.pending == nil && now.Sub(c.since) >= longLived &&
			(worst == nil || x.score(now) < worst.peer.score(now)) {
			worst = c
		}
	}
	if worst == nil {
		return false
	}
	if now.Sub(worst.used) < longLived && p.score(now) < 2*worst.peer.score(now) {
		return false
	}
	e.fallBack(now, worst, FallbackDisplaced)
	return true
}

// described handles an event of the driver: this end's description of a channel.
func (e *engine) described(now time.Time, ch chanID, d description) {
	c := e.channels.byID[ch]
	if c == nil || c.stage != stageGathering {
		return
	}
	p := c.peer
	d.candidates = e.candidatesToTell(d.candidates, p)
	if c.offering {
		d.role = actpass
		o := offer{c.msg, e.self, c.nonce, d}
		c.signal = o.append(nil)
		c.enter(now, stageOffered)
		e.counts.offersSent++
	} else {
		c.signal = appendAnswer(nil, c.msg, &d)
		c.enter(now, stageConnecting)
	}
	e.sendSignal(c)
}

// sendSignal sends this end's offer or answer, the first time or again.
func (e *engine) sendSignal(c *channel) {
	c.sends++
	e.emit(action{kind: sendDatagram, to: c.peer.addr, data: c.signal})
	e.wakeBy(c.due())
}

// receivedAnswer handles an answer. It returns false if the answer is not to an
// offer of this node, and thus the core's.
func (e *engine) receivedAnswer(now time.Time, from netip.AddrPort, p []byte) bool {
	if len(e.channels.byOffer) == 0 || len(p) < wire.HeaderLen {
		return false
	}
	c := e.channels.byOffer[wire.MsgID(p[1:wire.HeaderLen])]
	if c == nil {
		return false
	}
	if c.peer.addr != from || c.stage != stageOffered {
		return true // forged: an answer comes from the address of the offer
	}
	delete(e.channels.byOffer, c.msg)
	d, err := parseAnswer(p)
	if err != nil {
		e.fail(now, c, FailureBadAnswer)
		return true
	}
	d.candidates = e.candidatesToTry(now, d.candidates, c.peer)
	c.enter(now, stageConnecting)
	e.emit(action{kind: useAnswer, ch: c.id, remote: d})
	e.wakeBy(c.due())
	return true
}

// receivedOffer handles an offer, a datagram for which isOffer is true.
func (e *engine) receivedOffer(now time.Time, from netip.AddrPort, datagram []byte) {
	e.counts.offersHeard++
	o, err := parseOffer(datagram)
	if err != nil {
		e.counts.refused[RefusedMalformed]++
		return
	}
	p := e.peers.byAddr[from]
	if p != nil && p.pending != nil && !p.pending.offering && p.pending.nonce == o.nonce {
		if c := p.pending; c.stage == stageConnecting && c.sends <= maxRepeats {
			e.sendSignal(c) // the answer was lost
		}
		return
	}
	if why, refused := e.refusal(now, p, from, &o); refused {
		e.counts.refused[why]++
		return
	}
	if !e.budget.take(now, o.nonce, p != nil && p.proven) {
		e.counts.refused[RefusedBusy]++
		return
	}
	if p == nil {
		p = e.peers.get(now, from)
	}
	if p == nil || p.open == nil && p.pending == nil && !e.makeRoom(now, p) {
		e.counts.refused[RefusedFull]++
		return
	}
	if p.pending != nil {
		e.abandon(p.pending)
	}
	e.answer(now, p, &o)
}

// answer begins a channel by an answer to offer o.
func (e *engine) answer(now time.Time, p *peer, o *offer) {
	if !p.proven {
		p.id = o.from
	}
	p.offered = now
	p.offerAt = time.Time{}
	c := e.newChannel(now, p)
	c.msg, c.nonce = o.msg, o.nonce
	d := o.description
	d.candidates = e.candidatesToTry(now, d.candidates, p)
	e.emit(action{kind: makeAnswer, ch: c.id, remote: d})
}

// refusal returns the reason to refuse an offer and true, or false if there is none. p
// is nil for an unknown peer.
func (e *engine) refusal(now time.Time, p *peer, from netip.AddrPort, o *offer) (Refusal, bool) {
	switch {
	case e.mode == RelayOnly:
		return RefusedMode, true
	case o.from == e.self, !from.Addr().IsValid(), from.Port() == 0, p != nil && p.proven && p.id != o.from:
		return RefusedIdentity, true
	case !e.sameIP && (p == nil || !p.proven):
		return RefusedStranger, true // neither end would have an address to try
	case e.budget.replayed(now, o.nonce):
		return RefusedReplay, true
	case p != nil && now.Sub(p.offered) < offerEvery:
		return RefusedTooSoon, true
	case p != nil && p.pending != nil && p.pending.offering &&
		(p.pending.stage > stageOffered || bytes.Compare(e.self[:], o.from[:]) < 0):
		return RefusedGlare, true
	case e.channels.pending(false) >= e.limits.answers:
		return RefusedBusy, true
	}
	return 0, false
}
