package webrtc

import (
	"net/netip"
	"time"
)

// Fallback is the reason to give up a direct path.
type Fallback uint8

// Reasons to give up a direct path.
const (
	FallbackSilent    Fallback = iota // probes got no echo
	FallbackLost                      // the connection failed, or the peer closed it
	FallbackIdle                      // no datagrams for five minutes
	FallbackDisplaced                 // a peer with more datagrams got its place
	FallbackWorn                      // its keys were used too often, and no renewal succeeded
	FallbackReplaced                  // the address belongs to another node now
	fallbacks
)

var fallbackNames = [fallbacks]string{"silent", "lost", "idle", "displaced", "worn", "replaced"}

// String returns the name of the reason.
func (f Fallback) String() string { return fallbackNames[f] }

// Failure is the reason why a channel never opened.
type Failure uint8

// Reasons why a channel never opened.
const (
	FailureNoAnswer  Failure = iota // the offer got no answer
	FailureBadAnswer                // the answer was malformed
	FailureNotOpened                // no echo came within 15 seconds
	FailureBroken                   // the connection failed
	FailureReplaced                 // the address belongs to another node now
	failures
)

var failureNames = [failures]string{"no answer", "bad answer", "not opened", "broken", "replaced"}

// String returns the name of the reason.
func (f Failure) String() string { return failureNames[f] }

// Refusal is the reason to refuse an offer.
type Refusal uint8

// Reasons to refuse an offer.
const (
	RefusedMalformed Refusal = iota // not of the specified form
	RefusedMode                     // the mode is RelayOnly
	RefusedIdentity                 // no valid address, this node's id, or not the id that is known at the address
	RefusedStranger                 // from an address that is not proven, to a node behind a relay
	RefusedReplay                   // its nonce was taken before
	RefusedTooSoon                  // less than ten seconds after the last one from its address
	RefusedGlare                    // this node's offer to the sender takes precedence
	RefusedBusy                     // too many offers
	RefusedFull                     // no place for another channel
	refusals
)

var refusalNames = [refusals]string{
	"malformed", "mode", "identity", "stranger", "replay", "too soon", "glare", "busy", "full",
}

// String returns the name of the reason.
func (r Refusal) String() string { return refusalNames[r] }

// counts are the counters of an engine.
type counts struct {
	offersSent, offersHeard uint64
	upgrades, renewals      uint64
	resent, discarded       uint64
	fallbacks               [fallbacks]uint64
	failures                [failures]uint64
	refused                 [refusals]uint64
}

// Stats are the counters of a Conn.
type Stats struct {
	// Direct counts datagrams over channels, Wrapped datagrams over the wrapped conn.
	// Offers and answers to them count in neither.
	Direct, Wrapped Traffic

	// Upgrades counts first channels to peers, Renewals fresh channels in place of worn
	// ones, Fallbacks channels given up, by Fallback.
	Upgrades, Renewals uint64
	Fallbacks          [fallbacks]uint64
	// Failures counts channels that never opened, by Failure.
	Failures [failures]uint64

	// OffersSent counts own offers, OffersHeard offers of peers, and Refused the refused
	// ones of these, by Refusal.
	OffersSent, OffersHeard uint64
	Refused                 [refusals]uint64

	// Resent counts datagrams sent again over the wrapped conn because their channels were
	// lost. Unguarded counts datagrams whose copies were discarded before, by bounds.
	Resent, Unguarded uint64
	// Overflow counts received datagrams that were not read in time.
	Overflow uint64

	// Open and Pending are the numbers of channels now.
	Open, Pending int
}

// Traffic is a number of datagrams for each direction.
type Traffic struct{ Sent, Received uint64 }

// Path is the path to a peer.
type Path struct {
	Addr  netip.AddrPort // where the network knows the peer
	ID    ID
	State State
	// RTT is the last round-trip time over the channel, zero without one.
	RTT time.Duration
	// Since is the time when the channel opened, zero without one.
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

// notify calls Config.Changed for the path to p.
func (e *engine) notify(now time.Time, p *peer, why string) {
	if e.changed != nil {
		e.changed(p.path(now), why)
	}
}
