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

// engine decides to whom there are channels: it makes and answers offers, keeps
// channels while they are of use, and gives them up when they are not or do not
// work. It has no clock, no goroutine and no socket. What happens is told by
// method calls, with the time; what is to be done is then in orders.
type engine struct {
	self   ID
	mode   Mode
	sameIP bool
	limits limits
	rand   *rand.Rand

	peers    peers
	channels map[chanID]*channel
	offers   map[wire.MsgID]*channel // of the node's own, without an answer
	draining []*channel
	budget   budget
	lastID   chanID

	wakeAt  time.Time // no later than the first thing due; zero for never
	actions []action
	counts  counts

	public  bool // of Config
	srflx   tokenBucket
	changed func(p Path, why string) // of Config
}

// actionKind says what an order is.
type actionKind uint8

const (
	makeOffer    actionKind = iota // begin channel ch and describe the own end
	makeAnswer                     // begin channel ch for the offer in remote
	useAnswer                      // go on with channel ch, by the answer in remote
	endChannel                     // end channel ch
	sendMessage                    // send data over channel ch
	sendDatagram                   // send data to the address to over the wrapped conn
)

// action is something to be done outside of the machine, in the action given.
type action struct {
	kind   actionKind
	ch     chanID
	remote description
	to     netip.AddrPort
	data   []byte
}

func newEngine(self ID, mode Mode, sameIP bool, l limits, source rand.Source) *engine {
	return &engine{
		self: self, mode: mode, sameIP: sameIP, limits: l, rand: rand.New(source),
		peers:    peers{byAddr: make(map[netip.AddrPort]*peer)},
		channels: make(map[chanID]*channel),
		offers:   make(map[wire.MsgID]*channel),
	}
}

// takeActions returns the orders that have come up, and forgets them.
func (e *engine) takeActions() []action {
	list := e.actions
	e.actions = nil
	return list
}

// next returns when advance is to be called, or the zero time. It may be earlier
// than there is something to do.
func (e *engine) next() time.Time { return e.wakeAt }

func (e *engine) wakeBy(t time.Time) { e.wakeAt = earlier(e.wakeAt, t) }

// advance does what is due.
func (e *engine) advance(now time.Time) {
	if e.wakeAt.IsZero() || now.Before(e.wakeAt) {
		return
	}
	e.wakeAt = time.Time{}
	for _, c := range e.draining {
		if !now.Before(c.due()) {
			e.remove(c)
		}
	}
	for _, p := range e.peers.list {
		e.advancePeer(now, p)
	}
	e.schedule()
}

func (e *engine) schedule() {
	for _, c := range e.draining {
		e.wakeBy(c.due())
	}
	for _, p := range e.peers.list {
		e.wakeBy(p.offerAt)
		for _, c := range [...]*channel{p.open, p.pending} {
			if c != nil {
				e.wakeBy(c.due())
			}
		}
	}
}

func (e *engine) advancePeer(now time.Time, p *peer) {
	for _, c := range [...]*channel{p.open, p.pending} {
		if c != nil && !now.Before(c.due()) {
			e.advanceChannel(now, c)
		}
	}
	if !p.offerAt.IsZero() && !now.Before(p.offerAt) {
		p.offerAt = time.Time{}
		e.offer(now, p)
	}
}

// advanceChannel does what is due for a channel that is not leaving.
func (e *engine) advanceChannel(now time.Time, c *channel) {
	late := now.Sub(c.began) >= openWithin
	switch {
	case c.stage == stageOpen && now.Sub(c.used) >= idleClose:
		e.fallBack(now, c, FallbackIdle)
	case c.stage == stageOpen && c.guard.dead():
		e.fallBack(now, c, FallbackSilent)
	case c.stage == stageOpen:
		e.probe(now, c)
	case c.stage == stageOffered && now.Sub(c.since) >= answerWithin:
		e.fail(now, c, FailureNoAnswer)
	case late:
		e.fail(now, c, FailureNotOpened)
	case c.stage == stageChecking:
		e.probe(now, c)
	case c.stage == stageOffered:
		e.sendSignal(c)
	}
}

// met takes in that the node at addr has answered the core under id, and said
// that it takes direct paths. near says that it is a neighbour.
func (e *engine) met(now time.Time, addr netip.AddrPort, id ID, near bool) {
	if e.mode == RelayOnly || id == e.self {
		return
	}
	p := e.peers.get(now, addr)
	if p == nil {
		return
	}
	if p.id != id && p.proven {
		e.replaced(now, p) // somebody else has the address now
	}
	p.id, p.proven, p.near = id, true, near
	if p.use.count == 0 {
		p.use.add(now) // the request that was answered
	}
	e.planOffer(now, p)
}

// replaced ends whatever there is with p.
func (e *engine) replaced(now time.Time, p *peer) {
	if p.pending != nil {
		e.fail(now, p.pending, FailureReplaced)
	}
	if p.open != nil {
		e.fallBack(now, p.open, FallbackReplaced)
	}
	p.fails, p.notBefore, p.offerAt = 0, time.Time{}, time.Time{}
}

// planOffer plans an offer to p if it deserves one.
func (e *engine) planOffer(now time.Time, p *peer) {
	worn := p.open != nil && p.open.records >= renewAfter
	if p.pending != nil || !p.offerAt.IsZero() || !worn && (p.open != nil || !p.eligible(now)) {
		return
	}
	p.offerAt = now
	if bytes.Compare(e.self[:], p.id[:]) > 0 {
		p.offerAt = now.Add(glareDelay)
	}
	if p.offerAt.Before(p.notBefore) {
		p.offerAt = p.notBefore
	}
	e.wakeBy(p.offerAt)
}

