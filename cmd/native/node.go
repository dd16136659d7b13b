package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
)

func (p *program) node() *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use:   "node [--listen ADDR:PORT] [--bootstrap HOST:PORT]... [flags]",
		Short: "Run a node until it is interrupted",
		Long: `Node runs a node of the network until SIGINT or SIGTERM, then leaves and exits
with 0. A second signal ends it at once.

When it is ready it prints one line on standard output, and no more:

  listening ADDR:PORT id HEX

All else is logged on standard error. The first node of a network needs no
--bootstrap, all others need the address of at least one that is running. A node
that does not answer is asked again, a name that does not resolve looked up again,
until it works.

With --json the line is {"listening": "ADDR:PORT", "id": "HEX"}`,
		Example: `  kadmesh node
  kadmesh node --listen 0.0.0.0:8468 --bootstrap node1.example.org:8468 --bootstrap 192.0.2.7:8468`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runNode(cmd.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.listen, "listen", "l", "0.0.0.0:8468", "listen on `ADDR:PORT`; port 0 takes a free one, [::] IPv4 and IPv6")
	f.StringSliceVarP(&s.bootstrap, "bootstrap", "b", nil, "join through the node at `HOST:PORT`; may be repeated")
	f.StringVar(&s.id, "id", "", "the node's id, `HEX` of 40 digits (default a random one)")
	f.IntVarP(&s.cfg.K, "k", "k", 20, "how many nodes keep a value; the same in all the network, best")
	f.IntVar(&s.cfg.Alpha, "alpha", 3, "how many requests of a lookup are under way at a time")
	f.DurationVar(&s.cfg.TTL, "ttl", 24*time.Hour, "how long values live that do not say it themselves, 168h at most")
	f.Int64Var(&s.cfg.StoreBytes, "store-bytes", 64<<20, "how much memory the values of others may take")
	f.StringVar(&s.logLevel, "log-level", "info", "log from `LEVEL` on: "+strings.Join(logLevels, ", "))
	f.StringVar(&s.logFormat, "log-format", "text", "write the log as `FORMAT`: text, json")
	for _, flag := range []string{"listen", "bootstrap", "id", "k", "alpha", "ttl", "store-bytes"} {
		complete(cmd, flag)
	}
	complete(cmd, "log-level", logLevels...)
	complete(cmd, "log-format", "text", "json")
	return cmd
}

// serving is what node is told by flags.
type serving struct {
	listen    string
	bootstrap []string
	id        string
	cfg       core.Config
	logLevel  string
	logFormat string
}

// maxK keeps an answer of k contacts within one datagram.
const maxK = 1000

// config returns the node's configuration, or says which flag is wrong.
func (s *serving) config(stderr io.Writer) (core.Config, *slog.Logger, error) {
	cfg := s.cfg
	switch {
	case cfg.K < 1 || cfg.K > maxK:
		return cfg, nil, usagef("--k %d: want 1 to %d", cfg.K, maxK)
	case cfg.Alpha < 1 || cfg.Alpha > maxK:
		return cfg, nil, usagef("--alpha %d: want 1 to %d", cfg.Alpha, maxK)
	case cfg.TTL <= 0 || cfg.TTL > core.MaxTTL:
		return cfg, nil, usagef("--ttl %v: want more than zero, and %v at most", cfg.TTL, core.MaxTTL)
	case cfg.StoreBytes <= 0:
		return cfg, nil, usagef("--store-bytes %d: want more than zero", cfg.StoreBytes)
	}
	if s.id != "" {
		id, err := core.ParseID(s.id)
		if err != nil {
			return cfg, nil, usagef("--id: %w", err)
		}
		if id == (core.ID{}) {
			return cfg, nil, usagef("--id %s: all zeros is no node's id", s.id)
		}
		cfg.ID = id
	}
	log, err := s.logger(stderr)
	cfg.Log = log
	return cfg, log, err
}

var logLevels = []string{"debug", "info", "warn", "error"}

// logger returns what logs to stderr, or says which flag is wrong.
func (s *serving) logger(stderr io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if !slices.Contains(logLevels, s.logLevel) || level.UnmarshalText([]byte(s.logLevel)) != nil {
		return nil, usagef("--log-level %q: want one of %s", s.logLevel, strings.Join(logLevels, ", "))
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(stderr, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(stderr, options)), nil
	}
	return nil, usagef("--log-format %q: want text or json", s.logFormat)
}

func (p *program) runNode(ctx context.Context, s serving) error {
	cfg, log, err := s.config(p.err)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	addr, err := parseListen(ctx, s.listen)
	if err != nil {
		return err
	}
	peers, err := parsePeers(s.bootstrap)
	if err != nil {
		return err
	}
	if err := reachableFrom(addr.Addr(), peers); err != nil {
		return err
	}
	conn, err := listen(addr)
	if err != nil {
		return err
	}
	node := core.NewNode(conn, cfg)
	defer node.Close()
	err = p.print(fmt.Sprintf("listening %v id %v", node.Addr(), node.ID()), struct {
		Listening netip.AddrPort `json:"listening"`
		ID        core.ID        `json:"id"`
	}{node.Addr(), node.ID()})
	if err != nil {
		return err
	}
	join(ctx, node, peers, log)
	log.Info("leaving", "contacts", len(node.Contacts()))
	return nil
}

// join keeps node in touch with the network through peers, until ctx is over.
func join(ctx context.Context, node *core.Node, peers []hostPort, log *slog.Logger) {
	if len(peers) == 0 {
		log.Info("no bootstrap given: waiting for other nodes")
	}
	j := joining{
		bootstrap: node.Bootstrap,
		alone:     func() bool { return node.Stats().Contacts == 0 },
		lookup:    net.DefaultResolver.LookupNetIP,
		fits:      func(ip netip.Addr) bool { return fits(node.Addr().Addr(), ip) },
		log:       log,
	}
	var running sync.WaitGroup
	var literals []netip.AddrPort
	for _, h := range peers {
		if addr, ok := h.literal(); ok {
			literals = append(literals, addr)
		} else {
			running.Go(func() { j.through(ctx, h) })
		}
	}
	if len(literals) > 0 {
		// The node logs who does not answer, and asks again.
		running.Go(func() { node.Bootstrap(ctx, literals...) })
	}
	logStats(ctx, node, log)
	running.Wait()
}

// statsInterval is how often a node logs its counters, at level debug.
const statsInterval = time.Minute

func logStats(ctx context.Context, node *core.Node, log *slog.Logger) {
	tick := time.NewTicker(statsInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s := node.Stats()
			log.Debug("stats", "contacts", s.Contacts, "records", s.Records, "record_bytes", s.RecordBytes,
				"received", s.Received, "sent", s.Sent, "replied", s.Replied, "timed_out", s.TimedOut,
				"served", s.Served, "dropped", s.Dropped)
		case <-ctx.Done():
			return
		}
	}
}

// untilSignal returns a context that ends with the first SIGINT or SIGTERM. The
// second ends the program.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// listen opens a socket, and says what to do if the port is in use.
func listen(addr netip.AddrPort) (*udp.Conn, error) {
	conn, err := udp.Listen(addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: choose another port, or port 0 for any free one", err)
	}
	return conn, err
}

// reachableFrom checks that a socket bound to local can send to those of peers
// that are no names.
func reachableFrom(local netip.Addr, peers []hostPort) error {
	for _, h := range peers {
		if addr, ok := h.literal(); ok && !fits(local, addr.Addr()) {
			return usagef("--bootstrap %v cannot be reached from --listen %v, which is of the other IP version: listen on [::] for both", h, local)
		}
	}
	return nil
}
