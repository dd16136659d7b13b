package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
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
	var page string
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Start a small network on this machine and show it at work",
		Long: `Demo starts a few nodes in one process, on the loopback interface, and joins them
into a network. It stores a value through one node and reads it through another, which
does not keep the value if there are more than 20 nodes. Then it prints commands to
try. It also serves a page that makes a browser tab a node of the network. The network
stays up until SIGINT or SIGTERM.

With --json: {"bootstrap", "page", "nodes": [{"id", "addr"}], "k", "key", "value",
"set": {"via", "kept_by", "ms"}, "get": {"via", "from", "ms"}}. via, kept_by and from
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
			d := demo{pageAt: at, pageFree: !cmd.Flags().Changed("page")}
			return p.runDemo(cmd.Context(), &d, nodes, port)
		},
	}
	cmd.Flags().IntVarP(&nodes, "nodes", "n", 30, "number of nodes; 20 of them keep a value")
	cmd.Flags().Uint16VarP(&port, "port", "p", 0, "`PORT` of the first node (default a free one)")
	cmd.Flags().StringVar(&page, "page", demoPageAddr,
		"serve the page at `IP:PORT`; if the default port is taken, at a free one")
	cli.Complete(cmd, "page")
	cli.Complete(cmd, "nodes")
	cli.Complete(cmd, "port")
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
		n, err := demoNode(conn)
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
	d.page, err = startDemoPage(d.pageAt, d.pageFree, seeds)
	return err
}

// demoNode starts a node that accepts direct paths from tabs. It offers none: between
// nodes of one process a direct path gains nothing.
func demoNode(sock *udp.Conn) (*core.Node, error) {
	cfg := core.Config{K: demoK, Direct: acceptOnly}
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
	d.found, err = d.get.via.Find(ctx, core.Key(demoKey))
	d.get.took = time.Since(start)
	return err
}

func (d *demo) close() {
	d.page.close()
	for _, n := range d.nodes {
		n.Close()
	}
}

// number returns the position of the node at addr, counted from 1.
func (d *demo) number(addr netip.AddrPort) int {
	return 1 + slices.IndexFunc(d.nodes, func(n *core.Node) bool { return n.Addr() == addr })
}

func (d *demo) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes in one process, joined into a network in %s;\n"+
		"a value is kept by the %d nodes nearest to its key\n\n", len(d.nodes), brief(d.joined), demoK)
	fmt.Fprintf(&b, "  node  address          id                                        keeps %s\n", demoKey)
	for i, n := range d.nodes {
		keeps := ""
		if slices.Contains(d.holders, n) {
			keeps = "  yes"
		}
		fmt.Fprintf(&b, "  %4d  %-15v  %v%s\n", i+1, n.Addr(), n.ID(), keeps)
	}
	source := "which keeps it"
	if d.found.Holder.Addr.IsValid() {
		source = fmt.Sprintf("from node %d", d.number(d.found.Holder.Addr))
	}
	fmt.Fprintf(&b, `
  set %s = %q through node %d: kept by %d nodes (%s)
  get %s through node %d: %q, %s (%s)

%s

The network stays up until you press Ctrl-C. From another terminal, try

  %s
  %s

or, in Python (pip install kademlia),

%s`,
		demoKey, demoValue, d.number(d.set.via.Addr()), len(d.holders), brief(d.set.took),
		demoKey, d.number(d.get.via.Addr()), textOf(d.found.Value), source, brief(d.get.took), d.pageText(),
		d.command("get "+demoKey), d.command("set answer 42 --type int"), d.python())
	return b.String()
}

// pageText says where the page is.
func (d *demo) pageText() string {
	if d.page == nil {
		return "This program was built without the page: `make demo`, in the repository, has it."
	}
	return "Open this page, and its browser tab becomes a node too:\n\n  " + d.page.url
}

// brief formats a duration in milliseconds, or in microseconds if it is shorter.
func brief(t time.Duration) string {
	if t < time.Millisecond {
		return fmt.Sprintf("%d µs", t.Microseconds())
	}
	return fmt.Sprintf("%.1f ms", ms(t))
}

func ms(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }

// command returns a command line to run against the demo.
func (d *demo) command(args string) string {
	return fmt.Sprintf("%s %s --bootstrap %v", os.Args[0], args, d.nodes[0].Addr())
}

// python returns a program that reads the value with the Python package.
func (d *demo) python() string {
	return fmt.Sprintf(`  import asyncio
  from kademlia.network import Server

  async def main():
      node = Server()
      await node.listen(0)
      await node.bootstrap([("127.0.0.1", %d)])
      print(await node.get(%q))

  asyncio.run(main())`, d.nodes[0].Addr().Port(), demoKey)
}

// object returns the result for --json.
func (d *demo) object() any {
	type step struct {
		Via  netip.AddrPort   `json:"via"`
		Kept []netip.AddrPort `json:"kept_by,omitempty"`
		From netip.AddrPort   `json:"from,omitzero"`
		MS   float64          `json:"ms"`
	}
	o := struct {
		Bootstrap netip.AddrPort `json:"bootstrap"`
		Page      string         `json:"page,omitempty"`
		Nodes     []core.Contact `json:"nodes"`
		K         int            `json:"k"`
		Key       string         `json:"key"`
		Value     string         `json:"value"`
		Set       step           `json:"set"`
		Get       step           `json:"get"`
	}{
		Bootstrap: d.nodes[0].Addr(), K: demoK, Key: demoKey, Value: textOf(d.found.Value),
		Set: step{Via: d.set.via.Addr(), MS: ms(d.set.took)},
		Get: step{Via: d.get.via.Addr(), From: d.found.Holder.Addr, MS: ms(d.get.took)},
	}
	if d.page != nil {
		o.Page = d.page.url
	}
	for _, n := range d.nodes {
		o.Nodes = append(o.Nodes, core.Contact{ID: n.ID(), Addr: n.Addr()})
	}
	for _, n := range d.holders {
		o.Set.Kept = append(o.Set.Kept, n.Addr())
	}
	return o
}
