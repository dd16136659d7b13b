package webrtc

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"time"
)

// limits bound how many channels an engine has.
type limits struct {
	channels int // in all
	offers   int // of them, pending after own offers
	answers  int // of them, pending after offers of others
}

// settings is the part of Config that an engine needs. It never changes.
type settings struct {
	self    ID
	mode    Mode
	sameIP  bool
	public  bool
	limits  limits
	changed func(p Path, why string)
}

// engine is the state machine of direct paths. It makes and answers offers, keeps
// channels while they are in use, and gives up idle and broken ones. It has no clock,
// no goroutine and no socket: events and the time come in by method calls, and actions
// go out by takeActions.
type engine struct {
	settings
	rand *rand.Rand

	peers    peers
	channels channels
	budget   budget      // of offers from others
	srflx    tokenBucket // of descriptions with server-reflexive candidates

	wakeAt  time.Time // when to call advance, or earlier; zero for never
	actions []action
	counts  counts
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

func newEngine(s settings, source rand.Source) *engine {
	return &engine{
		settings: s, rand: rand.New(source),
		peers: peers{byAddr: make(map[netip.AddrPort]*peer)}, channels: newChannels(),
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
	for _, c := range e.channels.draining {
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
	for _, c := range e.channels.draining {
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
