package limit

import "net/netip"

// Prefix64 is the address that the clients of one site share: the first address of an
// IPv6 /64, or the IPv4 address itself.
func Prefix64(ip netip.Addr) netip.Addr { return first(ip, 64) }

// Prefix48 is the first address of an IPv6 /48, all of which one customer of a
// provider may have; or the IPv4 address itself.
func Prefix48(ip netip.Addr) netip.Addr { return first(ip, 48) }

func first(ip netip.Addr, bits int) netip.Addr {
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(bits)
	return p.Addr()
}
