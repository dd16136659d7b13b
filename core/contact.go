package core

import (
	"fmt"
	"net/netip"
)

// Contact is what one node knows of another: its id and where it is reached
// (the paper's triple of IP address, UDP port and node id, section 2.2).
type Contact struct {
	ID   ID             `json:"id"`
	Addr netip.AddrPort `json:"addr"`
}

// String returns the address and the first digits of the id.
func (c Contact) String() string { return fmt.Sprintf("%v (%x)", c.Addr, c.ID[:4]) }

// scope is the range within which an address means the same place.
type scope uint8

const (
	nowhere  scope = iota // no place that one datagram could go to
	thisHost              // loopback
	thisSite              // private and link-local
	global
)

func scopeOf(a netip.AddrPort) scope {
	ip := a.Addr()
	switch {
	case !ip.IsValid(), a.Port() == 0, ip.IsUnspecified(), ip.IsMulticast(), ip.Is4In6():
		return nowhere
	case ip.IsLoopback():
		return thisHost
	case ip.Is4():
		return scopeOf4(ip.As4())
	case ip.IsPrivate(), ip.IsLinkLocalUnicast():
		return thisSite
	}
	return global
}

func scopeOf4(b [4]byte) scope {
	switch {
	case b[0] == 0, b[0] >= 240: // "this network"; reserved and broadcast
		return nowhere
	case b[0] == 10,
		b[0] == 172 && b[1]&0xf0 == 16,
		b[0] == 192 && b[1] == 168,
		b[0] == 169 && b[1] == 254,
		b[0] == 100 && b[1]&0xc0 == 64: // behind a carrier's NAT
		return thisSite
	}
	return global
}

// mayTell reports whether the address a may be named to, or by, a node at other.
// An address of narrower scope than other's would at best be of no use to the
// one who hears it, and at worst make it probe its own network for somebody else.
func mayTell(a, other netip.AddrPort) bool {
	s := scopeOf(a)
	return s != nowhere && s >= scopeOf(other)
}

// canKeep reports whether a contact at a can be kept and handed on: a zone, as
// link-local addresses have, means nothing to others.
func canKeep(a netip.AddrPort) bool {
	return scopeOf(a) != nowhere && a.Addr().Zone() == ""
}
