//go:build !js

package wsrelay

import (
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// minPort is the lowest port that datagrams are passed to. Below are the
// services of systems, which have no business with a DHT.
const minPort = 1024

// policy says with which addresses clients may exchange datagrams: with those
// that anybody could send to. Everything else is not allowed.
type policy struct {
	private bool                  // private and loopback addresses are allowed as well
	own     func(netip.Addr) bool // whether one is of the relay's machine: not allowed, unless private
	deny    []netip.Prefix        // not allowed, whatever they are
}

// allows reports whether a datagram may go to a, or come from there. Lent
// addresses and bootstrap nodes are not its matter.
func (p *policy) allows(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	if a.Port() < minPort || ip.Zone() != "" {
		return false
	}
	if p.denies(ip) {
		return false
	}
	if p.private && isPrivate(ip) {
		return true
	}
	return netaddr.IsPublic(ip) && (p.private || !p.own(ip))
}

// denies reports whether the operator has forbidden ip.
func (p *policy) denies(ip netip.Addr) bool { return in(ip.Unmap(), p.deny) }

// isPrivate reports whether ip is of this machine alone, or of a network with
// addresses of its own. Link-local addresses do not count: clouds keep their
// metadata there.
func isPrivate(ip netip.Addr) bool {
	switch netaddr.ClassOf(ip) {
	case netaddr.Loopback, netaddr.Private, netaddr.Shared:
		return true
	}
	return false
}

func in(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
