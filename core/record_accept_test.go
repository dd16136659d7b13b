package core

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// quiet keeps the refreshing of buckets out of tests about records.
const quiet = 1000 * time.Hour

// holders returns who holds a record under key, cached copies included.
func (n *testNet) holders(key ID) (list []*Engine) {
	for _, x := range n.nodes {
		if x.records.index[key] != nil {
			list = append(list, x.Engine)
		}
	}
	return list
}

// nearestTo returns the count engines nearest to key.
func (n *testNet) nearestTo(key ID, count int) (list []*Engine) {
	for _, x := range n.nodes {
		list = append(list, x.Engine)
	}
	slices.SortFunc(list, func(a, b *Engine) int { return key.CompareDistance(a.id, b.id) })
	return list[:min(count, len(list))]
}

// stores counts the STORE requests for each key from now on, by their sender.
func (n *testNet) stores(count func(from, to netip.AddrPort, key ID)) {
	n.tap = func(from, to netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil && r.Method == wire.Store {
			count(from, to, ID(r.Target))
		}
	}
}

// What a STORE changes of a record that is held: its value, its age and its life.
func TestStoreOverRecord(t *testing.T) {
	const day = 24 * time.Hour
	life := func(age, ttl time.Duration) wire.Trailer {
		return wire.Trailer{Present: true, Life: true, Age: age, TTL: ttl}
	}
	// A version is given as the time after that of the record that is held.
	versioned := func(after, age, ttl time.Duration) wire.Trailer {
		t := life(age, ttl)
		t.Version = uint64(epoch.Add(after).UnixMilli())
		return t
	}
	deletion := func(after time.Duration) wire.Trailer {
		t := versioned(after, 0, 7*day)
		t.Marks = wire.MarkDeleted
		return t
	}
	one, two := Int(1), Int(2)
	tests := []struct {
		name string
		v    Value
		t    wire.Trailer
		kept bool // the answer
		want Value
		ends time.Duration // from now
	}{
		// The record that is held is one, set six hours ago for a day.
		{"without a trailer: as new (B14)", one, wire.Trailer{}, true, one, day},
		{"another value without a trailer", two, wire.Trailer{}, true, two, day},
		{"republished", one, life(6*time.Hour, day), true, one, 18 * time.Hour},
		{"republished, its age cut to seconds", one, life(6*time.Hour-time.Second, day), true, one, 18 * time.Hour},
		{"a copy with a shorter life", one, life(6*time.Hour, 7*time.Hour), true, one, 18 * time.Hour},
		{"set anew", one, life(0, day), true, one, day},
		{"set anew for a shorter time, by a node of version 0.1", one, life(0, time.Hour), true, one, 18 * time.Hour},
		{"set anew for a shorter time", one, versioned(time.Hour, 0, time.Hour), true, one, time.Hour},
		{"a newer version", two, versioned(time.Second, 0, day), true, two, day},
		{"a newer version that is old already", two, versioned(time.Second, 5*time.Hour, day), true, two, 19 * time.Hour},
		{"an older version, although it says that it is young", two, versioned(-time.Second, 0, day), false, one, 18 * time.Hour},
		{"a version from the future", two, versioned(7*time.Hour, 0, day), false, one, 18 * time.Hour},
		{"the same version of another value: the larger one counts", two, versioned(0, 6*time.Hour, day), true, two, 18 * time.Hour},
		{"a deletion", Value{raw: "\xc0"}, deletion(time.Second), true, Value{}, 7 * day},
		{"a deletion of an older version", Value{raw: "\xc0"}, deletion(-time.Second), false, one, 18 * time.Hour},
		{"replaced", two, life(0, day), true, two, day},
		{"replaced at the same time", two, life(6*time.Hour, day), true, two, 18 * time.Hour},
		{"an older value", two, life(7*time.Hour, day), false, one, 18 * time.Hour},
		{"an older publication of the same", one, life(7*time.Hour, day), true, one, 18 * time.Hour},
		{"a life that is over", two, life(time.Hour, time.Hour), false, one, 18 * time.Hour},
		{"a life without end", two, life(0, 10*365*day), true, two, 7 * day},
		{"an age without end", two, life(10*365*day, 10*365*day), false, one, 18 * time.Hour},
	}
	for _, tt := range tests {
		net := newTestNet(t, 23)
		e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
		key := Key("key")
		net.set(e, key, one)
		net.run(6 * time.Hour)
		now := net.now
		a, ok := net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.Store, Target: wire.ID(key), Value: tt.v.Raw(), Trailer: tt.t})
		if !ok || a.Stored != tt.kept {
			t.Errorf("%s: answered %v, want %v", tt.name, a.Stored, tt.kept)
		}
		if newer := a.Trailer.Life && a.Trailer.Age/time.Hour == 6; tt.t.Present && newer == tt.kept {
			t.Errorf("%s: the answer has the trailer %+v, want the age of what is held if it is refused, and only then", tt.name, a.Trailer)
		}
		r, ok := e.records.get(e.clock.latest, key)
		if ends := r.Expires().Sub(now).Round(100 * time.Millisecond); !ok || r.Value != tt.want || ends != tt.ends {
			t.Errorf("%s: holds %v for %v, want %v for %v", tt.name, r.Value.Text(), ends, tt.want.Text(), tt.ends)
		}
		if got := e.records.index[key].expires; e.clock.epoch.Add(got) != r.Expires() {
			t.Errorf("%s: planned to expire %v after it does", tt.name, e.clock.epoch.Add(got).Sub(r.Expires()))
		}
	}
}

