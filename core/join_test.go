package core

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// knows reports whether e has a contact with that id in a bucket.
func knows(e *Engine, id ID) bool { return e.table.get(id) != nil }

// P22: after a join the newcomer knows its k neighbours and somebody in each
// range that is not empty (K7), and its neighbours know it.
func TestJoin(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 50)
	nodes := net.grow(100, Config{RefreshInterval: quiet})
	for range 10 {
		e := net.grow(1, Config{RefreshInterval: quiet})[0]
		net.run(10 * time.Second)
		for i, x := range net.nearestTo(e.id, 21)[1:] {
			if !knows(e, x.id) || !knows(x, e.id) {
				t.Errorf("neighbour %d: known = %v, knows the newcomer = %v, want both", i+1, knows(e, x.id), knows(x, e.id))
			}
		}
		for level := range 8 {
			there, known := 0, e.table.countFrom(level)-e.table.countFrom(level+1)
			for _, x := range nodes {
				if PrefixLen(x.id, e.id) == level {
					there++
				}
			}
			if known < min(there, 20) {
				t.Errorf("knows %d of %d nodes that share %d bits with it, want 20 or all", known, there, level)
			}
		}
		checkTable(t, &e.table)
	}
}

// T3, of the paper's section 2.4: a node that is alone in its half of the space,
// with more than k in the other, gets to be known by all.
func TestLoneNodeBecomesKnown(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 51)
	for range 50 {
		id := RandomID(net.rand)
		id[0] &= 0x7f
		e := net.add(Config{ID: id})
		if len(net.nodes) > 1 {
			net.join(e, addr(1))
		}
	}
	lone := net.add(Config{ID: ID{0: 0xff}})
	net.join(lone, addr(1))
	net.run(2*time.Hour + time.Minute)
	for i, x := range net.nodes[:50] {
		if !knows(x.Engine, lone.id) {
			t.Errorf("node %d does not know the lone one", i)
		}
	}
}

// P21: each bucket that no lookup of this node's own has touched for an hour is
// refreshed, once, and not sooner for what others ask.
func TestRefresh(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 52)
	e := net.grow(40, Config{})[20]
	net.run(2 * time.Hour)
	for range 3 {
		buckets, before := len(e.table.buckets), e.Stats().Lookups
		net.run(time.Hour)
		if got := int(e.Stats().Lookups - before); got < buckets || got > len(e.table.buckets)+1 {
			t.Errorf("%d lookups in an hour, want one for each of %d buckets", got, buckets)
		}
		for i := range e.table.buckets {
			b := &e.table.buckets[i]
			if age := net.now.Sub(e.clock.epoch) - b.touched; age > time.Hour+time.Minute {
				t.Errorf("bucket %d was refreshed %v ago", i, age)
			}
		}
	}

	// A bucket that a lookup goes into every half hour needs no refreshing.
	target := e.id
	target.flip(0)
	b := e.table.bucket(target).prefix
	for range 4 {
		net.run(30 * time.Minute)
		before := e.Stats().Lookups
		e.Lookup(net.now, target, func([]Contact) {})
		if got := e.Stats().Lookups - before; got != 1 {
			t.Errorf("%d lookups counted, want 1", got)
		}
		if got := e.table.bucket(target); got.prefix == b && e.clock.epoch.Add(got.touched) != net.now {
			t.Errorf("bucket touched at %v, want now, %v", got.touched, net.now.Sub(e.clock.epoch))
		}
	}
}

// B15: seeds that are dead are tried again, ever more rarely, until one lives.
func TestBootstrapGoesOnTrying(t *testing.T) {
	net := newTestNet(t, 53)
	e := net.add(Config{})
	seed := addr(500)
	var attempts []time.Time
	net.tap = func(_, to netip.AddrPort, d []byte) {
		if to == seed && (len(attempts) == 0 || net.now.Sub(attempts[len(attempts)-1]) > 4*time.Second) {
			attempts = append(attempts, net.now)
		}
	}
	var failure error
	e.Bootstrap(net.now, []netip.AddrPort{seed}, func(_ int, err error) { failure = err })
	net.run(30 * time.Minute)
	if !errors.Is(failure, ErrNoAnswer) {
		t.Errorf("Bootstrap error = %v, want %v", failure, ErrNoAnswer)
	}
	for i := 1; i < len(attempts); i++ {
		want := min(rejoinFirst<<(i-1), rejoinMax) + e.cfg.RPCTimeout
		if got := attempts[i].Sub(attempts[i-1]); got != want {
			t.Errorf("attempt %d comes after %v, want %v", i, got, want)
		}
	}
	if len(attempts) < 12 {
		t.Errorf("%d attempts in half an hour", len(attempts))
	}

	living := net.addAt(seed, Config{})
	net.run(rejoinMax + e.cfg.RPCTimeout)
	if !knows(e, living.id) || !knows(living, e.id) {
		t.Errorf("seed lives: known = %v, knows = %v, want both", knows(e, living.id), knows(living, e.id))
	}
	if e.join.backoff != 0 || e.join.rejoining {
		t.Errorf("after joining, back-off is %v", e.join.backoff)
	}
}

