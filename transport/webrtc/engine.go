package webrtc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// limits bound how many channels a machine has.
type limits struct {
	channels int // in all
	offers   int // of them being set up by offers of its own
	answers  int // of them being set up by offers of others
}

// machine decides to whom there are channels: it makes and answers offers, keeps
// channels while they are of use, and gives them up when they are not or do not
// work. It has no clock, no goroutine and no socket. What happens is told by
// method calls, with the time; what is to be done is then in orders.
type machine struct {
	self   ID
	mode   Mode
	sameIP bool
	limits limits
	rand   *rand.Rand

	peers    peers
	channels map[chanID]*channel
	offers   map[wire.MsgID]*channel // of the node's own, without an answer
	leaving  []*channel
	budget   budget
	lastID   chanID

	wakeAt time.Time // no later than the first thing due; zero for never
	orders []order
	counts counts

	public    bool // of Config
	elsewhere allowance
	changed   func(p Path, why string) // of Config
}

// verb says what an order is.
type verb uint8

const (
	makeOffer  verb = iota // begin channel ch and describe the own end
	makeAnswer             // begin channel ch for the offer in remote
	useAnswer              // go on with channel ch, by the answer in remote
	end                    // end channel ch
	message                // send data over channel ch
	datagram               // send data to the address to over the wrapped conn
)

// order is something to be done outside of the machine, in the order given.
type order struct {
	verb   verb
	ch     chanID
	remote description
	to     netip.AddrPort
	data   []byte
}

func newMachine(self ID, mode Mode, sameIP bool, l limits, source rand.Source) *machine {
	return &machine{
		self: self, mode: mode, sameIP: sameIP, limits: l, rand: rand.New(source),
		peers:    peers{byAddr: make(map[netip.AddrPort]*peer)},
		channels: make(map[chanID]*channel),
		offers:   make(map[wire.MsgID]*channel),
	}
}

// take returns the orders that have come up, and forgets them.
func (m *machine) take() []order {
	list := m.orders
	m.orders = nil
	return list
}

// next returns when advance is to be called, or the zero time. It may be earlier
// than there is something to do.
func (m *machine) next() time.Time { return m.wakeAt }

func (m *machine) at(t time.Time) { m.wakeAt = earlier(m.wakeAt, t) }

// advance does what is due.
func (m *machine) advance(now time.Time) {
	if m.wakeAt.IsZero() || now.Before(m.wakeAt) {
		return
	}
	m.wakeAt = time.Time{}
	for _, c := range m.leaving {
		if !now.Before(c.due()) {
			m.drop(c)
		}
	}
	for _, p := range m.peers.list {
		m.wakePeer(now, p)
	}
	m.schedule()
}

func (m *machine) schedule() {
	for _, c := range m.leaving {
		m.at(c.due())
	}
	for _, p := range m.peers.list {
		m.at(p.wish)
		for _, c := range [...]*channel{p.open, p.trial} {
			if c != nil {
				m.at(c.due())
			}
		}
	}
}

func (m *machine) wakePeer(now time.Time, p *peer) {
	for _, c := range [...]*channel{p.open, p.trial} {
		if c != nil && !now.Before(c.due()) {
			m.wake(now, c)
		}
	}
	if !p.wish.IsZero() && !now.Before(p.wish) {
		p.wish = time.Time{}
		m.offer(now, p)
	}
}

// wake does what is due for a channel that is not leaving.
func (m *machine) wake(now time.Time, c *channel) {
	late := now.Sub(c.began) >= openWithin
	switch {
	case c.stage == carrying && now.Sub(c.used) >= idleClose:
		m.fallBack(now, c, FallbackIdle)
	case c.stage == carrying && c.guard.dead():
		m.fallBack(now, c, FallbackSilent)
	case c.stage == carrying:
		m.probe(now, c)
	case c.stage == offered && now.Sub(c.since) >= answerWithin:
		m.fail(now, c, FailureNoAnswer)
	case late:
		m.fail(now, c, FailureNotOpened)
	case c.stage == checking:
		m.probe(now, c)
	case c.stage == offered:
		m.signal(c)
	}
}

// met takes in that the node at addr has answered the core under id, and said
// that it takes direct paths. near says that it is a neighbour.
func (m *machine) met(now time.Time, addr netip.AddrPort, id ID, near bool) {
	if m.mode == RelayOnly || id == m.self {
		return
	}
	p := m.peers.get(now, addr)
	if p == nil {
		return
	}
	if p.id != id && p.proven {
		m.part(now, p) // somebody else has the address now
	}
	p.id, p.proven, p.near = id, true, near
	if p.use.count == 0 {
		p.use.add(now) // the request that was answered
	}
	m.consider(now, p)
}

// part ends whatever there is with p.
func (m *machine) part(now time.Time, p *peer) {
	if p.trial != nil {
		m.fail(now, p.trial, FailureReplaced)
	}
	if p.open != nil {
		m.fallBack(now, p.open, FallbackReplaced)
	}
	p.fails, p.notBefore, p.wish = 0, time.Time{}, time.Time{}
}

// consider plans an offer to p if it deserves one.
func (m *machine) consider(now time.Time, p *peer) {
	worn := p.open != nil && p.open.records >= renewAfter
	if p.trial != nil || !p.wish.IsZero() || !worn && (p.open != nil || !p.deserves(now)) {
		return
	}
	p.wish = now
	if bytes.Compare(m.self[:], p.id[:]) > 0 {
		p.wish = now.Add(yieldFor)
	}
	if p.wish.Before(p.notBefore) {
		p.wish = p.notBefore
	}
	m.at(p.wish)
}

