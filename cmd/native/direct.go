package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// directFlags are the flags for direct paths.
type directFlags struct {
	on, lan bool
	listen  string
}

func (d *directFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&d.on, "webrtc", false,
		"open direct paths to browser tabs and other nodes over WebRTC")
	f.StringVar(&d.listen, "webrtc-listen", "",
		"UDP `ADDR:PORT` of all direct paths (default a free port at the address of --listen)")
	f.BoolVar(&d.lan, "webrtc-lan", false,
		"use private addresses for direct paths too: offer this machine's and try other nodes'")
	cli.Complete(cmd, "webrtc-listen")
}

// minDirectPort is the lowest port that peers try.
const minDirectPort = 1024

// config returns the configuration of direct paths for a node that listens on node, or
// a usage error.
func (d *directFlags) config(ctx context.Context, id core.ID, node netip.AddrPort) (webrtc.Config, error) {
	cfg := webrtc.Config{ID: webrtc.ID(id), Mode: webrtc.Direct, SameIP: true}
	if d.lan {
		cfg.Mode = webrtc.LAN
	}
	switch {
	case !d.on && d.lan:
		return cfg, cli.Usagef("--webrtc-lan without --webrtc")
	case !d.on && d.listen != "":
		return cfg, cli.Usagef("--webrtc-listen without --webrtc")
	case d.listen == "":
		return cfg, nil
	}
	_, err := cli.ParseHostPort(d.listen)
	if err != nil {
		return cfg, cli.Usagef("--webrtc-listen %w", err)
	}
	if cfg.Listen, err = parseListen(ctx, d.listen); err != nil {
		return cfg, err
	}
	if !sameIP(cfg.Listen.Addr(), node.Addr()) {
		return cfg, cli.Usagef("--webrtc-listen %s: want the IP address of --listen, which is %v", d.listen, node.Addr())
	}
	if p := cfg.Listen.Port(); p > 0 && p < minDirectPort {
		return cfg, cli.Usagef("--webrtc-listen %s: peers do not try ports below %d", d.listen, minDirectPort)
	}
	return cfg, nil
}

// sameIP reports whether a listener on a can be reached at the IP address of a listener
// on b.
func sameIP(a, b netip.Addr) bool {
	switch {
	case a.IsUnspecified():
		return a.Is6() || b.Is4()
	case b.IsUnspecified():
		return b.Is6() || a.Is4() // [::] has both
	}
	return a == b
}

// wrap adds direct paths to the socket of a node, and owns the socket from then on.
func wrap(sock *udp.Conn, cfg webrtc.Config, log *slog.Logger) (*webrtc.Conn, error) {
	conn, err := webrtc.Wrap(sock, cfg)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: choose another port, or port 0 for any free one", err)
	}
	if err != nil {
		return nil, err
	}
	log.Info("direct paths", "udp", conn.DirectAddr(), "mode", cfg.Mode)
	return conn, nil
}

// noteMet returns the core.Config.Direct of a node that offers direct paths.
func noteMet(conn *webrtc.Conn) func(core.Contact, bool) {
	return func(c core.Contact, near bool) { conn.Met(c.Addr, webrtc.ID(c.ID), near) }
}

// acceptOnly is the core.Config.Direct of a node that accepts direct paths and offers
// none.
func acceptOnly(core.Contact, bool) {}

// logPaths logs counters of direct paths.
func logPaths(s webrtc.Stats, log *slog.Logger) {
	log.Debug("direct paths", "open", s.Open, "sent", s.Direct.Sent, "received", s.Direct.Received,
		"sent_udp", s.Wrapped.Sent, "received_udp", s.Wrapped.Received, "upgrades", s.Upgrades,
		"fallbacks", reasons(s.Fallbacks[:], webrtc.Fallback.String),
		"failures", reasons(s.Failures[:], webrtc.Failure.String),
		"refused", reasons(s.Refused[:], webrtc.Refusal.String))
}

// reasons returns the counts that are not zero, by the name of the reason.
func reasons[R ~uint8](counts []uint64, name func(R) string) map[string]uint64 {
	m := make(map[string]uint64)
	for i, n := range counts {
		if n > 0 {
			m[name(R(i))] = n
		}
	}
	return m
}