// send takes in that data goes to an address, and returns the channel over which,
// or 0 for the wrapped conn.
func (e *engine) send(now time.Time, to netip.AddrPort, data []byte) chanID {
	p := e.peers.byAddr[to]
	if p == nil {
		return 0
	}
	p.use.add(now)
	c := p.open
	if c == nil || c.records >= renewAfter {
		e.planOffer(now, p)
	}
	if c == nil || len(data) > maxMessage || len(data) < wire.HeaderLen {
		return 0
	}
	if c.records >= endAfter {
		e.fallBack(now, c, FallbackWorn)
		return 0
	}
	c.used = now
	c.countRecords(len(data))
	if c.guard.hold(now, data) {
		e.probe(now, c)
	}
	e.wakeBy(c.due())
	return c.id
}

// probe asks the other end of c for a sign of life.
func (e *engine) probe(now time.Time, c *channel) {
	e.sendControl(c, probe, c.guard.probe(now))
	e.wakeBy(c.due())
}

func (e *engine) sendControl(c *channel, kind byte, seq uint32) {
	c.countRecords(controlLen)
	e.actions = append(e.actions, action{kind: sendMessage, ch: c.id, data: binary.BigEndian.AppendUint32([]byte{kind}, seq)})
}

// received takes in a message from a channel. If it is a datagram, it returns
// from whom.
func (e *engine) received(now time.Time, ch chanID, data []byte) (from netip.AddrPort, ok bool) {
	c := e.channels[ch]
	if c == nil || c.stage < stageConnecting {
		return netip.AddrPort{}, false
	}
	c.records++ // its acknowledgement
	if c.stage == stageOpen && c.records >= renewAfter {
		e.planOffer(now, c.peer)
		if c.records >= endAfter {
			e.fallBack(now, c, FallbackWorn)
			return netip.AddrPort{}, false
		}
	}
	switch {
	case len(data) == 0:
	case data[0] == probe && len(data) == controlLen:
		e.sendControl(c, echo, binary.BigEndian.Uint32(data[1:]))
	case data[0] == echo && len(data) == controlLen:
		if c.guard.echoed(now, binary.BigEndian.Uint32(data[1:])) && c.stage == stageChecking {
			e.open(now, c)
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

// open makes c the channel to its peer: it works in both directions.
func (e *engine) open(now time.Time, c *channel) {
	p := c.peer
	c.signal = nil
	c.used = now
	c.enter(now, stageOpen)
	p.pending = nil
	if old := p.open; old != nil {
		e.counts.renewals++
		e.resendHeld(old)
		old.enter(now, stageDraining)
		e.draining = append(e.draining, old)
		e.wakeBy(old.due())
	} else {
		e.counts.upgrades++
	}
	renewed := p.open != nil
	p.open = c
	e.wakeBy(c.due())
	if !renewed {
		e.notify(now, p, "")
	}
}

// fallBack gives up a channel that carries: its peer is reached over the wrapped
// conn from now on, and so is what may not have arrived.
func (e *engine) fallBack(now time.Time, c *channel, why Fallback) {
	p := c.peer
	p.open = nil
	e.counts.fallbacks[why]++
	e.resendHeld(c)
	e.remove(c)
	e.notify(now, p, why.String())
	if now.Sub(c.since) >= longLived {
		p.fails = 0
	}
	if why == FallbackIdle || why == FallbackDisplaced {
		p.notBefore = now.Add(longLived)
		return
	}
	p.failed(now)
	e.planOffer(now, p)
}

// resendHeld sends what c holds over the wrapped conn.
func (e *engine) resendHeld(c *channel) {
	for _, data := range c.guard.release() {
		e.counts.resent++
		e.actions = append(e.actions, action{kind: sendDatagram, to: c.peer.addr, data: data})
	}
	e.counts.discarded += c.guard.discarded
}

// fail gives up a channel that has not come to carry anything.
func (e *engine) fail(now time.Time, c *channel, why Failure) {
	e.counts.failures[why]++
	e.abandon(c)
	if c.offering { // the offer of somebody else may have been another one's
		c.peer.failed(now)
	}
	e.planOffer(now, c.peer)
}

// abandon ends a trial, without consequences.
func (e *engine) abandon(c *channel) {
	c.peer.pending = nil
	e.remove(c)
}

// remove ends c, which its peer does not have any more.
func (e *engine) remove(c *channel) {
	delete(e.channels, c.id)
	delete(e.offers, c.msg)
	if c.stage == stageDraining {
		for i, x := range e.draining {
			if x == c {
				e.draining = append(append([]*channel(nil), e.draining[:i]...), e.draining[i+1:]...)
				break
			}
		}
	}
	e.actions = append(e.actions, action{kind: endChannel, ch: c.id})
}

// opened takes in that a channel is open at this end.
func (e *engine) opened(now time.Time, ch chanID) {
	if c := e.channels[ch]; c != nil && c.stage == stageConnecting {
		c.enter(now, stageChecking)
		e.probe(now, c)
	}
}

// ended takes in that a channel has failed, or was closed by the other end.
func (e *engine) ended(now time.Time, ch chanID) {
	c := e.channels[ch]
	switch {
	case c == nil:
	case c.stage == stageOpen && now.Sub(c.used) >= idleClose-time.Minute:
		e.fallBack(now, c, FallbackIdle) // for the other end, it was long enough
	case c.stage == stageOpen:
		e.fallBack(now, c, FallbackLost)
	case c.stage == stageDraining:
		e.remove(c)
	default:
		e.fail(now, c, FailureBroken)
	}
}