// send takes in that data goes to an address, and returns the channel over which,
// or 0 for the wrapped conn.
func (m *machine) send(now time.Time, to netip.AddrPort, data []byte) chanID {
	p := m.peers.byAddr[to]
	if p == nil {
		return 0
	}
	p.use.add(now)
	c := p.open
	if c == nil || c.records >= renewAfter {
		m.consider(now, p)
	}
	if c == nil || len(data) > maxMessage || len(data) < wire.HeaderLen {
		return 0
	}
	if c.records >= endAfter {
		m.fallBack(now, c, FallbackWorn)
		return 0
	}
	c.used = now
	c.wrote(len(data))
	if c.guard.hold(now, data) {
		m.probe(now, c)
	}
	m.at(c.due())
	return c.id
}

// probe asks the other end of c for a sign of life.
func (m *machine) probe(now time.Time, c *channel) {
	m.control(c, probe, c.guard.probe(now))
	m.at(c.due())
}

func (m *machine) control(c *channel, kind byte, seq uint32) {
	c.wrote(controlLen)
	m.orders = append(m.orders, order{verb: message, ch: c.id, data: binary.BigEndian.AppendUint32([]byte{kind}, seq)})
}

// received takes in a message from a channel. If it is a datagram, it returns
// from whom.
func (m *machine) received(now time.Time, ch chanID, data []byte) (from netip.AddrPort, ok bool) {
	c := m.channels[ch]
	if c == nil || c.stage < connecting {
		return netip.AddrPort{}, false
	}
	c.records++ // its acknowledgement
	if c.stage == carrying && c.records >= renewAfter {
		m.consider(now, c.peer)
		if c.records >= endAfter {
			m.fallBack(now, c, FallbackWorn)
			return netip.AddrPort{}, false
		}
	}
	switch {
	case len(data) == 0:
	case data[0] == probe && len(data) == controlLen:
		m.control(c, echo, binary.BigEndian.Uint32(data[1:]))
	case data[0] == echo && len(data) == controlLen:
		if c.guard.echoed(now, binary.BigEndian.Uint32(data[1:])) && c.stage == checking {
			m.carry(now, c)
		}
	case len(data) > wire.HeaderLen && data[0] <= byte(wire.KindAnswer):
		c.used = now
		if wire.Kind(data[0]) == wire.KindAnswer {
			c.guard.answered(data)
		}
		return c.peer.addr, true
	}
	return netip.AddrPort{}, false
}

// carry makes c the channel to its peer: it works in both directions.
func (m *machine) carry(now time.Time, c *channel) {
	p := c.peer
	c.signal = nil
	c.used = now
	c.enter(now, carrying)
	p.trial = nil
	if old := p.open; old != nil {
		m.counts.renewals++
		m.release(old)
		old.enter(now, leaving)
		m.leaving = append(m.leaving, old)
		m.at(old.due())
	} else {
		m.counts.upgrades++
	}
	renewed := p.open != nil
	p.open = c
	m.at(c.due())
	if !renewed {
		m.report(now, p, "")
	}
}

// fallBack gives up a channel that carries: its peer is reached over the wrapped
// conn from now on, and so is what may not have arrived.
func (m *machine) fallBack(now time.Time, c *channel, why Fallback) {
	p := c.peer
	p.open = nil
	m.counts.fallbacks[why]++
	m.release(c)
	m.drop(c)
	m.report(now, p, why.String())
	if now.Sub(c.since) >= longLived {
		p.fails = 0
	}
	if why == FallbackIdle || why == FallbackDisplaced {
		p.notBefore = now.Add(longLived)
		return
	}
	p.failed(now)
	m.consider(now, p)
}

// release sends what c holds over the wrapped conn.
func (m *machine) release(c *channel) {
	for _, data := range c.guard.release() {
		m.counts.resent++
		m.orders = append(m.orders, order{verb: datagram, to: c.peer.addr, data: data})
	}
	m.counts.givenUp += c.guard.givenUp
}

// fail gives up a channel that has not come to carry anything.
func (m *machine) fail(now time.Time, c *channel, why Failure) {
	m.counts.failures[why]++
	m.abandon(c)
	if c.offering { // the offer of somebody else may have been another one's
		c.peer.failed(now)
	}
	m.consider(now, c.peer)
}

// abandon ends a trial, without consequences.
func (m *machine) abandon(c *channel) {
	c.peer.trial = nil
	m.drop(c)
}

// drop ends c, which its peer does not have any more.
func (m *machine) drop(c *channel) {
	delete(m.channels, c.id)
	delete(m.offers, c.msg)
	if c.stage == leaving {
		for i, x := range m.leaving {
			if x == c {
				m.leaving = append(append([]*channel(nil), m.leaving[:i]...), m.leaving[i+1:]...)
				break
			}
		}
	}
	m.orders = append(m.orders, order{verb: end, ch: c.id})
}

// opened takes in that a channel is open at this end.
func (m *machine) opened(now time.Time, ch chanID) {
	if c := m.channels[ch]; c != nil && c.stage == connecting {
		c.enter(now, checking)
		m.probe(now, c)
	}
}

// ended takes in that a channel has failed, or was closed by the other end.
func (m *machine) ended(now time.Time, ch chanID) {
	c := m.channels[ch]
	switch {
	case c == nil:
	case c.stage == carrying && now.Sub(c.used) >= idleClose-time.Minute:
		m.fallBack(now, c, FallbackIdle) // for the other end, it was long enough
	case c.stage == carrying:
		m.fallBack(now, c, FallbackLost)
	case c.stage == leaving:
		m.drop(c)
	default:
		m.fail(now, c, FailureBroken)
	}
}
