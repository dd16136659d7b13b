package core

import (
	"fmt"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Contact is what one node knows of another: its id and where it is reached
// (the paper's triple of IP address, UDP port and node id, section 2.2).
type Contact struct {
	ID   ID             `json:"id"`
	Addr netip.AddrPort `json:"addr"`
}

// String returns the address and the first digits of the id.
func (c Contact) String() string { return fmt.Sprintf("%v (%x)", c.Addr, c.ID[:4]) }

// scopeOf returns how far a means the same place. It is ScopeNone for an address that
// no datagram can go to, or with port 0.
func scopeOf(a netip.AddrPort) netaddr.Scope {
	if a.Port() == 0 {
		return netaddr.ScopeNone
	}
	return netaddr.ClassOf(a.Addr()).Scope()
}

// audienceOf returns the narrowest scope of the addresses that a node at a may be told
// and may name. A tunnel may end anywhere on the Internet, although its own address is
// of narrower scope.
func audienceOf(a netip.AddrPort) netaddr.Scope {
	if c := netaddr.ClassOf(a.Addr()); c != netaddr.Tunnel {
		return c.Scope()
	}
	return netaddr.ScopeGlobal
}

// mayTell reports whether the address a may be named to, or by, a node at other.
// An address of narrower scope than other's would at best be of no use to the
// receiver, and at worst make it probe its own network for somebody else.
func mayTell(a, other netip.AddrPort) bool {
	s := scopeOf(a)
	return s != netaddr.ScopeNone && s >= audienceOf(other)
}

// canKeep reports whether a contact at a can be kept and handed on: a zone, as
// link-local addresses have, means nothing to others.
func canKeep(a netip.AddrPort) bool {
	return scopeOf(a) != netaddr.ScopeNone && a.Addr().Zone() == ""
}
