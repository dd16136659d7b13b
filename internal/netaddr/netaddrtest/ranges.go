// Package netaddrtest has the special-purpose ranges of IANA's registries as a table,
// for the tests of netaddr and of the packages that rely on it.
package netaddrtest

import (
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Range is a prefix and the class of its addresses, except for narrower Ranges within.
type Range struct {
	Prefix netip.Prefix
	Class  netaddr.Class
	Source string // the RFC, or the reason
}

func row(prefix string, c netaddr.Class, source string) Range {
	return Range{netip.MustParsePrefix(prefix), c, source}
}

// Ranges are the IANA IPv4 and IPv6 Special-Purpose Address Registries, with the
// ranges of multicast and the like. The narrowest Range of an address
// decides its class. The first two rows have all addresses.
var Ranges = []Range{
	row("0.0.0.0/0", netaddr.Public, "IPv4"),
	row("::/0", netaddr.Special, "IPv6 that IANA has not handed out"),

	row("0.0.0.0/8", netaddr.Nowhere, "RFC 791, this network"),
	row("10.0.0.0/8", netaddr.Private, "RFC 1918"),
	row("100.64.0.0/10", netaddr.Shared, "RFC 6598, behind a carrier's NAT"),
	row("127.0.0.0/8", netaddr.Loopback, "RFC 1122"),
	row("169.254.0.0/16", netaddr.LinkLocal, "RFC 3927"),
	row("172.16.0.0/12", netaddr.Private, "RFC 1918"),
	row("192.0.0.0/24", netaddr.Special, "RFC 6890, protocol assignments"),
	row("192.0.2.0/24", netaddr.Special, "RFC 5737, documentation"),
	row("192.31.196.0/24", netaddr.Public, "RFC 7535, AS112, globally reachable"),
	row("192.52.193.0/24", netaddr.Tunnel, "RFC 7450, multicast tunnels"),
	row("192.88.99.0/24", netaddr.Tunnel, "RFC 7526, 6to4 relays"),
	row("192.168.0.0/16", netaddr.Private, "RFC 1918"),
	row("192.175.48.0/24", netaddr.Public, "RFC 7534, AS112, globally reachable"),
	row("198.18.0.0/15", netaddr.Special, "RFC 2544, benchmarks"),
	row("198.51.100.0/24", netaddr.Special, "RFC 5737, documentation"),
	row("203.0.113.0/24", netaddr.Special, "RFC 5737, documentation"),
	row("224.0.0.0/4", netaddr.Nowhere, "RFC 5771, multicast"),
	row("240.0.0.0/4", netaddr.Nowhere, "RFC 1112, reserved"),
	row("255.255.255.255/32", netaddr.Nowhere, "RFC 919, broadcast"),

	row("::/8", netaddr.Tunnel, "RFC 4291, IPv4-compatible and the like"),
	row("::/128", netaddr.Nowhere, "RFC 4291, unspecified"),
	row("::1/128", netaddr.Loopback, "RFC 4291"),
	row("::ffff:0:0/96", netaddr.Nowhere, "RFC 4291, IPv4-mapped: to be unmapped first"),
	row("::ffff:0:0:0/96", netaddr.Tunnel, "RFC 2765, IPv4-translated"),
	row("64:ff9b::/96", netaddr.Tunnel, "RFC 6052, NAT64"),
	row("64:ff9b:1::/48", netaddr.Tunnel, "RFC 8215, local NAT64"),
	row("100::/64", netaddr.Special, "RFC 6666, discarded"),
	row("100:0:0:1::/64", netaddr.Special, "RFC 9780, dummy prefix"),
	row("2000::/3", netaddr.Public, "RFC 4291, global unicast"),
	row("2001::/23", netaddr.Tunnel, "RFC 2928, protocol assignments"),
	row("2001::/32", netaddr.Tunnel, "RFC 4380, Teredo"),
	row("2001:1::1/128", netaddr.Tunnel, "RFC 7723, PCP anycast"),
	row("2001:1::2/128", netaddr.Tunnel, "RFC 8155, TURN anycast"),
	row("2001:1::3/128", netaddr.Tunnel, "RFC 9665, DNS-SD anycast"),
	row("2001:2::/48", netaddr.Tunnel, "RFC 5180, benchmarks"),
	row("2001:3::/32", netaddr.Tunnel, "RFC 7450, multicast tunnels"),
	row("2001:4:112::/48", netaddr.Tunnel, "RFC 7535, AS112, within protocol assignments"),
	row("2001:10::/28", netaddr.Tunnel, "RFC 4843, ORCHID"),
	row("2001:20::/28", netaddr.Tunnel, "RFC 7343, ORCHIDv2"),
	row("2001:30::/28", netaddr.Tunnel, "RFC 9374, drones"),
	row("2001:db8::/32", netaddr.Special, "RFC 3849, documentation"),
	row("2002::/16", netaddr.Tunnel, "RFC 3056, 6to4"),
	row("2620:4f:8000::/48", netaddr.Public, "RFC 7534, AS112, globally reachable"),
	row("3fff::/20", netaddr.Special, "RFC 9637, documentation"),
	row("5f00::/16", netaddr.Special, "RFC 9602, segment routing"),
	row("fc00::/7", netaddr.Private, "RFC 4193"),
	row("fe80::/10", netaddr.LinkLocal, "RFC 4291"),
	row("fec0::/10", netaddr.Special, "RFC 3879, site-local, deprecated"),
	row("ff00::/8", netaddr.Nowhere, "RFC 4291, multicast"),

	// An interface identifier and not a prefix: so in any /64.
	row("2a00:1450::5efe:0:0/96", netaddr.Tunnel, "RFC 5214, ISATAP"),
	row("2a00:1450::200:5efe:0:0/96", netaddr.Tunnel, "RFC 5214, ISATAP with a global IPv4 address"),
}

// Edges returns the first and the last address of each of Ranges, and the addresses
// just before and behind.
func Edges() (edges []netip.Addr) {
	for _, r := range Ranges {
		first, last := r.Prefix.Masked().Addr(), Last(r.Prefix)
		for _, ip := range []netip.Addr{first.Prev(), first, last, last.Next()} {
			if ip.IsValid() {
				edges = append(edges, ip)
			}
		}
	}
	return edges
}

// ClassOf returns the class of ip by the narrowest of Ranges.
func ClassOf(ip netip.Addr) (class netaddr.Class) {
	bits := -1
	for _, r := range Ranges {
		if r.Prefix.Contains(ip) && r.Prefix.Bits() > bits {
			class, bits = r.Class, r.Prefix.Bits()
		}
	}
	return class
}

// Last returns the last address of p.
func Last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}
