package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// joiner joins a node to a network through nodes given by name. core.Node tries
// addresses again by itself; the joiner resolves names again, since a name may not
// resolve yet, or get another address later.
type joiner struct {
	bootstrap func(ctx context.Context, seeds ...netip.AddrPort) error
	alone     func() bool // whether the node has no contacts
	lookup    cli.LookupFunc
	canSend   func(netip.Addr) bool // whether the node can send to an address
	log       *slog.Logger
}

// A name is resolved again after joinFirst, then after twice as long each time, up to
// joinMax.
const (
	joinFirst = time.Second
	joinMax   = 5 * time.Minute
)

// through joins through h, and returns when ctx ends. Once the node has joined, it
// resolves h again only if the node has lost all contacts.
func (j *joiner) through(ctx context.Context, h cli.HostPort) {
	var known []netip.AddrPort
	joined := false
	for pause := joinFirst; ; pause = min(2*pause, joinMax) {
		if !joined || j.alone() {
			addrs, err := j.resolve(ctx, h)
			if err != nil && ctx.Err() == nil {
				j.log.Warn("bootstrap name not usable yet", "name", h.Host, "error", err, "retry", pause)
			}
			addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return slices.Contains(known, a) })
			known = append(known, addrs...)
			// The node logs seeds that do not answer, and tries them again.
			joined = len(addrs) > 0 && j.bootstrap(ctx, addrs...) == nil || joined
		}
		if joined {
			pause = joinMax
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// resolve returns the addresses of h that the node can send to, or an error if there
// are none.
func (j *joiner) resolve(ctx context.Context, h cli.HostPort) ([]netip.AddrPort, error) {
	addrs, err := h.Resolve(ctx, j.lookup)
	if err != nil {
		return nil, err
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !j.canSend(a.Addr()) })
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no address of the IP version that this node listens on", h.Host)
	}
	return addrs, nil
}
