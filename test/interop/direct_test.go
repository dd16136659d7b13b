//go:build interop

package interop

import (
	"bytes"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// offering is a socket that counts the offers of direct paths it sends to Python
// nodes, and to others.
type offering struct {
	*udp.Conn
	python           map[netip.AddrPort]bool
	toPython, others atomic.Int64
}

func (o *offering) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	for i, b := range bufs {
		switch {
		case !bytes.Contains(b, []byte("\x92\xa6direct")):
		case o.python[to[i]]:
			o.toPython.Add(1)
		default:
			o.others.Add(1)
		}
	}
	return o.Conn.WriteBatch(bufs, to)
}

// Python nodes hear nothing of direct paths, while Kadmesh nodes in the same network have
// them.
func TestDirectPathsLeavePythonAlone(t *testing.T) {
	p := startPython(t, 2)
	python := make(map[netip.AddrPort]bool)
	for _, n := range p.nodes {
		python[n.Addr] = true
	}
	var socks []*offering
	var conns []*webrtc.Conn
	var own []*core.Node
	for i := range 3 {
		sock, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			t.Fatal(err)
		}
		id := core.ID{byte(i), 1}
		o := &offering{Conn: sock, python: python}
		conn, err := webrtc.Wrap(o, webrtc.Config{ID: webrtc.ID(id), Mode: webrtc.Direct, SameIP: true})
		if err != nil {
			t.Fatal(err)
		}
		node := core.NewNode(conn, core.Config{ID: id, Direct: func(c core.Contact, near bool) { conn.Met(c.Addr, webrtc.ID(c.ID), near) }})
		t.Cleanup(func() { node.Close() })
		if err := node.Bootstrap(t.Context(), p.nodes[0].Addr); err != nil {
			t.Fatal(err)
		}
		socks, conns, own = append(socks, o), append(conns, conn), append(own, node)
	}
	if p.nodes[1].bootstrap(own[0].Addr()) == 0 {
		t.Fatal("the second Python node found nobody")
	}
	for range 50 { // more than makes a peer worth a path
		for _, node := range own {
			for _, n := range p.nodes {
				if _, _, err := node.Ping(t.Context(), n.Addr); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	proctest.Eventually(t, "there are direct paths among Kadmesh nodes", func() bool { return conns[0].Stats().Open >= 2 })
	if err := p.nodes[1].set("key", core.String("value")); err != nil {
		t.Fatal(err)
	}
	for _, node := range own {
		if v, err := node.Get(t.Context(), "key"); err != nil || v != core.String("value") {
			t.Errorf("Get = %v, %v; want what the Python node has set", v, err)
		}
	}
	var offers int64
	for _, o := range socks {
		if got := o.toPython.Load(); got != 0 {
			t.Errorf("%d offers to Python nodes, want 0", got)
		}
		offers += o.others.Load()
	}
	if offers == 0 {
		t.Error("no offers are counted at all")
	}
	p.intact()
}
