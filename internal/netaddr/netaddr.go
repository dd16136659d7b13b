// Package netaddr classifies IP addresses by IANA's registries of special-purpose
// addresses (RFC 6890). It is the one place of this module that decides whether an
// address is public.
package netaddr

import "net/netip"

// Class is a kind of IP addresses.
type Class uint8

const (
	// Nowhere is no unicast address of one host: the zero netip.Addr, unspecified,
	// multicast, broadcast, reserved, and IPv4 in the IPv6-mapped notation, which
	// Unmap turns into plain IPv4.
	Nowhere Class = iota

	// Loopback is the host itself: 127.0.0.0/8 and ::1.
	Loopback

	// LinkLocal is valid on one link: 169.254.0.0/16 (RFC 3927) and fe80::/10
	// (RFC 4291). Clouds serve the metadata of a machine there.
	LinkLocal

	// Private is 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918), and
	// fc00::/7 (RFC 4193).
	Private

	// Shared is 100.64.0.0/10, between a carrier's NAT and its customers (RFC 6598).
	Shared

	// Special is a range for documentation, benchmarks or protocols, or one that IANA
	// has not handed out. A laboratory may use such addresses; the Internet routes
	// none of them.
	Special

	// Tunnel stands for another host, such as one whose IPv4 address is inside: 6to4,
	// Teredo, ISATAP, AMT, NAT64 and the like. That host may be on the Internet or
	// on the network of the sender.
	Tunnel

	// Public is a unicast address of one host on the Internet.
	Public
)

// Scope is how far an address means the same host. A larger scope is wider.
type Scope uint8

const (
	ScopeNone   Scope = iota // no host
	ScopeHost                // this host
	ScopeSite                // one network: other networks may use the same address
	ScopeGlobal              // the Internet
)

// Scope returns how far addresses of class c mean the same host.
func (c Class) Scope() Scope {
	switch c {
	case Nowhere:
		return ScopeNone
	case Loopback:
		return ScopeHost
	case Public:
		return ScopeGlobal
	}
	return ScopeSite
}

// IsPublic reports whether ip is a unicast address of one host on the Internet. It is
// false for IPv4 in the IPv6-mapped notation.
func IsPublic(ip netip.Addr) bool { return ClassOf(ip) == Public }

// ClassOf returns the class of ip. A zone makes no difference. ClassOf runs for each
// datagram, and therefore compares bytes and walks no list.
func ClassOf(ip netip.Addr) Class {
	switch {
	case ip.Is4():
		return classOf4(ip.As4())
	case ip.Is6() && !ip.Is4In6():
		return classOf6(ip.As16())
	}
	return Nowhere
}

func classOf4(b [4]byte) Class {
	switch b[0] {
	case 0: // 0.0.0.0/8, "this network" (RFC 791)
		return Nowhere
	case 10:
		return Private
	case 100:
		if b[1]&0xc0 == 64 {
			return Shared
		}
	case 127:
		return Loopback
	case 169:
		if b[1] == 254 {
			return LinkLocal
		}
	case 172:
		if b[1]&0xf0 == 16 {
			return Private
		}
	case 192:
		return classOf192(b)
	case 198:
		if b[1]&0xfe == 18 || // 198.18.0.0/15, benchmarks (RFC 2544)
			b[1] == 51 && b[2] == 100 { // 198.51.100.0/24, documentation (RFC 5737)
			return Special
		}
	case 203:
		if b[1] == 0 && b[2] == 113 { // 203.0.113.0/24, documentation (RFC 5737)
			return Special
		}
	}
	if b[0] >= 224 { // multicast (RFC 5771), reserved (RFC 1112), broadcast (RFC 919)
		return Nowhere
	}
	return Public
}

// classOf192 returns the class of an address in 192.0.0.0/8.
func classOf192(b [4]byte) Class {
	switch [2]byte{b[1], b[2]} {
	case [2]byte{0, 0}, // 192.0.0.0/24, protocol assignments (RFC 6890)
		[2]byte{0, 2}: // 192.0.2.0/24, documentation (RFC 5737)
		return Special
	case [2]byte{52, 193}, // 192.52.193.0/24, AMT relays (RFC 7450)
		[2]byte{88, 99}: // 192.88.99.0/24, 6to4 relays (RFC 7526)
		return Tunnel
	}
	if b[1] == 168 {
		return Private
	}
	return Public
}

func classOf6(b [16]byte) Class {
	switch {
	case b[0]&0xe0 == 0x20:
		return classOfUnicast6(&b)
	case b[0]&0xfe == 0xfc:
		return Private
	case b[0] == 0xfe && b[1]&0xc0 == 0x80:
		return LinkLocal
	case b == [16]byte{15: 1}:
		return Loopback
	case b == [16]byte{}, b[0] == 0xff: // unspecified and multicast (RFC 4291)
		return Nowhere
	case b[0] == 0:
		// IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), and NAT64 with
		// 64:ff9b::/96 (RFC 6052) and 64:ff9b:1::/48 (RFC 8215)
		return Tunnel
	}
	return Special // not handed out
}

// classOfUnicast6 returns the class of an address in 2000::/3, which IPv6 unicast
// addresses are handed out of (RFC 4291).
func classOfUnicast6(b *[16]byte) Class {
	switch [2]byte{b[0], b[1]} {
	case [2]byte{0x20, 0x01}:
		if b[2]&0xfe == 0 { // 2001::/23, protocols (RFC 2928): Teredo (RFC 4380), AMT and others
			return Tunnel
		}
		if b[2] == 0x0d && b[3] == 0xb8 { // 2001:db8::/32, documentation (RFC 3849)
			return Special
		}
	case [2]byte{0x20, 0x02}: // 2002::/16, 6to4 (RFC 3056)
		return Tunnel
	case [2]byte{0x3f, 0xff}:
		if b[2]&0xf0 == 0 { // 3fff::/20, documentation (RFC 9637)
			return Special
		}
	}
	// ISATAP (RFC 5214, section 6.1): the IPv4 address is in the last 4 bytes.
	if b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe {
		return Tunnel
	}
	return Public
}

// Unmap returns a with IPv4 in its own notation instead of the IPv6-mapped one.
func Unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// SameFamily reports whether a and b are both of IPv4, or both of IPv6.
func SameFamily(a, b netip.Addr) bool { return a.Is4() == b.Is4() }

// Family returns the IP version of ip: 4 or 6.
func Family(ip netip.Addr) byte {
	if ip.Is4() {
		return 4
	}
	return 6
}
