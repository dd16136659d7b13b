package webrtc

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// offer begins a channel to p, if it still deserves one and there is room.
func (m *machine) offer(now time.Time, p *peer) {
	worn := p.open != nil && p.open.records >= renewAfter
	switch {
	case p.trial != nil, p.open != nil && !worn, p.open == nil && !p.deserves(now):
		return
	case m.trials(true) >= m.limits.offers:
		p.wish = now.Add(time.Second)
		return
	case !worn && !m.room(now, p):
		p.notBefore = now.Add(offerEvery)
		return
	}
	p.notBefore = now.Add(offerEvery)
	c := m.begin(now, p)
	c.offering = true
	binary.BigEndian.PutUint64(c.nonce[:], m.rand.Uint64())
	for i := 0; i < len(c.msg); i += 4 {
		binary.BigEndian.PutUint32(c.msg[i:], m.rand.Uint32())
	}
	m.offers[c.msg] = c
	m.orders = append(m.orders, order{verb: makeOffer, ch: c.id})
}

// begin makes a channel, which is p's trial.
func (m *machine) begin(now time.Time, p *peer) *channel {
	m.lastID++
	c := &channel{id: m.lastID, peer: p, began: now, since: now}
	m.channels[c.id] = c
	p.trial = c
	m.at(c.due())
	return c
}

// trials returns how many channels are being set up by offers of this node, or by
// those of others.
func (m *machine) trials(own bool) (n int) {
	for _, c := range m.channels {
		if c.stage < carrying && c.offering == own {
			n++
		}
	}
	return n
}

// room reports whether there may be one more channel, for p. If there are as many
// as there may be, the least useful one goes, if p is worth more or nobody has used
// it for a while.
func (m *machine) room(now time.Time, p *peer) bool {
	if len(m.channels) < m.limits.channels {
		return true
	}
	if !p.proven {
		return false // it may be nobody at all
	}
	var worst *channel
	for _, x := range m.peers.list {
		c := x.open
		if c != nil && x.trial == nil && now.Sub(c.since) >= longLived &&
			(worst == nil || x.useful(now) < worst.peer.useful(now)) {
			worst = c
		}
	}
	if worst == nil {
		return false
	}
	if now.Sub(worst.used) < longLived && p.useful(now) < 2*worst.peer.useful(now) {
		return false
	}
	m.fallBack(now, worst, FallbackDisplaced)
	return true
}

// described takes in what the driver says of the own end of a channel.
func (m *machine) described(now time.Time, ch chanID, d description) {
	c := m.channels[ch]
	if c == nil || c.stage != gathering {
		return
	}
	p := c.peer
	d.candidates = m.told(d.candidates, p)
	if c.offering {
		d.role = actpass
		o := offer{c.msg, m.self, c.nonce, d}
		c.signal = o.append(nil)
		c.enter(now, offered)
		m.counts.offersSent++
	} else {
		c.signal = appendAnswer(nil, c.msg, &d)
		c.enter(now, connecting)
	}
	m.signal(c)
}

// signal sends the offer or the answer, or sends it again.
func (m *machine) signal(c *channel) {
	c.sends++
	m.orders = append(m.orders, order{verb: datagram, to: c.peer.addr, data: c.signal})
	m.at(c.due())
}

// answered takes in an answer that is perhaps to an offer. It reports whether it
// was, so that it is nobody else's.
func (m *machine) answered(now time.Time, from netip.AddrPort, p []byte) bool {
	if len(m.offers) == 0 || len(p) < wire.HeaderLen {
		return false
	}
	c := m.offers[wire.MsgID(p[1:wire.HeaderLen])]
	if c == nil {
		return false
	}
	if c.peer.addr != from || c.stage != offered {
		return true // forged: the description is bound to the path
	}
	delete(m.offers, c.msg)
	d, err := parseAnswer(p)
	if err != nil {
		m.fail(now, c, FailureBadAnswer)
		return true
	}
	d.candidates = m.usable(now, d.candidates, c.peer)
	c.enter(now, connecting)
	m.orders = append(m.orders, order{verb: useAnswer, ch: c.id, remote: d})
	m.at(c.due())
	return true
}

// heardOffer takes in an offer from somebody.
func (m *machine) heardOffer(now time.Time, from netip.AddrPort, datagram []byte) {
	m.counts.offersHeard++
	o, err := parseOffer(datagram)
	if err != nil {
		m.counts.refused[RefusedMalformed]++
		return
	}
	p := m.peers.byAddr[from]
	if p != nil && p.trial != nil && !p.trial.offering && p.trial.nonce == o.nonce {
		if c := p.trial; c.stage == connecting && c.sends <= maxRepeats {
			m.signal(c) // the answer was lost
		}
		return
	}
	if why, refused := m.refuses(now, p, from, &o); refused {
		m.counts.refused[why]++
		return
	}
	if !m.budget.pays(now, o.nonce, p != nil && p.proven) {
		m.counts.refused[RefusedBusy]++
		return
	}
	if p == nil {
		p = m.peers.get(now, from)
	}
	if p == nil || p.open == nil && p.trial == nil && !m.room(now, p) {
		m.counts.refused[RefusedFull]++
		return
	}
	if p.trial != nil {
		m.abandon(p.trial)
	}
	m.answer(now, p, &o)
}

// answer begins the channel that an offer is for.
func (m *machine) answer(now time.Time, p *peer, o *offer) {
	if !p.proven {
		p.id = o.from
	}
	p.offered = now
	p.wish = time.Time{}
	c := m.begin(now, p)
	c.msg, c.nonce = o.msg, o.nonce
	d := o.description
	d.candidates = m.usable(now, d.candidates, p)
	m.orders = append(m.orders, order{verb: makeAnswer, ch: c.id, remote: d})
}

// refuses reports why an offer is not taken, if it is not. p is nil if the peer is
// not known.
func (m *machine) refuses(now time.Time, p *peer, from netip.AddrPort, o *offer) (Refusal, bool) {
	switch {
	case m.mode == RelayOnly:
		return RefusedMode, true
	case o.from == m.self, !from.Addr().IsValid(), from.Port() == 0, p != nil && p.proven && p.id != o.from:
		return RefusedIdentity, true
	case !m.sameIP && (p == nil || !p.proven):
		return RefusedStranger, true // neither side would know where to go
	case m.budget.replayed(now, o.nonce):
		return RefusedReplay, true
	case p != nil && now.Sub(p.offered) < offerEvery:
		return RefusedTooSoon, true
	case p != nil && p.trial != nil && p.trial.offering && (p.trial.stage > offered || bytes.Compare(m.self[:], o.from[:]) < 0):
		return RefusedGlare, true
	case m.trials(false) >= m.limits.answers:
		return RefusedBusy, true
	}
	return 0, false
}
