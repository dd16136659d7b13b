package webrtc

import (
	"net/netip"
	"slices"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Mode limits the direct paths of a node.
type Mode uint8

const (
	// RelayOnly allows no channel. Peers learn no address of the user.
	RelayOnly Mode = iota
	// Direct allows channels to and from the IP addresses at which the network knows
	// the peers. The peers of channels learn the node's own address.
	Direct
	// LAN is Direct with private addresses: they are named to peers, and tried, so
	// that tabs in one local network find each other.
	LAN
)

var modeNames = [...]string{"relay-only", "direct", "lan"}

// String returns the name of the mode.
func (m Mode) String() string { return modeNames[m] }

// minPort is the lowest port of a candidate that is tried. System services use the ports
// below.
const minPort = 1024

// usable returns the candidates that may be tried of a description from address from:
// the ones at the sender's own IP address, and in mode LAN private addresses and mDNS
// names. So nobody can make the node probe a third party. If the sender has not proven
// its address, none is tried: it must come to this node. Candidates of kind portOnly
// become full addresses.
func usable(list []candidate, from netip.AddrPort, mode Mode, proven bool) (usable []candidate) {
	if !proven {
		return nil
	}
	for _, c := range list {
		if c.kind == portOnly {
			c = candidateAt(netip.AddrPortFrom(from.Addr(), c.port))
		}
		own := c.kind != mdns && c.ip == from.Addr()
		lan := mode == LAN && (c.kind == mdns || isLAN(c.ip))
		if c.port >= minPort && (own || lan) && !slices.Contains(usable, c) {
			usable = append(usable, c)
		}
	}
	return usable
}

// tellable returns the candidates of this node that the peer at to may know. sameIP means that
// the peer sees this node at its own IP address, so that the port alone suffices.
func tellable(list []candidate, to netip.AddrPort, mode Mode, sameIP bool) (told []candidate) {
	for _, c := range list {
		if sameIP && c.kind != mdns {
			if h := (candidate{kind: portOnly, port: c.port}); !slices.Contains(told, h) {
				told = append(told, h)
			}
		}
		loopback := c.kind != mdns && c.ip.IsLoopback() && to.Addr().IsLoopback() && !sameIP
		if mode == LAN && (c.kind == mdns || isLAN(c.ip) || loopback) && !slices.Contains(told, c) {
			told = append(told, c)
		}
	}
	return told[:min(len(told), maxCandidates)]
}

// isLAN reports whether ip is a private address. A link-local one is not: it needs a
// zone, and clouds serve metadata there.
func isLAN(ip netip.Addr) bool { return netaddr.ClassOf(ip) == netaddr.Private }
