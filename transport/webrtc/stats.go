package webrtc

import (
	"net/netip"
	"time"
)

// Fallback is why a direct path was given up.
type Fallback uint8

// The reasons.
const (
	FallbackSilent    Fallback = iota // nothing came back any more
	FallbackLost                      // the connection failed, or the peer closed it
	FallbackIdle                      // nobody used it
	FallbackDisplaced                 // somebody else needed the place more
	FallbackWorn                      // its keys were used too much, and it could not be renewed
	FallbackReplaced                  // the address belongs to another node now
	fallbacks
)

var fallbackNames = [fallbacks]string{"silent", "lost", "idle", "displaced", "worn", "replaced"}

// String names the reason.
func (f Fallback) String() string { return fallbackNames[f] }

// Failure is why an attempt came to nothing.
type Failure uint8

// The reasons.
const (
	FailureNoAnswer  Failure = iota // to the offer
	FailureBadAnswer                // one that makes no sense
	FailureNotOpened                // in time, or nothing came through
	FailureBroken                   // the connection failed
	FailureReplaced                 // the address belongs to another node now
	failures
)

var failureNames = [failures]string{"no answer", "bad answer", "not opened", "broken", "replaced"}

// String names the reason.
func (f Failure) String() string { return failureNames[f] }

// Refusal is why an offer was not answered.
type Refusal uint8

// The reasons.
const (
	RefusedMalformed Refusal = iota
	RefusedMode              // the mode is RelayOnly
	RefusedIdentity          // from nowhere, from oneself, or under another id than the one known there
	RefusedStranger          // from one who must prove the address before the node can go there
	RefusedReplay            // one that was taken before
	RefusedTooSoon           // after the last one from there
	RefusedGlare             // the own one stands
	RefusedBusy              // too many are being answered, or were lately
	RefusedFull              // no place for one more channel
	refusals
)

var refusalNames = [refusals]string{"malformed", "mode", "identity", "stranger", "replay", "too soon", "glare", "busy", "full"}

// String names the reason.
func (r Refusal) String() string { return refusalNames[r] }

// counts is what a machine counts.
type counts struct {
	offersSent, offersHeard uint64
	upgrades, renewals      uint64
	resent, discarded       uint64
	fallbacks               [fallbacks]uint64
	failures                [failures]uint64
	refused                 [refusals]uint64
}

// Stats counts what a Conn has done, and says what it has.
type Stats struct {
	// Direct went over channels, Wrapped over the wrapped conn. Signals are part of
	// neither.
	Direct, Wrapped Traffic

	Upgrades, Renewals uint64 // channels that came to carry datagrams
	Fallbacks          [fallbacks]uint64
	Failures           [failures]uint64

	OffersSent, OffersHeard uint64
	Refused                 [refusals]uint64

	// Resent counts datagrams that went over the wrapped conn as well, because their
	// channel was lost; Unguarded those that could not have been, because there were
	// too many at a time.
	Resent, Unguarded uint64
	// Overflow counts received datagrams that nobody read in time.
	Overflow uint64

	Open, Pending int // channels
}

// Traffic counts datagrams.
type Traffic struct{ Sent, Received uint64 }

// Path is how a peer is reached.
type Path struct {
	Addr  netip.AddrPort
	ID    ID
	State State
	// RTT is the last one measured over the channel, zero if there is none.
	RTT time.Duration
	// Since is when the channel opened; the zero time if there is none.
	Since time.Time
}

// Stats returns the counters of c.
func (c *Conn) Stats() Stats {
	c.loop.mu.Lock()
	defer c.loop.mu.Unlock()
	n, t := &c.loop.engine.counts, &c.loop.engine.channels
	s := Stats{
		Direct: c.direct.load(), Wrapped: c.viaWrapped.load(),
		Upgrades: n.upgrades, Renewals: n.renewals, Fallbacks: n.fallbacks, Failures: n.failures,
		OffersSent: n.offersSent, OffersHeard: n.offersHeard, Refused: n.refused,
		Resent: n.resent, Unguarded: n.discarded, Overflow: c.inbox.overflow(),
		Pending: t.pending(true) + t.pending(false),
	}
	s.Open = len(t.byID) - s.Pending - len(t.draining)
	return s
}

// Paths returns the paths to all peers that have announced direct paths or made an
// offer.
func (c *Conn) Paths() []Path {
	c.loop.mu.Lock()
	defer c.loop.mu.Unlock()
	return c.loop.engine.paths(time.Now())
}

// paths returns the paths to all peers.
func (e *engine) paths(now time.Time) []Path {
	var list []Path
	for _, p := range e.peers.list {
		list = append(list, p.path(now))
	}
	return list
}

func (p *peer) path(now time.Time) Path {
	path := Path{Addr: p.addr, ID: p.id, State: p.state(now)}
	if p.open != nil {
		path.RTT, path.Since = p.open.guard.rtt, p.open.since
	}
	return path
}

// notify tells whoever wants to know that the path to p has changed.
func (e *engine) notify(now time.Time, p *peer, why string) {
	if e.changed != nil {
		e.changed(p.path(now), why)
	}
}
