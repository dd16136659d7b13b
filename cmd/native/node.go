package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

const nodeHelp = `Node runs a node of the network until SIGINT or SIGTERM, then leaves and exits with 0.
Leaving takes 2 seconds at most, in which the node hands on the values that it keeps. A
second signal ends it at once.

When it is ready it prints one line on standard output, and nothing else there:

  listening ADDR:PORT id HEX

The log goes to standard error. The first node of a network needs no --bootstrap. Every
other node needs the address of at least one running node. Nodes that do not answer and
names that do not resolve are tried again until they do.

Nodes with another --network are refused, and refuse this one. Python nodes know no
names, and are always taken. --k should be the same in the whole network: without it, a
node takes the number of its bootstrap nodes.

With --webrtc it opens direct paths to browser tabs, which otherwise reach it through a
relay, and to other nodes with --webrtc. The port for direct paths is in the log;
firewalls must let it through too.

With --json the line is {"listening": "ADDR:PORT", "id": "HEX"}`

const nodeExample = `  kadmesh node
  kadmesh node --listen 0.0.0.0:8468 --bootstrap node1.example.org:8468 --bootstrap 192.0.2.7:8468
  kadmesh node --listen 0.0.0.0:8468 --webrtc --webrtc-listen 0.0.0.0:8469 --bootstrap node1.example.org:8468`

func (p *program) node() *cobra.Command {
	var s nodeFlags
	cmd := &cobra.Command{
		Use:               "node [--listen ADDR:PORT] [--bootstrap HOST:PORT]... [flags]",
		Short:             "Run a node until it is interrupted",
		Long:              nodeHelp,
		Example:           nodeExample,
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.hasID = cmd.Flags().Changed("id")
			return p.runNode(cmd.Context(), s)
		},
	}
	s.flags(cmd)
	return cmd
}

// nodeFlags are the flags of node.
type nodeFlags struct {
	listen    string
	bootstrap peerList
	id        string
	hasID     bool // whether --id is given
	cfg       core.Config
	k         bucketSize
	direct    directFlags
	metrics   string
	logging   cli.Logging
}

func (s *nodeFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.listen, "listen", "l", "0.0.0.0:8468",
		"listen on `ADDR:PORT`; port 0 picks a free port, [::] is IPv4 and IPv6")
	f.VarP(&s.bootstrap, "bootstrap", "b", "join through the node at `HOST:PORT`; may be repeated")
	f.StringVar(&s.id, "id", "", "id of the node, `HEX` of 40 digits (default random)")
	networkName(cmd, &s.cfg.Network)
	s.k.flag(cmd)
	f.IntVar(&s.cfg.Alpha, "alpha", 3, "number of requests of a lookup in flight at a time")
	f.DurationVar(&s.cfg.TTL, "ttl", 24*time.Hour, "lifetime of values stored without one, from 1s to 168h")
	f.Int64Var(&s.cfg.StoreBytes, "store-bytes", 64<<20, "memory for values kept for the network, in bytes")
	f.StringVar(&s.metrics, "metrics", "", "serve metrics for Prometheus at `ADDR:PORT`, path /metrics (default none)")
	for _, flag := range []string{"listen", "bootstrap", "id", "alpha", "ttl", "store-bytes", "metrics"} {
		cli.Complete(cmd, flag)
	}
	s.direct.flags(cmd)
	s.logging.Flags(cmd)
}

// config returns the node's configuration with its log, or a usage error.
func (s *nodeFlags) config(stderr io.Writer) (core.Config, *slog.Logger, error) {
	cfg := s.cfg
	cfg.K = int(s.k)
	ttl, err := lifetime(cfg.TTL)
	if err != nil {
		return cfg, nil, err
	}
	cfg.TTL = ttl
	switch {
	case cfg.Alpha < 1 || cfg.Alpha > maxK:
		return cfg, nil, cli.Usagef("--alpha %d: want 1 to %d", cfg.Alpha, maxK)
	case cfg.StoreBytes <= 0:
		return cfg, nil, cli.Usagef("--store-bytes %d: want more than zero", cfg.StoreBytes)
	}
	if s.hasID {
		id, err := core.ParseID(s.id)
		if err != nil {
			return cfg, nil, cli.Usagef("--id: %w", err)
		}
		if id == (core.ID{}) {
			return cfg, nil, cli.Usagef("--id %s: all zeros cannot be a node's id", s.id)
		}
		cfg.ID = id
	}
	log, err := s.logging.Logger(stderr)
	cfg.Log = log
	return cfg, log, err
}