// P19: a node that is not among the k nearest keeps a copy, the life of which is
// halved for each node between, and does not republish it.
func TestLifeOfCopies(t *testing.T) {
	const ttl = 24 * time.Hour
	tests := []struct {
		nearer int
		want   time.Duration
		cached bool
	}{
		{0, ttl, false}, {19, ttl, false}, {20, ttl / 2, true}, {21, ttl / 4, true}, {24, ttl / 32, true},
		{30, ttl >> 11, true}, {100, 0, false},
	}
	for _, tt := range tests {
		net := newTestNet(t, 24)
		e := net.add(Config{ID: ID{0: 0x80}, RefreshInterval: quiet})
		key := ID{19: 1}
		for i := range tt.nearer {
			e.table.insert(Contact{ID{0: byte(i), 1: 1}, addr(2000 + i)})
		}
		for i := range 50 {
			e.table.insert(Contact{ID{0: 0xc0, 1: byte(i)}, addr(3000 + i)})
		}
		if got := e.table.countNearer(key); got != tt.nearer {
			t.Fatalf("%d nodes are nearer, want %d", got, tt.nearer)
		}
		a, _ := net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.Store, Target: wire.ID(key), Value: Int(1).Raw(),
			Trailer: wire.Trailer{Present: true, Life: true, TTL: ttl}})
		r, ok := e.records.get(0, key)
		if ok != (tt.want > 0) || a.Stored != ok || ok && (r.TTL != tt.want || r.Cached != tt.cached) {
			t.Errorf("%d nearer: held = %v for %v, cached %v, want %v, cached %v", tt.nearer, ok, r.TTL, r.Cached, tt.want, tt.cached)
		}
		if !tt.cached {
			continue
		}
		net.stores(func(netip.AddrPort, netip.AddrPort, ID) { t.Errorf("%d nearer: a copy is republished", tt.nearer) })
		net.run(ttl)
		if e.Stats().Records != 0 {
			t.Errorf("%d nearer: the copy is still there after %v", tt.nearer, ttl)
		}
	}
}

// P18: who has found a value leaves a copy at the nearest node that did not have
// it, if that is one that reads our trailer: an older node would keep it for a
// week and pass it on.
func TestCopyOnThePath(t *testing.T) {
	const ttl = 24 * time.Hour
	net := newTestNet(t, 25)
	net.delay = func(from, to netip.AddrPort) time.Duration {
		a, b := from.Addr().As4(), to.Addr().As4()
		return 10*time.Millisecond + time.Duration(int(a[3])*7+int(b[3])*131)*time.Microsecond
	}
	nodes := net.grow(120, Config{K: 4, RefreshInterval: quiet, RepublishInterval: quiet})
	for i := range nodes {
		net.old[addr(i+1)] = i%4 == 1
	}
	copies, none := 0, 0
	for i := range 60 {
		key := Key(fmt.Sprint(i))
		net.set(nodes[i], key, Int(int64(i)))
		reader := nodes[(i+60)%120]
		if reader.records.index[key] != nil || net.old[net.addrOf(reader)] {
			continue
		}
		at, want := net.watchCopy(reader, key)
		switch {
		case want == netip.AddrPort{} && at == netip.AddrPort{}:
			none++
		case at != want:
			t.Errorf("key %d: copy sent to %v, want %v", i, at, want)
		default:
			copies++
			e := net.at(at)
			r, ok := e.records.get(e.clock.latest, key)
			beyond := e.table.countNearer(key) - 4 + 1
			life := ttl >> max(beyond, 0)
			if beyond > 0 {
				life = min(life, copyLife)
			}
			if ok && (r.TTL != life || r.Cached != (beyond > 0)) || !ok && life > time.Second {
				t.Errorf("key %d: copy lives for %v, cached %v, want %v: %d too far", i, r.TTL, r.Cached, life, beyond)
			}
		}
	}
	t.Logf("%d copies left, %d times nobody to leave one at", copies, none)
	if copies < 10 {
		t.Errorf("only %d copies were left", copies)
	}
}

// watchCopy lets reader get a value, and returns where it leaves a copy, and
// where it should.
func (n *testNet) watchCopy(reader *Engine, key ID) (at, want netip.AddrPort) {
	self := n.addrOf(reader)
	answers := make(map[netip.AddrPort]time.Time)
	n.tap = func(from, to netip.AddrPort, d []byte) {
		if r := requestIn(d); from == self && r != nil && r.Method == wire.Store {
			at = to
			for a, arrives := range answers {
				if arrives.After(n.now) || n.old[a] || n.at(a).records.index[key] != nil {
					continue
				}
				if want == (netip.AddrPort{}) || key.CompareDistance(n.at(a).id, n.at(want).id) < 0 {
					want = a
				}
			}
		} else if to == self && r == nil {
			answers[from] = n.now.Add(n.delay(from, to))
		}
	}
	if _, _, err := n.get(reader, key); err != nil {
		n.t.Errorf("Get: %v", err)
	}
	n.run(time.Second)
	n.tap = nil
	return at, want
}
