package core

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Nodes of networks with different names do not mix, and a node that tries is told why.
func TestNetworksDoNotMix(t *testing.T) {
	net := newTestNet(t, 220)
	var red, blue []*Engine
	for range 8 {
		red = append(red, net.add(Config{Network: "red", RefreshInterval: quiet}))
		blue = append(blue, net.add(Config{Network: "blue", RefreshInterval: quiet}))
	}
	for i := 1; i < 8; i++ {
		net.join(red[i], net.addrOf(red[0]))
		net.join(blue[i], net.addrOf(blue[0]), net.addrOf(red[0])) // one address is of the other network
	}
	plain := net.add(Config{})
	var joinErr, pingErr error
	plain.Bootstrap(net.now, []netip.AddrPort{net.addrOf(red[0])}, func(_ int, err error) { joinErr = err })
	plain.Ping(net.now, net.addrOf(red[0]), func(_ ID, _ time.Duration, err error) { pingErr = err })
	net.run(10 * time.Second)
	if !errors.Is(joinErr, ErrOtherNetwork) || !errors.Is(pingErr, ErrOtherNetwork) {
		t.Errorf("a node without a name: joins %v, pings %v, want %v", joinErr, pingErr, ErrOtherNetwork)
	}
	net.set(red[1], Key("k"), Int(1))
	if f, _, err := net.get(blue[3], Key("k")); !errors.Is(err, ErrNotFound) {
		t.Errorf("a value of the other network: %v, %v", f.Value.Text(), err)
	}
	for _, e := range red {
		for _, c := range e.Contacts() {
			if x := net.byID(c.ID); x == nil || x.cfg.Network != "red" {
				t.Errorf("a red node has the contact %v of another network", c)
			}
		}
	}
}

// A node takes the bucket size from the nodes that it joins through, unless it is given.
func TestBucketSizeOfTheNetwork(t *testing.T) {
	net := newTestNet(t, 221)
	a, b, c := net.add(Config{K: 7}), net.add(Config{K: 7}), net.add(Config{K: 9})
	for _, tt := range []struct {
		given int
		seeds []*Engine
		want  int
	}{{0, []*Engine{a}, 7}, {0, []*Engine{a, b, c}, 7}, {12, []*Engine{a}, 12}, {0, nil, 20}} {
		for _, client := range []bool{false, true} {
			e := net.add(Config{K: tt.given, Client: client})
			var seeds []netip.AddrPort
			for _, s := range tt.seeds {
				seeds = append(seeds, net.addrOf(s))
			}
			if len(seeds) > 0 {
				net.join(e, seeds...)
				net.run(time.Second)
			}
			if e.cfg.K != tt.want || e.table.k != tt.want {
				t.Errorf("given %d, %d seeds, client %v: k = %d and %d, want %d", tt.given, len(seeds), client, e.cfg.K, e.table.k, tt.want)
			}
		}
	}
}

// The first node of a network starts again, knows nobody, and newcomers join through it.
// Within a minute there is one network again.
func TestRestartOfTheFirstNode(t *testing.T) {
	net := newTestNet(t, 222)
	nodes := net.grow(12, Config{})
	net.run(10 * time.Minute)
	first := net.addrOf(nodes[0])
	net.stop(nodes[0])
	net.addAt(first, Config{})
	var newcomers []*Engine
	for range 3 {
		e := net.add(Config{})
		net.join(e, first)
		newcomers = append(newcomers, e)
	}
	net.run(time.Minute)
	net.set(nodes[5], Key("k"), Int(1))
	for i, e := range newcomers {
		if f, _, err := net.get(e, Key("k")); err != nil || f.Value != Int(1) {
			t.Errorf("newcomer %d gets %v, %v of the old network's value", i, f.Value.Text(), err)
		}
	}
}

// A network at rest is quiet: four datagrams per node and minute.
func TestQuietNetwork(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 223)
	net.grow(40, Config{})
	net.run(10 * time.Minute)
	before := net.sent
	net.run(30 * time.Minute)
	if perMinute := float64(net.sent-before) / 40 / 30; perMinute > 4.2 {
		t.Errorf("%.2f datagrams per node and minute at rest, want 4 at most", perMinute)
	}
}

// A contact that failed is named to extended nodes only, and a stale one to nobody: a
// Python node waits five seconds for each.
func TestDeadContactsAreNotNamedToPython(t *testing.T) {
	net := newTestNet(t, 224)
	nodes := net.grow(5, Config{RefreshInterval: quiet})
	e := nodes[0]
	for _, x := range nodes[2:] {
		net.stop(x)
	}
	for fails := range staleAfter + 1 {
		count := func(t wire.Trailer) int {
			a, _ := net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.FindNode, Trailer: t})
			return len(a.Contacts)
		}
		extended := 4
		if fails == staleAfter {
			extended = 1
		}
		python := 1
		if fails == 0 {
			python = 4
		}
		if got, old := count(wire.Trailer{Present: true}), count(wire.Trailer{}); got != extended || old != python {
			t.Errorf("after %d failures: %d contacts named to extended nodes, %d to Python, want %d and %d", fails, got, old, extended, python)
		}
		for _, x := range nodes[2:] {
			e.table.failed(x.id, net.now.Sub(epoch))
		}
	}
}
