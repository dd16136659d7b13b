package core

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// P16, E4, E5, and B1 of the reference's faults: a newcomer gets each record for
// which it is among the k nearest, once, from the holder that is nearest to it;
// and no other. The rule is computed here by brute force.
func TestNewcomersAreHandedTheirRecords(t *testing.T) {
	t.Parallel()
	tests := []struct{ k, nodes, keys int }{{20, 15, 50}, {20, 50, 300}, {5, 60, 300}}
	for _, tt := range tests {
		net := newTestNet(t, 40)
		cfg := Config{K: tt.k, RefreshInterval: quiet, RepublishInterval: quiet}
		nodes := net.grow(tt.nodes, cfg)
		for i := range tt.keys {
			net.set(nodes[i%tt.nodes], Key(fmt.Sprint(i)), Int(int64(i)))
		}
		due, got := 0, 0
		for range 5 {
			a, b := net.handedTo(net.add(cfg), tt.keys)
			due, got = due+a, got+b
		}
		t.Logf("k %d, %d nodes: %d of %d records are handed on at once", tt.k, tt.nodes, got, due)
		if got < due*95/100 {
			t.Errorf("k %d, %d nodes: %d records were handed on, want %d", tt.k, tt.nodes, got, due)
		}
	}
}

// handedTo lets e join, checks what it is given, and returns how many records it
// should hold and how many of them it got.
func (n *testNet) handedTo(e *Engine, keys int) (due, got int) {
	self := n.addrOf(e)
	received := make(map[ID][]netip.AddrPort)
	n.stores(func(from, to netip.AddrPort, key ID) {
		if to != self {
			n.t.Errorf("%v, who is no newcomer, is given a record by %v", to, from)
			return
		}
		received[key] = append(received[key], from)
	})
	n.join(e, n.nodes[0].addr)
	n.run(time.Minute)
	for i := range keys {
		key := Key(fmt.Sprint(i))
		should, giver := false, (*Engine)(nil)
		for _, x := range n.nearestTo(key, e.cfg.K) {
			should = should || x == e
		}
		for _, x := range n.nearestTo(key, 2) {
			if x != e && giver == nil {
				giver = x
			}
		}
		from := received[key]
		delete(received, key)
		switch {
		case !should && len(from) > 0:
			n.t.Errorf("key %d: given to a newcomer that is not among the k nearest", i)
		case len(from) > 1:
			n.t.Errorf("key %d: given %d times", i, len(from))
		case len(from) == 1 && from[0] != n.addrOf(giver):
			n.t.Errorf("key %d: given by another than the nearest holder", i)
		case len(from) == 0 && should && giver.table.get(e.id) != nil:
			n.t.Errorf("key %d: not given, although its nearest holder knows the newcomer", i)
		}
		if should {
			due++
			got += len(from)
			if r, ok := e.records.get(e.clock.latest, key); len(from) > 0 && (!ok || r.Value != Int(int64(i)) || r.Cached) {
				n.t.Errorf("key %d: newcomer holds %v, copy %v", i, r.Value.Text(), r.Cached)
			}
		}
	}
	for key := range received {
		n.t.Errorf("an unknown key %v was given", key)
	}
	n.tap = nil
	return due, got
}

// What is handed on keeps its age; copies and what is too long for a Python node
// are not handed on.
func TestHandOffKeepsAge(t *testing.T) {
	net := newTestNet(t, 41)
	cfg := Config{RefreshInterval: quiet, RepublishInterval: quiet}
	first := net.add(cfg)
	net.set(first, Key("old"), Int(1))
	long := Bytes(make([]byte, 20000))
	first.acceptStore(first.clock.latest, Key("long"), Contact{}, long.Raw(), wire.Trailer{})
	first.putRecord(first.clock.latest, Key("copy"), Record{Value: Int(1), Published: net.now, TTL: time.Hour, Cached: true})
	net.run(7 * time.Hour)
	first.putRecord(first.clock.latest, Key("copy"), Record{Value: Int(1), Published: net.now, TTL: time.Hour, Cached: true})

	second := net.grow(1, cfg)[0]
	net.run(time.Minute)

	r, ok := second.records.get(second.clock.latest, Key("old"))
	if age := net.now.Sub(r.Published).Round(time.Minute); !ok || age != 7*time.Hour+time.Minute || r.TTL != 24*time.Hour {
		t.Errorf("handed on with an age of %v and a life of %v, want 7h1m and 24h", age, r.TTL)
	}
	if got := second.Stats().Records; got != 1 {
		t.Errorf("%d records were handed on, want 1", got)
	}
}

// S6 of the reference's faults: a crowd of newcomers must not keep a node with
// many records from its work. Handing on goes in small steps, and the line of
// newcomers is bounded.
func TestHandOffIsPaced(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 42)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range 5000 {
		e.putRecord(0, Key(fmt.Sprint(i)), Record{Value: Int(1), Published: net.now, TTL: time.Hour})
	}
	for i := range 500 {
		c := Contact{RandomID(net.rand), addr(1000 + i)}
		e.table.insert(c)
		e.transfer.add(0, c)
	}
	if got := len(e.transfer.line); got != maxNewcomers {
		t.Errorf("%d newcomers wait, want %d", got, maxNewcomers)
	}
	most, start := 0, net.now
	for len(e.transfer.line) > 0 {
		e.Flush(&net.out)
		e.Advance(e.Next())
		e.Flush(&net.out)
		most = max(most, net.out.Len())
		if e.Next().Sub(start) > time.Hour {
			t.Fatal("does not come to an end")
		}
	}
	if most > transferBatch {
		t.Errorf("%d datagrams at a time, want %d at most", most, transferBatch)
	}
}

// A newcomer is given no more than it acknowledges: whoever proves an address and
// then is silent is not flooded, whatever ids it goes by.
func TestHandOffWaitsForAcknowledgements(t *testing.T) {
	const records = 300
	net := newTestNet(t, 46)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range records {
		net.set(e, Key(fmt.Sprint(i)), Int(int64(i)))
	}
	at := 2000
	for _, tt := range []struct {
		answers   bool
		low, high int
	}{{false, 1, transferWindow}, {true, records, records}} {
		for range 3 {
			at++
			c := Contact{RandomID(net.rand), addr(at)}
			p := net.puppet(c, func(r *wire.Request) []byte {
				if r.Method == wire.Store && !tt.answers {
					return nil
				}
				return answerAs(c.ID, r)
			})
			hello := wire.Request{Method: wire.Ping, Sender: wire.ID(c.ID), Msg: wire.MsgID(RandomID(net.rand))}
			net.send(c.Addr, net.addrOf(e), wire.NewWriter().Request(nil, &hello))
			net.run(time.Minute)
			stores := 0
			for _, r := range p.heard {
				if r.Method == wire.Store {
					stores++
				}
			}
			if stores < tt.low || stores > tt.high {
				t.Errorf("answers %v: %d records were sent, want %d to %d", tt.answers, stores, tt.low, tt.high)
			}
			net.scripts[c.Addr] = func(netip.AddrPort, []byte) {}
			e.table.remove(c.ID)
		}
	}
}
