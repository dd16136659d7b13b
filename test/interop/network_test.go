//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// network is a mixed network on the loopback interface.
type network struct {
	t   testing.TB
	k   int
	own []*core.Node
	py  []pyNode
}

// newNetwork starts processes of pyPerProcess Python nodes each, and as many
// Kadmesh nodes as there are then of Python. Each joins through one that is
// already there: Kadmesh nodes through Python ones, and Python ones through Kadmesh ones.
func newNetwork(t testing.TB, k, processes, pyPerProcess int) *network {
	t.Helper()
	n := &network{t: t, k: k}
	var py []pyNode
	for range processes {
		p := startPython(t, pyPerProcess, "--ksize", fmt.Sprint(k))
		t.Cleanup(func() {
			if p.cmd.ProcessState == nil && !t.Failed() {
				p.intact()
			}
		})
		py = append(py, p.nodes...)
	}
	for i, node := range py {
		own := n.startOwn()
		if i > 0 {
			n.join(own, n.py[i/2].Addr)
		}
		if found := node.bootstrap(n.own[i/2].Addr()); found == 0 {
			t.Fatalf("Python node %d found nobody", i)
		}
		n.py = append(n.py, node)
	}
	return n
}

// startOwn starts a Kadmesh node without a contact.
func (n *network) startOwn() *core.Node {
	n.t.Helper()
	conn, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		n.t.Fatal(err)
	}
	node := core.NewNode(conn, core.Config{K: n.k})
	n.t.Cleanup(func() { node.Close() })
	n.own = append(n.own, node)
	return node
}

func (n *network) join(node *core.Node, seeds ...netip.AddrPort) {
	n.t.Helper()
	if err := node.Bootstrap(n.t.(*testing.T).Context(), seeds...); err != nil {
		n.t.Fatal(err)
	}
}

// apart returns a node of each kind that does not hold the value itself.
func (n *network) apart(key string, turn int) (own *core.Node, py pyNode) {
	n.t.Helper()
	asker := n.py[turn%len(n.py)]
	foundOwn, foundPy := false, false
	for i := range n.own {
		if o := n.own[(i+turn)%len(n.own)]; !foundOwn && !asker.holds(o.Addr(), key) {
			own, foundOwn = o, true
		}
		if p := n.py[(i+turn)%len(n.py)]; !foundPy && !asker.holds(p.Addr, key) {
			py, foundPy = p, true
		}
	}
	if !foundOwn || !foundPy {
		n.t.Fatalf("%q is on all nodes of a kind: the network is too small", key)
	}
	return own, py
}

// each runs f for 0 to count-1, some at a time.
func each(count, atATime int, f func(i int)) {
	var work sync.WaitGroup
	next := make(chan int)
	for range atATime {
		work.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	work.Wait()
}
