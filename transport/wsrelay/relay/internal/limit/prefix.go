package limit

import "net/netip"

// site is what counts as one place that clients come from.
func Prefix64(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(64)
	return p.Addr()
}

// wide is the network around a site of which one customer may have all: four
// times what a site may have is for all of it.
func Prefix48(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(48)
	return p.Addr()
}
