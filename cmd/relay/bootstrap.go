package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// seeds are the nodes through which tabs join the network. Names are looked up again now
// and then, since a name may not resolve yet, or have another address later.
type seeds struct {
	nodes  []cli.HostPort
	lookup cli.LookupFunc
	fits   func(netip.Addr) bool // whether the relay lends addresses of its IP version
	safe   func(netip.Addr) bool // whether a name may open the address to tabs
	set    func([]netip.AddrPort)
	log    *slog.Logger
}

// Names are looked up every lookupInterval; while one does not resolve, after
// lookupRetry, then after twice as long each time. A lookup may take lookupTime.
const (
	lookupInterval = 5 * time.Minute
	lookupRetry    = time.Second
	lookupTime     = 10 * time.Second
)

// keep keeps the relay's bootstrap nodes up to date until ctx ends. Without names it
// returns at once.
func (s *seeds) keep(ctx context.Context) {
	if len(literals(s.nodes)) == len(s.nodes) {
		return // the relay has them from its start
	}
	known := make([][]netip.AddrPort, len(s.nodes)) // by node
	last := literals(s.nodes)
	retry := lookupRetry
	for {
		wait := lookupInterval
		if s.resolve(ctx, known) {
			retry = lookupRetry
		} else {
			wait = retry
			retry = min(2*retry, lookupInterval)
		}
		if all := slices.Concat(known...); ctx.Err() == nil && !slices.Equal(all, last) {
			s.set(all)
			s.log.Info("bootstrap nodes", "addrs", all)
			last = all
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// resolve updates known, and returns whether all names resolved. A name that does not
// resolve keeps its addresses.
func (s *seeds) resolve(ctx context.Context, known [][]netip.AddrPort) bool {
	ok := true
	for i, h := range s.nodes {
		addrs, err := s.find(ctx, h)
		if err == nil {
			known[i] = addrs
		} else if ctx.Err() == nil {
			s.log.Warn("bootstrap name is of no use now", "name", h.Host, "error", err)
			ok = false
		}
	}
	return ok
}

// find returns the addresses of h that tabs can send to, in a fixed order. The addresses
// of a name must be safe. Otherwise the owner of the name could open the network of this
// machine to tabs.
func (s *seeds) find(ctx context.Context, h cli.HostPort) ([]netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := h.Resolve(ctx, s.lookup)
	if err != nil {
		return nil, err
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !s.fits(a.Addr()) })
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no address of the IP version of --public-ip", h.Host)
	}
	if _, literal := h.Literal(); !literal {
		addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return s.drops(h, a.Addr()) })
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no public address: give the address itself, or --allow-private", h.Host)
	}
	slices.SortFunc(addrs, netip.AddrPort.Compare)
	return slices.Compact(addrs), nil
}

// drops reports whether an address of h is not safe, and logs it.
func (s *seeds) drops(h cli.HostPort, ip netip.Addr) bool {
	if s.safe(ip) {
		return false
	}
	s.log.Warn("bootstrap address is not public, and is left out", "name", h.Host, "addr", ip)
	return true
}

// literals are the nodes that are given by address.
func literals(nodes []cli.HostPort) (addrs []netip.AddrPort) {
	for _, h := range nodes {
		if addr, ok := h.Literal(); ok {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// parseBootstrap returns the nodes of --bootstrap.
func (o *options) parseBootstrap(cfg *relay.Config) ([]cli.HostPort, error) {
	if o.bootstrap != nil && len(o.bootstrap) == 0 {
		o.bootstrap = []string{""} // as package pflag reads --bootstrap ""
	}
	nodes, err := cli.ParsePeers(o.bootstrap)
	if err != nil {
		return nil, cli.Usagef("--bootstrap %w", err)
	}
	for _, h := range nodes {
		addr, ok := h.Literal()
		switch {
		case !ok:
		case !lends(cfg, addr.Addr()):
			return nil, cli.Usagef("--bootstrap %v cannot be reached from --public-ip %v, of the other IP version",
				h, cfg.PublicIPs[0])
		case addr.Addr().IsLoopback() && !cfg.AllowPrivate:
			return nil, cli.Usagef("--bootstrap %v is this machine alone: give the node's address for others", h)
		case addr.Addr().IsLinkLocalUnicast() && !cfg.AllowPrivate:
			return nil, cli.Usagef("--bootstrap %v is of one link alone: give the node's address for others", h)
		}
	}
	return nodes, nil
}