// A bootstrap counts who answers and survives the loss of datagrams; the node
// itself, and nobody, are no seeds (B15).
func TestBootstrapFrom(t *testing.T) {
	self, dead := addr(4), addr(900)
	mapped := netip.AddrPortFrom(netip.AddrFrom16(addr(1).Addr().As16()), addr(1).Port())
	tests := []struct {
		name  string
		seeds []netip.AddrPort
		lost  int // of the first datagrams to each
		want  error
	}{
		{"one", []netip.AddrPort{addr(1)}, 0, nil},
		{"one in IPv6 notation", []netip.AddrPort{mapped}, 0, nil},
		{"one after two losses", []netip.AddrPort{addr(1)}, 2, nil},
		{"three", []netip.AddrPort{addr(1), addr(2), addr(3)}, 0, nil},
		{"one twice", []netip.AddrPort{addr(1), addr(1)}, 0, nil},
		{"one of them dead", []netip.AddrPort{dead, addr(1)}, 0, nil},
		{"one of them the node itself", []netip.AddrPort{self, addr(1)}, 0, nil},
		{"the node itself", []netip.AddrPort{self}, 0, ErrNoAnswer},
		{"a dead one", []netip.AddrPort{dead}, 0, ErrNoAnswer},
		{"none", nil, 0, ErrNoAnswer},
	}
	for _, tt := range tests {
		net := newTestNet(t, 54)
		others := net.grow(3, Config{})
		e := net.add(Config{})
		sent := make(map[netip.AddrPort]int)
		net.lose = func(from, to netip.AddrPort, _ []byte) bool {
			if from != self {
				return false
			}
			sent[to]++
			return sent[to] <= tt.lost
		}
		var got error
		calls := 0
		e.Bootstrap(net.now, tt.seeds, func(_ int, err error) { got, calls = err, calls+1 })
		if calls != 0 {
			t.Errorf("%s: called back before it returned", tt.name)
		}
		net.run(20 * time.Second)
		if got != tt.want || calls != 1 {
			t.Errorf("%s: error = %v, told %d times, want %v, once", tt.name, got, calls, tt.want)
		}
		if knows(e, e.id) || tt.want == nil && len(e.Contacts()) != len(others) || tt.want != nil && len(e.Contacts()) != 0 {
			t.Errorf("%s: knows %v", tt.name, e.Contacts())
		}
	}
}

// B8: a node that has lost all the others finds back through its seeds, whatever
// it was that made it see that it is alone.
func TestLonelyNodeJoinsAgain(t *testing.T) {
	for name, see := range map[string]func(n *testNet, e *Engine){
		"Get":    func(n *testNet, e *Engine) { n.get(e, Key("something")) },
		"Set":    func(n *testNet, e *Engine) { n.set(e, Key("something"), Int(1)) },
		"Lookup": func(n *testNet, e *Engine) { e.Lookup(n.now, Key("something"), func([]Contact) {}) },
		"none":   func(n *testNet, e *Engine) { n.run(time.Hour) }, // but for the refreshing
	} {
		net := newTestNet(t, 55)
		nodes := net.grow(10, Config{})
		e := nodes[9]
		for _, x := range nodes[:9] {
			net.stop(x)
		}
		net.run(10 * time.Minute)
		reborn := net.addAt(addr(1), Config{})
		other := net.add(Config{})
		net.join(other, addr(1))
		net.set(other, Key("new"), Int(1))
		see(net, e)
		net.run(2 * rejoinMax)
		if !knows(e, reborn.id) || !knows(e, other.id) {
			t.Errorf("%s: knows the seed = %v, the other = %v", name, knows(e, reborn.id), knows(e, other.id))
		}
		if f, _, err := net.get(e, Key("new")); err != nil || f.Value != Int(1) {
			t.Errorf("%s: Get = %v, %v, want 1", name, f.Value.Text(), err)
		}
	}
}

// Client mode: it answers nothing, and no Kadmesh node takes it for a contact.
func TestClientLeavesNoTrace(t *testing.T) {
	net := newTestNet(t, 56)
	nodes := net.grow(30, Config{})
	client := net.add(Config{Client: true})
	self := net.addrOf(client)
	net.join(client, addr(1))
	if stored, _, err := net.set(client, Key("key"), Int(1)); err != nil || stored != 20 {
		t.Errorf("Set = %d, %v, want 20", stored, err)
	}
	if f, _, err := net.get(client, Key("key")); err != nil || f.Value != Int(1) {
		t.Errorf("Get = %v, %v, want 1", f.Value.Text(), err)
	}
	net.tap = func(from, _ netip.AddrPort, d []byte) {
		if from == self && requestIn(d) == nil {
			t.Error("a client has answered")
		}
	}
	for _, m := range []wire.Method{wire.Ping, wire.Store, wire.FindNode, wire.FindValue, wire.Stun} {
		if _, ok := net.ask(Contact{ID{1}, addr(1000)}, client, wire.Request{Method: m, Value: Int(1).Raw()}); ok {
			t.Errorf("a client answers %v", m)
		}
	}
	net.run(3 * time.Hour)
	for i, e := range nodes {
		if knows(e, client.id) || e.table.hasAddr(self) {
			t.Errorf("node %d has the client among its contacts", i)
		}
	}
	if s := client.Stats(); s.Records != 0 || s.Dropped[dropClient.String()] != 5 {
		t.Errorf("client keeps %d records and ignored %d requests, want 0 and 5", s.Records, s.Dropped[dropClient.String()])
	}
}

// P22: a stranger who chose an id next to the node's own does not make it look into
// each of the empty ranges between.
func TestJoinBesideASybil(t *testing.T) {
	net := newTestNet(t, 52)
	nodes := net.grow(40, Config{RefreshInterval: quiet})
	self := RandomID(net.rand)
	beside := self
	beside.flip(IDBits - 1)
	net.join(net.add(Config{ID: beside}), net.addrOf(nodes[0]))
	e := net.add(Config{ID: self, RefreshInterval: quiet})
	net.join(e, net.addrOf(nodes[0]))
	net.run(time.Minute)
	if got := e.Stats().Lookups; got > 12 {
		t.Errorf("joining took %d lookups, want a dozen at most", got)
	}
}
