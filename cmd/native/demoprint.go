package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/kadmesh/kadmesh/core"
)

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
	line := fmt.Sprintf("%s %s --bootstrap %v", os.Args[0], args, d.nodes[0].Addr())
	if d.network != "" {
		line += " --network " + shellWord(d.network)
	}
	return line
}

// shellWord quotes s if a shell would not take it for one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r == '-' || r == '.' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
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
		Network   string         `json:"network,omitempty"`
		Page      string         `json:"page,omitempty"`
		Nodes     []core.Contact `json:"nodes"`
		K         int            `json:"k"`
		Key       string         `json:"key"`
		Value     string         `json:"value"`
		Set       step           `json:"set"`
		Get       step           `json:"get"`
	}{
		Bootstrap: d.nodes[0].Addr(), Network: d.network, K: demoK, Key: demoKey, Value: textOf(d.found.Value),
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
