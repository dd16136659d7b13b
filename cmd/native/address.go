package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// peerList is the value of a flag for addresses of nodes. An empty value is an error,
// because it comes from an unset shell variable.
type peerList []cli.HostPort

// Set adds the addresses in s, separated by commas.
func (l *peerList) Set(s string) error {
	peers, err := cli.ParsePeers(strings.Split(s, ","))
	*l = append(*l, peers...)
	return err
}

// Type implements pflag.Value.
func (l *peerList) Type() string { return "peers" }

// String returns the addresses, separated by commas.
func (l peerList) String() string {
	var list []string
	for _, h := range l {
		list = append(list, h.String())
	}
	return strings.Join(list, ", ")
}

// nameGrace is the time for other names to resolve once one has.
const nameGrace = time.Second

// resolveAny resolves all peers at the same time. It returns the addresses found within
// nameGrace of the first, or an error if no peer resolves.
func resolveAny(ctx context.Context, peers peerList) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		addrs []netip.AddrPort
		err   error
	}
	results := make(chan result, len(peers))
	for _, h := range peers {
		go func() {
			addrs, err := h.Resolve(ctx, net.DefaultResolver.LookupNetIP)
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
			late := time.AfterFunc(nameGrace, cancel)
			defer late.Stop()
		}
		all = append(all, r.addrs...)
	}
	if all == nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// parseListen parses the address to listen on, and resolves it if it is a name. An
// empty host means 0.0.0.0, as in Python's kademlia.
func parseListen(ctx context.Context, s string) (netip.AddrPort, error) {
	h, err := cli.ParseHostPort(s)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if h.Host == "" {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), h.Port), nil
	}
	if ip, err := netip.ParseAddr(h.Host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), h.Port), nil
	}
	addrs, err := h.Resolve(ctx, net.DefaultResolver.LookupNetIP)
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

// canSend reports whether a socket bound to local can send to peer.
func canSend(local, peer netip.Addr) bool {
	if local.Is6() && local.IsUnspecified() {
		return true
	}
	return netaddr.SameFamily(local, peer)
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