func (p *program) runNode(ctx context.Context, s nodeFlags) error {
	cfg, log, err := s.config(p.Err)
	if err != nil {
		return err
	}
	ctx, stop := cli.UntilSignal(ctx)
	defer stop()
	r, err := s.open(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer r.close()
	node := r.node
	err = p.Print(fmt.Sprintf("listening %v id %v", node.Addr(), node.ID()), struct {
		Listening netip.AddrPort `json:"listening"`
		ID        core.ID        `json:"id"`
	}{node.Addr(), node.ID()})
	if err != nil {
		return err
	}
	r.join(ctx, s.bootstrap)
	begin := time.Now()
	log.Info("stopping", "contacts", len(node.Contacts()))
	r.close()
	log.Info("stopped", "took", time.Since(begin).Round(time.Millisecond))
	return nil
}

// running is a running node with its servers.
type running struct {
	node    *core.Node
	direct  *webrtc.Conn   // nil without --webrtc
	metrics *metricsServer // nil without --metrics
	log     *slog.Logger
}

// open starts a node. Errors name the flag at fault.
func (s *nodeFlags) open(ctx context.Context, cfg core.Config, log *slog.Logger) (*running, error) {
	addr, err := parseListen(ctx, s.listen)
	if err != nil {
		return nil, err
	}
	if err := reachableFrom(addr.Addr(), s.bootstrap); err != nil {
		return nil, err
	}
	if cfg.ID == (core.ID{}) {
		rand.Read(cfg.ID[:])
	}
	paths, err := s.direct.config(ctx, cfg.ID, addr)
	if err != nil {
		return nil, err
	}
	r := &running{log: log}
	if s.metrics != "" {
		if r.metrics, err = listenMetrics(s.metrics); err != nil {
			return nil, err
		}
	}
	if err := r.start(addr, cfg, s.direct.on, paths); err != nil {
		r.metrics.close()
		return nil, err
	}
	return r, nil
}

// start opens the node's sockets and serves its metrics.
func (r *running) start(addr netip.AddrPort, cfg core.Config, direct bool, paths webrtc.Config) error {
	sock, err := listen(addr)
	if err != nil {
		return err
	}
	var conn core.Conn = sock
	if direct {
		if r.direct, err = wrap(sock, paths, r.log); err != nil {
			return err
		}
		conn, cfg.Direct = r.direct, noteMet(r.direct)
	}
	r.node = core.NewNode(conn, cfg)
	if r.metrics != nil {
		r.metrics.serve(exposition(r.node, r.direct), r.log)
	}
	return nil
}

func (r *running) close() {
	r.metrics.close()
	r.node.Close()
}

// join keeps the node in touch with the network through peers, until ctx ends.
func (r *running) join(ctx context.Context, peers []cli.HostPort) {
	node, log := r.node, r.log
	if len(peers) == 0 {
		log.Info("no bootstrap given: waiting for other nodes")
	}
	j := joiner{
		bootstrap: node.Bootstrap,
		alone:     func() bool { return node.Stats().Contacts == 0 },
		lookup:    net.DefaultResolver.LookupNetIP,
		canSend:   func(ip netip.Addr) bool { return canSend(node.Addr().Addr(), ip) },
		log:       log,
	}
	var running sync.WaitGroup
	var literals []netip.AddrPort
	for _, h := range peers {
		if addr, ok := h.Literal(); ok {
			literals = append(literals, addr)
		} else {
			running.Go(func() { j.through(ctx, h) })
		}
	}
	if len(literals) > 0 {
		// The node logs seeds that do not answer, and tries them again.
		running.Go(func() { node.Bootstrap(ctx, literals...) })
	}
	r.logStats(ctx)
	running.Wait()
}

// statsInterval is the time between two logs of a node's counters, at level debug.
const statsInterval = time.Minute

func (r *running) logStats(ctx context.Context) {
	tick := time.NewTicker(statsInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s := r.node.Stats()
			r.log.Debug("stats", "contacts", s.Contacts, "records", s.Records, "record_bytes", s.RecordBytes,
				"received", s.Received, "sent", s.Sent, "replied", s.Replied, "timed_out", s.TimedOut,
				"served", s.Served, "dropped", s.Dropped)
			if r.direct != nil {
				logPaths(r.direct.Stats(), r.log)
			}
		case <-ctx.Done():
			return
		}
	}
}

// listen opens a socket. The error for a port in use says how to choose another.
func listen(addr netip.AddrPort) (*udp.Conn, error) {
	conn, err := udp.Listen(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: choose another port, or port 0 for any free one", err)
	}
	return conn, err
}

// reachableFrom returns a usage error if a socket bound to local cannot send to one of
// peers. Names are not resolved and pass.
func reachableFrom(local netip.Addr, peers []cli.HostPort) error {
	for _, h := range peers {
		if addr, ok := h.Literal(); ok && !canSend(local, addr.Addr()) {
			return cli.Usagef("--bootstrap %v cannot be reached from --listen %v, which is of the other IP version: "+
				"listen on [::] for both", h, local)
		}
	}
	return nil
}
