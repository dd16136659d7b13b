package core

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// A node whose table is full of contacts that all have died finds back through its
// seed within minutes, though the new network has no node that it knew.
func TestRejoiningWithATableOfTheDead(t *testing.T) {
	net := newTestNet(t, 73)
	nodes := net.grow(60, Config{K: 4, RefreshInterval: quiet})
	e := nodes[59]
	net.run(time.Minute)
	for _, x := range nodes[:59] {
		net.stop(x)
	}
	fresh := []*Engine{net.addAt(addr(1), Config{K: 4, RefreshInterval: quiet})}
	for range 9 {
		x := net.add(Config{K: 4, RefreshInterval: quiet})
		net.join(x, addr(1))
		fresh = append(fresh, x)
	}
	key := Key("new")
	net.set(fresh[3], key, Int(1))
	net.get(e, Key("something")) // it sees that it is alone
	net.run(10 * time.Minute)
	if f, _, err := net.get(e, key); err != nil || f.Value != Int(1) {
		t.Errorf("Get = %v, %v ten minutes later, want the value of the new network", f.Value.Text(), err)
	}
	found := 0
	for _, x := range fresh {
		if knows(x, e.id) {
			found++
		}
	}
	if found == 0 {
		t.Error("none of the new network knows the node")
	}
}

// A lone node tries its seeds one attempt at a time, however many operations find
// that it is alone, and waits no longer than some minutes between two attempts, however
// long it was alone.
func TestOneRejoinAtATime(t *testing.T) {
	net := newTestNet(t, 74)
	seed := addr(500)
	e := net.add(Config{RefreshInterval: quiet})
	e.Bootstrap(net.now, []netip.AddrPort{seed}, func(int, error) {})
	net.run(time.Hour)
	var pings []time.Time
	net.tap = func(_, to netip.AddrPort, d []byte) {
		if r := requestIn(d); to == seed && r != nil && r.Method == wire.Ping {
			pings = append(pings, net.now)
		}
	}
	for range 100 {
		e.Lookup(net.now, RandomID(net.rand), func([]Contact) {})
		net.run(36 * time.Second)
	}
	attempts, longest := 0, time.Duration(0)
	for i, at := range pings {
		switch {
		case i == 0 || at.Sub(pings[i-1]) > 20*time.Second:
			attempts++
			if i > 0 {
				longest = max(longest, at.Sub(pings[i-1]))
			}
		}
	}
	if attempts < 10 || attempts > 30 || len(pings) > 4*attempts {
		t.Errorf("%d attempts with %d pings in an hour alone, want 10 to 30, of 4 pings at most", attempts, len(pings))
	}
	if longest > 6*time.Minute {
		t.Errorf("%v between two attempts, want 6 minutes at most", longest)
	}
}
