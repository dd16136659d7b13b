package webrtc

import (
	"net/netip"
	"slices"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Mode says which direct paths a node takes part in.
type Mode uint8

const (
	// RelayOnly: none. No address of the user leaves, and no channel opens.
	RelayOnly Mode = iota
	// Direct: with peers that can be reached at the IP address at which the network
	// knows them, or that reach this node there. The peers of channels see the
	// node's own address.
	Direct
	// LAN: as Direct, and private addresses are told and tried as well, so that
	// tabs in one local network find each other.
	LAN
)

var modeNames = [...]string{"relay-only", "direct", "lan"}

// String names the mode.
func (m Mode) String() string { return modeNames[m] }

// minPort is the lowest port that is tried: below are the services of systems.
const minPort = 1024

// usable returns which of the candidates in a description from the address from
// may be tried, without those of kind here. They are those at the sender's own IP
// address, and in mode LAN those of a local network: nobody can make the node
// probe somebody else. An address from which nothing was proven to come gets
// nothing sent: its owner must come here.
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

// tellable returns which of the node's own candidates the peer at to may know. sameIP
// says that others see this node at its own IP address, which then need not be
// named; behind a relay they do not.
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

// isLAN reports whether ip is of a local network. Link-local addresses do not
// count: they need a zone, and clouds keep their metadata there.
func isLAN(ip netip.Addr) bool { return netaddr.ClassOf(ip) == netaddr.Private }
