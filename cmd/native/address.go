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

// peerList is the value of a flag that says where nodes are. An empty one is an
// error: it is what a variable that is not set leaves.
type peerList []cli.HostPort

// Set adds to the list.
func (l *peerList) Set(s string) error {
	peers, err := cli.ParsePeers(strings.Split(s, ","))
	*l = append(*l, peers...)
	return err
}

// Type is for package pflag.
func (l *peerList) Type() string { return "peers" }

// String lists the peers for a message.
func (l peerList) String() string {
	var list []string
	for _, h := range l {
		list = append(list, h.String())
	}
	return strings.Join(list, ", ")
}

// slowName is how much longer to wait for the other names once one has been
// resolved.
const nameGrace = time.Second

// resolveAny resolves all peers at the same time and returns what addresses it
// gets, or an error if it gets none.
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

// parseListen reads the address to listen on. No host means all of IPv4, as
// Python's kademlia has it.
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

// fits reports whether a socket that listens on local can send to peer.
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
