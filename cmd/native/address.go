package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// hostPort is where a node is as a user writes it: a name or an IP address, and
// a UDP port.
type hostPort struct {
	host string
	port uint16
}

func (h hostPort) String() string {
	return net.JoinHostPort(h.host, strconv.Itoa(int(h.port)))
}

// parseHostPort reads HOST:PORT, in which an IPv6 address is in brackets.
func parseHostPort(s string) (hostPort, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return hostPort{}, fmt.Errorf("%q: want HOST:PORT, as in 127.0.0.1:8468 or [::1]:8468", s)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return hostPort{}, fmt.Errorf("%q: the port is a number up to 65535", s)
	}
	return hostPort{host, uint16(n)}, nil
}

// parsePeers reads where other nodes are.
func parsePeers(list []string) ([]hostPort, error) {
	var peers []hostPort
	for _, s := range list {
		h, err := parseHostPort(s)
		if err != nil {
			return nil, usagef("%w", err)
		}
		if h.host == "" || h.port == 0 {
			return nil, usagef("%q: the host or the port of the node is missing", s)
		}
		peers = append(peers, h)
	}
	return peers, nil
}

// lookupFunc finds the addresses of a name, as net.Resolver.LookupNetIP does.
type lookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// literal returns the address of a host that is not a name. The unspecified
// address stands for this machine, as programs print it that listen on it.
func (h hostPort) literal() (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(h.host)
	if err != nil {
		return netip.AddrPort{}, false
	}
	switch ip = ip.Unmap(); ip {
	case netip.IPv4Unspecified():
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		ip = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(ip, h.port), true
}

// resolve returns all addresses of h.
func (h hostPort) resolve(ctx context.Context, lookup lookupFunc) ([]netip.AddrPort, error) {
	if addr, ok := h.literal(); ok {
		return []netip.AddrPort{addr}, nil
	}
	ips, err := lookup(ctx, "ip", h.host)
	if err != nil {
		var dns *net.DNSError
		if errors.As(err, &dns) {
			err = errors.New(dns.Err)
		}
		return nil, fmt.Errorf("%s does not resolve: %w", h.host, err)
	}
	var addrs []netip.AddrPort
	for _, ip := range ips {
		addrs = append(addrs, netip.AddrPortFrom(ip.Unmap(), h.port))
	}
	return addrs, nil
}

// slowName is how much longer to wait for the other names once one has been
// resolved.
const slowName = time.Second

// resolveAny resolves all peers at the same time and returns what addresses it
// gets, or an error if it gets none.
func resolveAny(ctx context.Context, peers []hostPort) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		addrs []netip.AddrPort
		err   error
	}
	results := make(chan result, len(peers))
	for _, h := range peers {
		go func() {
			addrs, err := h.resolve(ctx, net.DefaultResolver.LookupNetIP)
			results <- result{addrs, err}
		}()
	}
	var all []netip.AddrPort
	var errs []error
	for range peers {
		r := <-results
		if r.err != nil {
			errs = append(errs, r.err)
			continue
		}
		if all == nil {
			late := time.AfterFunc(slowName, cancel)
			defer late.Stop()
		}
		all = append(all, r.addrs...)
	}
	if all == nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// parseListen reads the address to listen on. No host means all of IPv4, as
// Python's kademlia has it.
func parseListen(ctx context.Context, s string) (netip.AddrPort, error) {
	h, err := parseHostPort(s)
	if err != nil {
		return netip.AddrPort{}, usagef("%w", err)
	}
	if h.host == "" {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), h.port), nil
	}
	if ip, err := netip.ParseAddr(h.host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), h.port), nil
	}
	addrs, err := h.resolve(ctx, net.DefaultResolver.LookupNetIP)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("listen on %v: %w", h, err)
	}
	for _, a := range addrs {
		if a.Addr().Is4() {
			return a, nil
		}
	}
	return addrs[0], nil
}

// fits reports whether a socket that listens on local can send to peer.
func fits(local, peer netip.Addr) bool {
	if local.Is6() && local.IsUnspecified() {
		return true
	}
	return local.Is4() == peer.Is4()
}

// routable reports whether this machine has a route to addr. It sends nothing.
func routable(addr netip.AddrPort) bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
