package core

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// change runs a Set or a Delete to its end.
func (n *testNet) change(start func(done func(SetResult, error)) error) (r SetResult, err error) {
	n.t.Helper()
	over := false
	if err := start(func(got SetResult, e error) { r, err, over = got, e, true }); err != nil {
		return r, err
	}
	n.runUntil(func() bool { return over })
	return r, err
}

func (n *testNet) setWith(e *Engine, key ID, v Value, o SetOptions) (SetResult, error) {
	return n.change(func(done func(SetResult, error)) error {
		_, err := e.Set(n.now, key, v, o, done)
		return err
	})
}

func (n *testNet) delete(e *Engine, key ID) (SetResult, error) {
	return n.change(func(done func(SetResult, error)) error {
		e.Delete(n.now, key, SetOptions{}, done)
		return nil
	})
}

// Sets of one key by one node take effect in their order, although nobody waits for
// them and datagrams are lost.
func TestSetsTakeEffectInOrder(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 210)
	nodes := net.grow(30, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	net.delay = func(_, _ netip.AddrPort) time.Duration {
		return time.Duration(5+net.rand.Uint64()%100) * time.Millisecond
	}
	net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return net.rand.Uint64()%20 == 0 }
	for round := range 25 {
		key, over := Key(fmt.Sprint(round)), 0
		for i := range 5 {
			if _, err := nodes[round].Set(net.now, key, Int(int64(i)), SetOptions{}, func(_ SetResult, err error) {
				if err != nil {
					t.Errorf("round %d, set %d: %v", round, i, err)
				}
				if over++; over != i+1 {
					t.Errorf("round %d: set %d ends as number %d", round, i, over)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		net.runUntil(func() bool { return over == 5 })
		for j := range 6 {
			if f, _, err := net.get(nodes[(round+5*j)%30], key); err != nil || f.Value != Int(4) {
				t.Errorf("round %d: a reader gets %v, %v, want the last value set", round, f.Value.Text(), err)
			}
		}
	}
}

// Two writers at once: soon all readers see the same value.
func TestConcurrentWritersConverge(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 211)
	nodes := net.grow(40, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	net.delay = func(_, _ netip.AddrPort) time.Duration {
		return time.Duration(5+net.rand.Uint64()%100) * time.Millisecond
	}
	for round := range 20 {
		key, over := Key(fmt.Sprint(round)), 0
		for i, e := range []*Engine{nodes[round], nodes[39-round]} {
			if _, err := e.Set(net.now, key, Int(int64(i)), SetOptions{}, func(SetResult, error) { over++ }); err != nil {
				t.Fatal(err)
			}
		}
		net.runUntil(func() bool { return over == 2 })
		net.run(5 * time.Second)
		first, _, err := net.get(nodes[0], key)
		if err != nil {
			t.Fatal(err)
		}
		for j, e := range nodes {
			if f, _, err := net.get(e, key); err != nil || f.Value != first.Value {
				t.Errorf("round %d: node %d gets %v, %v, and another node %v", round, j, f.Value.Text(), err, first.Value.Text())
			}
		}
	}
}

// A deleted value is gone, and an old copy does not bring it back; a new set does.
func TestDelete(t *testing.T) {
	net := newTestNet(t, 212)
	nodes := net.grow(30, Config{RefreshInterval: quiet})
	key := Key("key")
	net.set(nodes[0], key, String("old"))
	net.get(nodes[20], key)
	if r, err := net.delete(nodes[1], key); err != nil || r.Nodes < 15 {
		t.Fatalf("Delete = %+v, %v", r, err)
	}
	for i, e := range nodes {
		if f, _, err := net.get(e, key); !errors.Is(err, ErrNotFound) {
			t.Errorf("node %d gets %v, %v after the deletion, want %v", i, f.Value.Text(), err, ErrNotFound)
		}
	}
	net.run(3 * time.Hour) // republishing does not bring it back
	if f, _, err := net.get(nodes[7], key); !errors.Is(err, ErrNotFound) {
		t.Errorf("three hours later: %v, %v", f.Value.Text(), err)
	}
	net.set(nodes[2], key, String("new"))
	if f, _, err := net.get(nodes[7], key); err != nil || f.Value != String("new") {
		t.Errorf("set anew after the deletion: %v, %v", f.Value.Text(), err)
	}
}

// A conditional set succeeds on the version that it names, and on no other.
func TestSetIfVersion(t *testing.T) {
	net := newTestNet(t, 213)
	nodes := net.grow(30, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	key := Key("key")
	first, err := net.setWith(nodes[0], key, Int(1), SetOptions{IfVersion: NoVersion})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.setWith(nodes[1], key, Int(2), SetOptions{IfVersion: NoVersion}); !errors.Is(err, ErrConflict) {
		t.Errorf("a second writer that expects no value: %v, want %v", err, ErrConflict)
	}
	net.run(time.Second)
	second, err := net.setWith(nodes[2], key, Int(3), SetOptions{IfVersion: first.Version})
	if err != nil || second.Version <= first.Version {
		t.Errorf("on the right version: %+v, %v after version %d", second, err, first.Version)
	}
	if _, err := net.setWith(nodes[3], key, Int(4), SetOptions{IfVersion: first.Version}); !errors.Is(err, ErrConflict) {
		t.Errorf("on a replaced version: %v, want %v", err, ErrConflict)
	}
	client := net.add(Config{Client: true}) // it holds nothing, so that all depends on the others
	net.join(client, net.addrOf(nodes[0]))
	for name, version := range map[string]uint64{"none": NoVersion, "the first": first.Version} {
		if r, err := net.setWith(client, key, Int(5), SetOptions{IfVersion: version}); !errors.Is(err, ErrConflict) {
			t.Errorf("a client that expects version %s: %+v, %v, want %v", name, r, err, ErrConflict)
		}
	}
	if _, err := net.setWith(client, Key("no value"), Int(5), SetOptions{IfVersion: 7}); !errors.Is(err, ErrConflict) {
		t.Errorf("a client that expects a value where there is none: %v, want %v", err, ErrConflict)
	}
	if f, _, err := net.get(nodes[9], key); err != nil || f.Value != Int(3) || f.Version != second.Version {
		t.Errorf("Get = %+v, %v, want 3 of version %d", f, err, second.Version)
	}
}

// A Set whose requests to all other nodes are lost is no success, and its error says
// how many were asked.
func TestSetThatReachesNobody(t *testing.T) {
	net := newTestNet(t, 214)
	nodes := net.grow(5, Config{RefreshInterval: quiet})
	net.lose = func(from, _ netip.AddrPort, _ []byte) bool { return from == net.addrOf(nodes[0]) }
	r, err := net.setWith(nodes[0], Key("key"), Int(1), SetOptions{})
	if !errors.Is(err, ErrNotStored) {
		t.Errorf("Set = %+v, %v, want %v", r, err, ErrNotStored)
	}
}

// A value lives as long as its Set says.
func TestSetTTL(t *testing.T) {
	net := newTestNet(t, 215)
	nodes := net.grow(10, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	if _, err := net.setWith(nodes[0], Key("key"), Int(1), SetOptions{TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	net.run(50 * time.Second)
	if _, _, err := net.get(nodes[5], Key("key")); err != nil {
		t.Errorf("before its end: %v", err)
	}
	net.run(15 * time.Second)
	if f, _, err := net.get(nodes[5], Key("key")); !errors.Is(err, ErrNotFound) {
		t.Errorf("after its end: %v, %v", f.Value.Text(), err)
	}
}

// A deletion goes to no node that would take it for the value nil.
func TestDeleteBesidePythonNodes(t *testing.T) {
	net := newTestNet(t, 216)
	for i := range 20 {
		net.old[addr(i+1)] = i%2 == 1
	}
	nodes := net.grow(20, Config{RefreshInterval: quiet})
	key := Key("key")
	net.set(nodes[0], key, String("old"))
	net.run(time.Minute)
	net.tap = func(_, to netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil && r.Method == wire.Store && r.Value[0] == msgpackNil && net.old[to] {
			t.Errorf("a deletion is sent to %v, which knows no deletions", to)
		}
	}
	if r, err := net.delete(nodes[2], key); err != nil || r.Nodes < 8 {
		t.Errorf("Delete = %+v, %v", r, err)
	}
	net.run(3 * time.Hour)
	for _, e := range nodes {
		if r, ok := e.records.get(e.clock.latest, key); ok && !r.Deleted && r.Value != String("old") {
			t.Errorf("%v holds %q, which nobody has set", e.id, r.Value.Text())
		}
	}
}
