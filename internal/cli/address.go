package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// HostPort is an address as a user writes it: a name or an IP address, and a port.
type HostPort struct {
	Host string
	Port uint16
}

// String returns HOST:PORT, with an IPv6 address in brackets.
func (h HostPort) String() string {
	return net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port)))
}

// ParseHostPort parses HOST:PORT, with an IPv6 address in brackets. HOST may be empty
// and PORT zero.
func ParseHostPort(s string) (HostPort, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return HostPort{}, Usagef("%q: want HOST:PORT, as in 127.0.0.1:8468 or [::1]:8468", s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return HostPort{}, Usagef("%q: the port is a number up to 65535", s)
	}
	return HostPort{host, uint16(n)}, nil
}

// ParsePeers parses addresses of nodes. None may lack the host or have port 0.
func ParsePeers(list []string) ([]HostPort, error) {
	var peers []HostPort
	for _, s := range list {
		h, err := ParseHostPort(s)
		if err != nil {
			return nil, err
		}
		if h.Host == "" || h.Port == 0 {
			return nil, Usagef("%q: the host or the port of the node is missing", s)
		}
		peers = append(peers, h)
	}
	return peers, nil
}

// LookupFunc resolves a name, as net.Resolver.LookupNetIP does.
type LookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Literal returns the address if the host is an IP address. It turns 0.0.0.0 and [::],
// which programs print as their listen address, into the loopback address.
func (h HostPort) Literal() (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(h.Host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	switch ip = ip.Unmap(); ip {
	case netip.IPv4Unspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		ip = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(ip, h.Port), true
}

// Resolve returns all addresses of h, without a lookup if the host is an IP address.
func (h HostPort) Resolve(ctx context.Context, lookup LookupFunc) ([]netip.AddrPort, error) {
	if addr, ok := h.Literal(); ok {
		return []netip.AddrPort{addr}, nil
	}
	ips, err := lookup(ctx, "ip", h.Host)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) {
			err = errors.New(dns.Err)
		}
		return nil, fmt.Errorf("%s does not resolve: %w", h.Host, err)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), h.Port))
	}
	return addrs, nil
}
