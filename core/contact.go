package core

import (
	"fmt"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Contact is the id and the address of a node: the paper's triple of IP address, UDP
// port and node id (section 2.2).
type Contact struct {
	ID   ID             `json:"id"`   // zero if only the address is known
	Addr netip.AddrPort `json:"addr"` // never v4-mapped
}

// String returns the address and the first digits of the id.
func (c Contact) String() string { return fmt.Sprintf("%v (%x)", c.Addr, c.ID[:4]) }

// scopeOf returns the range within which a means the same place. It is ScopeNone for
// port 0, and for an address that no datagram can go to.
func scopeOf(a netip.AddrPort) netaddr.Scope {
	if a.Port() == 0 {
		return netaddr.ScopeNone
	}
	return netaddr.ClassOf(a.Addr()).Scope()
}

// audienceOf returns the narrowest scope of an address that a node at a may name, or
// may get to know. A tunnel may end anywhere on the Internet, although its own address is
// of narrower scope.
func audienceOf(a netip.AddrPort) netaddr.Scope {
	if c := netaddr.ClassOf(a.Addr()); c != netaddr.Tunnel {
		return c.Scope()
	}
	return netaddr.ScopeGlobal
}

// mayTell reports whether the address a may be named to, or by, a node at other.
// An address of narrower scope than other's would at best be of no use to the
// receiver, and at worst make it probe its own network for a third party.
func mayTell(a, other netip.AddrPort) bool {
	s := scopeOf(a)
	return s != netaddr.ScopeNone && s >= audienceOf(other)
}

// canKeep reports whether a contact at a can be kept and handed on: a zone, as
// link-local addresses have, means nothing to others.
func canKeep(a netip.AddrPort) bool {
	return scopeOf(a) != netaddr.ScopeNone && a.Addr().Zone() == ""
}
