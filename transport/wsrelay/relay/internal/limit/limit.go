// Package limit decides how much a client of a relay may send and get.
//
// A destination is proven once it has answered a request that went to it through
// the relay, with that request's message id. Proven destinations may be sent to
// freely. Others get a few datagrams each, and a client may try only so many of
// them, so that a relay is of no use to scan a network or to flood a host. A
// request that a client received entitles it to send one answer.
//
// The package reads no clock and opens no socket. Times are since the start of the
// relay.
package limit

import (
	"hash/maphash"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Rates bounds the traffic of one client, and of all clients together to one
// address. relay.Limits explains the fields.
type Rates struct {
	Sent, SentBytes         Rate
	Received, ReceivedBytes Rate
	NewDestinations         Rate
	Unproven                Rate
}

// Shared is the part that the allowances of all clients have in common: the rates,
// the proven destinations, and the traffic to the unproven ones. It is safe for
// concurrent use.
type Shared struct {
	rates    Rates
	seed     maphash.Seed
	proven   provenAddrs
	unproven RateTable
}

// NewShared returns a Shared without a proven destination.
func NewShared(r Rates) *Shared { return &Shared{rates: r, seed: maphash.MakeSeed()} }

// Key returns a number for an address. The mapping is random, so that nobody can
// look for two addresses with the same number.
func (s *Shared) Key(a netip.AddrPort) uint64 {
	key, _ := s.keys(a, nil)
	return key
}

// keys returns the number of an address, and the number of the message id of p in
// an exchange with that address: 0 if p is too short for a message id.
func (s *Shared) keys(a netip.AddrPort, p []byte) (addr, msg uint64) {
	var b [16 + 2 + len(wire.MsgID{})]byte
	ip := a.Addr().As16()
	n := copy(b[:], ip[:])
	b[n], b[n+1] = byte(a.Port()>>8), byte(a.Port())
	n += 2
	addr = maphash.Bytes(s.seed, b[:n])
	if len(p) < wire.HeaderLen {
		return addr, 0
	}
	n += copy(b[n:], p[1:wire.HeaderLen])
	return addr, maphash.Bytes(s.seed, b[:n])
}
