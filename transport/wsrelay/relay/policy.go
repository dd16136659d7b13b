package relay

import (
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// minPort is the lowest port that datagrams are passed to. The ports below it belong to
// the services of systems, which no node of a DHT uses.
const minPort = 1024

// policy decides with which addresses clients may exchange datagrams: public addresses
// only, unless the operator says otherwise.
type policy struct {
	allowPrivate bool                  // private and loopback addresses are allowed too
	isOwn        func(netip.Addr) bool // an address of the relay's machine, which is only allowed with allowPrivate
	deny         []netip.Prefix        // never allowed
}

// allows reports whether a datagram may go to a, or come from a. Lent addresses and
// bootstrap nodes are decided elsewhere.
func (p *policy) allows(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	if a.Port() < minPort || ip.Zone() != "" {
		return false
	}
	if p.denies(ip) {
		return false
	}
	if p.allowPrivate && isPrivate(ip) {
		return true
	}
	return netaddr.IsPublic(ip) && (p.allowPrivate || !p.isOwn(ip))
}

// denies reports whether the operator has forbidden ip.
func (p *policy) denies(ip netip.Addr) bool { return in(ip.Unmap(), p.deny) }

// isPrivate reports whether ip is a loopback address, or one for private networks.
// Link-local addresses are not private: clouds keep their metadata there.
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
