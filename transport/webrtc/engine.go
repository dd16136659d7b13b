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

// actionKind is the kind of an action.
type actionKind uint8

const (
	makeOffer    actionKind = iota // begin channel ch and describe this end as an offer
	makeAnswer                     // begin channel ch and describe this end as an answer to remote
	useAnswer                      // complete channel ch with the answer remote
	endChannel                     // end channel ch
	sendMessage                    // send data over channel ch
	sendDatagram                   // send data to address to over the wrapped conn
)

// action is an effect that an engine asks for. Actions must be performed in order.
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

// takeActions returns the actions since the last call.
func (e *engine) takeActions() []action {
	list := e.actions
	e.actions = nil
	return list
}

func (e *engine) emit(a action) { e.actions = append(e.actions, a) }

// next returns when to call advance: a time no later than the first deadline, or the
// zero time if there is none.
func (e *engine) next() time.Time { return e.wakeAt }

// wakeBy makes t a deadline.
func (e *engine) wakeBy(t time.Time) { e.wakeAt = earlier(e.wakeAt, t) }

// advance acts on all deadlines that have passed.
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

// schedule finds the next deadline.
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

// advancePeer acts on the deadlines of p.
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

// advanceChannel acts on the deadline of an open or pending channel.
func (e *engine) advanceChannel(now time.Time, c *channel) {
	switch {
	case c.stage == stageOpen && now.Sub(c.used) >= idleClose:
		e.fallBack(now, c, FallbackIdle)
	case c.stage == stageOpen && c.guard.dead():
		e.fallBack(now, c, FallbackSilent)
	case c.stage == stageOpen:
		e.probe(now, c)
	case c.stage == stageOffered && now.Sub(c.since) >= answerWithin:
		e.fail(now, c, FailureNoAnswer)
	case now.Sub(c.began) >= openWithin:
		e.fail(now, c, FailureNotOpened)
	case c.stage == stageChecking:
		e.probe(now, c)
	case c.stage == stageOffered:
		e.sendSignal(c)
	}
}

// met notes that the node at addr has answered the core under id, and takes direct
// paths. near means that it is a neighbour.
func (e *engine) met(now time.Time, addr netip.AddrPort, id ID, near bool) {
	if e.mode == RelayOnly || id == e.self {
		return
	}
	p := e.peers.get(now, addr)
	if p == nil {
		return
	}
	if p.id != id && p.proven {
		e.replaced(now, p)
	}
	p.id, p.proven, p.near = id, true, near
	if p.use.count == 0 {
		p.use.add(now) // counts the request behind the answer
	}
	e.planOffer(now, p)
}

// replaced ends the channels of p: another node has its address now.
func (e *engine) replaced(now time.Time, p *peer) {
	if p.pending != nil {
		e.fail(now, p.pending, FailureReplaced)
	}
	if p.open != nil {
		e.fallBack(now, p.open, FallbackReplaced)
	}
	p.fails, p.notBefore, p.offerAt = 0, time.Time{}, time.Time{}
}

// planOffer sets the time of an offer to p if p needs one.
func (e *engine) planOffer(now time.Time, p *peer) {
	if !p.offerAt.IsZero() || !p.needsOffer(now) {
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
