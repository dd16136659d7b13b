package webrtc

import (
	"math"
	"net/netip"
	"time"
)

// A peer is worth a channel while its score is minScore or more. The score is the number
// of recent datagrams to the peer, more than a lookup sends. Each datagram to a
// neighbour counts for neighbourWeight, so that the first one suffices for two minutes.
const (
	minScore        = 16
	halfLife        = time.Minute
	neighbourWeight = 64
)

// The first failure delays the next offer by backoffBase, and each further one doubles
// the delay, up to backoffMax. A channel that lived for longLived resets it.
const (
	backoffBase = offerEvery
	backoffMax  = 30 * time.Minute
	longLived   = time.Minute
)

// maxPeers is the maximum number of peers in memory.
const maxPeers = 1024

// peer is the node at an address.
type peer struct {
	addr   netip.AddrPort
	id     ID   // from its offer, or from the core if proven
	proven bool // it has answered the core from addr, under id
	near   bool // it is a neighbour
	place  int  // index in peers.list

	use     use
	open    *channel // carries datagrams, or nil
	pending *channel // is being set up, or nil

	offerAt   time.Time // time of the next offer to it, zero for none
	notBefore time.Time // no offer to it before
	offered   time.Time // time of the last offer taken from it
	fails     int       // failures in a row
}

// State is the state of the path to a peer.
type State uint8

// States of a path. A renewal of an open channel does not change the state.
const (
	Idle State = iota
	Offering
	Answering
	Open
	BackingOff
)

var stateNames = [...]string{"idle", "offering", "answering", "open", "backing off"}

// String names the state.
func (s State) String() string { return stateNames[s] }

func (p *peer) state(now time.Time) State {
	switch {
	case p.open != nil:
		return Open
	case p.pending != nil && p.pending.offering:
		return Offering
	case p.pending != nil:
		return Answering
	case p.fails > 0 && now.Before(p.notBefore):
		return BackingOff
	}
	return Idle
}

// score is the value of a channel to p.
func (p *peer) score(now time.Time) float64 {
	if p.near {
		return neighbourWeight * p.use.level(now)
	}
	return p.use.level(now)
}

// eligible reports whether p is worth a channel.
func (p *peer) eligible(now time.Time) bool { return p.proven && p.score(now) >= minScore }

// needsOffer reports whether p is to get its first channel or a fresh one.
func (p *peer) needsOffer(now time.Time) bool {
	switch {
	case p.pending != nil:
		return false
	case p.open != nil:
		return p.open.worn()
	}
	return p.eligible(now)
}

// failed notes a failure at now.
func (p *peer) failed(now time.Time) {
	rest := backoffMax
	if p.fails < 8 {
		rest = min(backoffBase<<p.fails, backoffMax)
	}
	p.fails++
	p.notBefore = now.Add(rest)
}

// use is a count of datagrams that halves each halfLife.
type use struct {
	count float64
	at    time.Time
}

func (u *use) level(now time.Time) float64 {
	if u.count == 0 {
		return 0
	}
	return u.count * math.Exp2(-float64(now.Sub(u.at))/float64(halfLife))
}

func (u *use) add(now time.Time) { u.count, u.at = u.level(now)+1, now }

// peers are all peers of an engine.
type peers struct {
	byAddr map[netip.AddrPort]*peer
	list   []*peer // the same peers; the order of a map must not reach the wire
	cursor int     // in list, of forget
}

// get returns the peer at addr. A new one may take the place of another peer; get
// returns nil if there is no such place.
func (t *peers) get(now time.Time, addr netip.AddrPort) *peer {
	if p := t.byAddr[addr]; p != nil {
		return p
	}
	if len(t.list) >= maxPeers && !t.forget(now) {
		return nil
	}
	p := &peer{addr: addr, place: len(t.list)}
	t.byAddr[addr] = p
	t.list = append(t.list, p)
	return p
}

// forget removes the peer of the lowest score among the next 32 in list, except for
// peers with channels. It returns false if there is none.
func (t *peers) forget(now time.Time) bool {
	var worst *peer
	for range min(len(t.list), 32) {
		t.cursor = (t.cursor + 1) % len(t.list)
		p := t.list[t.cursor]
		busy := p.open != nil || p.pending != nil || now.Before(p.offered.Add(offerEvery))
		if !busy && (worst == nil || p.score(now) < worst.score(now)) {
			worst = p
		}
	}
	if worst == nil {
		return false
	}
	last := len(t.list) - 1
	t.list[worst.place] = t.list[last]
	t.list[worst.place].place = worst.place
	t.list[last] = nil
	t.list = t.list[:last]
	delete(t.byAddr, worst.addr)
	return true
}
