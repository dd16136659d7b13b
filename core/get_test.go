package core

import (
	"fmt"
	"testing"
	"time"
)

// A value that was overwritten does not come back, whoever reads it: not from a copy on
// the path of an earlier reader, and not through a node that has one.
func TestOverwrittenValueDoesNotComeBack(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 200)
	nodes := net.grow(60, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range 10 {
		key := Key(fmt.Sprint(i))
		for version := range 3 {
			want := Int(int64(version))
			if _, _, err := net.set(nodes[7*i%60], key, want); err != nil {
				t.Fatal(err)
			}
			for j, reader := range nodes {
				if f, _, err := net.get(reader, key); err != nil || f.Value != want || f.Holders < 2 {
					t.Errorf("key %d: node %d gets %v from %d holders, %v, want %v", i, j, f.Value.Text(), f.Holders, err, want.Text())
				}
			}
			// A client that knows one node, which may have a copy.
			client := net.add(Config{Client: true})
			net.join(client, net.addrOf(nodes[(i+31)%60]))
			if f, _, err := net.get(client, key); err != nil || f.Value != want || f.Holders < 2 {
				t.Errorf("key %d: a client gets %v from %d holders, %v, want %v", i, f.Value.Text(), f.Holders, err, want.Text())
			}
			net.stop(client)
		}
	}
	net.run(2*time.Minute + time.Second)
	for i := range 10 {
		for j, e := range nodes {
			if r, ok := e.records.get(e.clock.latest, Key(fmt.Sprint(i))); ok && r.Value != Int(2) {
				t.Errorf("two minutes later, node %d still has %v under key %d", j, r.Value.Text(), i)
			}
		}
	}
}

// A node that starts again under its id without its records gets them back.
func TestRestartedNodeIsHandedItsRecords(t *testing.T) {
	net := newTestNet(t, 201)
	nodes := net.grow(5, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range 20 {
		net.set(nodes[i%5], Key(fmt.Sprint(i)), Int(int64(i)))
	}
	for i := range nodes { // a rolling restart
		old := nodes[i]
		at := net.addrOf(old)
		net.stop(old)
		nodes[i] = net.addAt(at, Config{ID: old.id, RefreshInterval: quiet, RepublishInterval: quiet})
		net.join(nodes[i], net.addrOf(nodes[(i+1)%5]))
		net.run(1500 * time.Millisecond)
		if got := nodes[i].records.len(); got != 20 {
			t.Errorf("node %d has %d records after its restart, want 20", i, got)
		}
	}
}

// A node that leaves in order hands its records on and is forgotten at once.
func TestLeave(t *testing.T) {
	net := newTestNet(t, 202)
	nodes := net.grow(40, Config{K: 8, RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range 30 {
		net.set(nodes[i], Key(fmt.Sprint(i)), Int(int64(i)))
	}
	for _, e := range nodes[1:11] {
		start, over := net.now, false
		e.Leave(net.now, func() { over = true })
		net.runUntil(func() bool { return over })
		if took := net.now.Sub(start); took > maxLeaving {
			t.Errorf("leaving took %v", took)
		}
		net.stop(e)
		for _, x := range net.nodes {
			if x.table.get(e.id) != nil {
				t.Errorf("%v still knows %v, which has left", x.id, e.id)
			}
		}
	}
	for i := range 30 {
		holders := 0
		for _, e := range net.nearestTo(Key(fmt.Sprint(i)), 8) {
			if _, ok := e.records.get(e.clock.latest, Key(fmt.Sprint(i))); ok {
				holders++
			}
		}
		if holders < 8 {
			t.Errorf("%d of the 8 nearest hold value %d, want 8", holders, i)
		}
	}
}
