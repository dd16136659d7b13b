package main

import (
	"context"
	"crypto/rand"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// The value that the demo stores.
const (
	demoKey   = "greeting"
	demoValue = "hello from kadmesh"
)

// demoPageAddr is the default address of the page.
const demoPageAddr = "127.0.0.1:8080"

// maxDemoNodes bounds the load of a demo on a machine.
const maxDemoNodes = 256

func (p *program) demo() *cobra.Command {
	var nodes int
	var port uint16
	var page, network string
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Start a small network on this machine and show it at work",
		Long: `Demo starts a few nodes in one process, on the loopback interface, and joins them
into a network. It stores a value through one node and reads it through another, which
does not keep the value if there are more than 20 nodes. Then it prints commands to
try. It also serves a page that makes a browser tab a node of the network. The network
stays up until SIGINT or SIGTERM.

With --json: {"bootstrap", "network", "page", "nodes": [{"id", "addr"}], "k", "key",
"value", "set": {"via", "kept_by", "ms"}, "get": {"via", "from", "ms"}}. via, kept_by and from
are addresses of nodes; from is absent if all nodes keep the value. page is the URL of
the page; it is absent if the program was built without it`,
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < 2 || nodes > maxDemoNodes {
				return cli.Usagef("--nodes %d: want 2 to %d", nodes, maxDemoNodes)
			}
			at, err := netip.ParseAddrPort(page)
			if err != nil {
				return cli.Usagef("--page %s: want IP:PORT, as in %s", page, demoPageAddr)
			}
			return p.runDemo(cmd.Context(), &demo{network: network, pageAt: at, pageFree: !cmd.Flags().Changed("page")}, nodes, port)
		},
	}
	cmd.Flags().IntVarP(&nodes, "nodes", "n", 30, "number of nodes; 20 of them keep a value")
	cmd.Flags().Uint16VarP(&port, "port", "p", 0, "`PORT` of the first node (default a free one)")
	cmd.Flags().StringVar(&network, "network", "demo", "`NAME` of the network")
	cmd.Flags().StringVar(&page, "page", demoPageAddr,
		"serve the page at `IP:PORT`; if the default port is taken, at a free one")
	for _, flag := range []string{"network", "page", "nodes", "port"} {
		cli.Complete(cmd, flag)
	}
	return cmd
}

func (p *program) runDemo(ctx context.Context, d *demo, nodes int, port uint16) error {
	ctx, stop := cli.UntilSignal(ctx)
	defer stop()
	defer d.close()
	start := time.Now()
	err := d.start(ctx, nodes, port)
	d.joined = time.Since(start)
	if err == nil {
		err = d.use(ctx)
	}
	if ctx.Err() != nil {
		return nil // interrupted before it was ready
	}
	if err != nil {
		return err
	}
	if err := p.Print(d.text(), d.object()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// demoK is the default of all nodes, tabs and Python's included: nodes that join the
// demo must agree on it.
const demoK = 20

// demo is a network in this process, and the results of its operations.
type demo struct {
	network  string
	pageAt   netip.AddrPort
	pageFree bool // whether another port will do
	nodes    []*core.Node
	page     *demoPage // nil if the program was built without the page
	joined   time.Duration
	set, get demoStep
	holders  []*core.Node // nodes that keep the value
	found    core.Found
}

// demoStep is one operation: the node that did it, and its duration.
type demoStep struct {
	via  *core.Node
	took time.Duration
}

// start starts nodes that join through the first node, and the page.
func (d *demo) start(ctx context.Context, nodes int, port uint16) error {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	for range nodes {
		conn, err := listen(netip.AddrPortFrom(loopback, port))
		if err != nil {
			return err
		}
		port = 0
		n, err := demoNode(conn, d.network)
		if err != nil {
			return err
		}
		d.nodes = append(d.nodes, n)
		if len(d.nodes) > 1 {
			if err := n.Bootstrap(ctx, d.nodes[0].Addr()); err != nil {
				return err
			}
		}
	}
	var seeds []netip.AddrPort
	for _, n := range d.nodes[:min(3, len(d.nodes))] {
		seeds = append(seeds, n.Addr())
	}
	var err error
	d.page, err = startDemoPage(d.pageAt, d.pageFree, d.network, seeds)
	return err
}

// demoNode starts a node that accepts direct paths from tabs. It offers none: between
// nodes of one process a direct path gains nothing.
func demoNode(sock *udp.Conn, network string) (*core.Node, error) {
	cfg := core.Config{Network: network, K: demoK, Direct: acceptOnly}
	rand.Read(cfg.ID[:])
	conn, err := webrtc.Wrap(sock, webrtc.Config{ID: webrtc.ID(cfg.ID), Mode: webrtc.Direct, SameIP: true})
	if err != nil {
		return nil, err
	}
	return core.NewNode(conn, cfg), nil
}

// use sets the value through the second node. It gets the value through a node that
// does not keep it, if there is one.
func (d *demo) use(ctx context.Context) error {
	d.set.via = d.nodes[1]
	start := time.Now()
	if _, err := d.set.via.Set(ctx, demoKey, core.String(demoValue)); err != nil {
		return err
	}
	d.set.took = time.Since(start)
	d.get.via = d.nodes[0]
	for _, n := range d.nodes {
		if n.Stats().Records > 0 {
			d.holders = append(d.holders, n)
		} else {
			d.get.via = n
		}
	}
	start = time.Now()
	var err error
	d.found, err = d.get.via.Find(ctx, core.Key(demoKey), core.GetOptions{})
	d.get.took = time.Since(start)
	return err
}

func (d *demo) close() {
	d.page.close()
	for _, n := range d.nodes {
		n.Close()
	}
}
