package webrtc

import (
	"math"
	"net/netip"
	"time"
)

// A peer deserves a channel if so many datagrams have lately been sent to it: more
// than a lookup sends to anybody. For a neighbour each counts as many: it gets a
// channel by the first one, and loses its claim two minutes after the last.
const (
	minScore        = 16
	halfLife        = time.Minute
	neighbourWeight = 64
)

// After a failure the next offer waits for backoffBase, then for twice as long
// after each further one, up to backoffMax. A channel that lived for longLived
// makes up for all failures.
const (
	backoffBase = offerEvery
	backoffMax  = 30 * time.Minute
	longLived   = time.Minute
)

// maxPeers bounds how many peers are remembered, those with channels apart.
const maxPeers = 1024

// peer is what is known of who is at an address.
type peer struct {
	addr   netip.AddrPort
	id     ID   // as it said, or as the core found
	proven bool // it has answered the core from addr, under id
	near   bool // it is among the node's neighbours
	place  int  // in peers.list

	use     use
	open    *channel // carries datagrams; nil if none does
	pending *channel // being set up; nil if none is

	offerAt   time.Time // when to offer; the zero time for never
	notBefore time.Time // no offer before that
	offered   time.Time // when an offer of its own was last taken
	fails     int       // attempts in a row
}

// State is what a peer's path is doing.
type State uint8

// The states. A peer with an open channel is open, whatever else is going on.
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

// score says how much a channel to p is worth.
func (p *peer) score(now time.Time) float64 {
	if p.near {
		return neighbourWeight * p.use.level(now)
	}
	return p.use.level(now)
}

func (p *peer) eligible(now time.Time) bool { return p.proven && p.score(now) >= minScore }

// failed notes that an attempt at now came to nothing.
func (p *peer) failed(now time.Time) {
	rest := backoffMax
	if p.fails < 8 {
		rest = min(backoffBase<<p.fails, backoffMax)
	}
	p.fails++
	p.notBefore = now.Add(rest)
}

// use counts datagrams and forgets half of them each halfLife.
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

// peers finds peers by address. They are in a list as well, since the order of a
// map must not reach the wire.
type peers struct {
	byAddr map[netip.AddrPort]*peer
	list   []*peer
	cursor int
}

// get returns the peer at addr, which is made if there is none. It returns nil if
// there is no room.
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

// forget removes the least useful of some peers without a channel.
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
