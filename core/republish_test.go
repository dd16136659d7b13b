package core

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// P14: a value is gone when its life is at an end, and not before, although its
// holders have republished it until then.
func TestRepublishingDoesNotExtendLife(t *testing.T) {
	const ttl = 3 * time.Hour
	net := newTestNet(t, 20)
	nodes := net.grow(25, Config{TTL: ttl, RepublishInterval: 10 * time.Minute, RefreshInterval: quiet})
	key := Key("key")
	net.set(nodes[0], key, Int(1))
	end := net.now.Add(ttl)
	republished := 0
	net.stores(func(netip.AddrPort, netip.AddrPort, ID) { republished++ })

	net.run(end.Add(-2 * time.Second).Sub(net.now))
	if f, _, err := net.get(net.add(Config{ID: ID{1}}), key); err == nil {
		t.Errorf("a node that knows nobody finds %v", f.Value.Text())
	}
	if got := len(net.holders(key)); got < 20 || republished < 10*19 {
		t.Errorf("%d holders shortly before the end, after %d STOREs", got, republished)
	}
	net.run(end.Add(2 * time.Second).Sub(net.now))
	for _, e := range net.holders(key) {
		r, _ := e.records.store.Load(key)
		t.Errorf("a value lives %v longer than it should", r.Expires().Sub(end))
	}
}

// E2, P15: each hour one holder stores the value anew on the k nearest, which
// keeps the others from doing so.
func TestOneHolderRepublishes(t *testing.T) {
	net := newTestNet(t, 21)
	nodes := net.grow(30, Config{RefreshInterval: quiet})
	const keys, hours = 10, 12
	for i := range keys {
		net.set(nodes[i], Key(fmt.Sprint(i)), Int(1))
	}
	last := make(map[netip.AddrPort]map[ID]time.Time)
	republished, sent := 0, 0
	net.stores(func(from, _ netip.AddrPort, key ID) {
		sent++
		if last[from] == nil {
			last[from] = make(map[ID]time.Time)
		}
		if at := last[from][key]; net.now.Sub(at) > time.Minute {
			republished++
		}
		last[from][key] = net.now
	})
	net.run(hours * time.Hour)
	perHour := float64(republished) / keys / hours
	t.Logf("%.2f holders republish a key in an hour, with %.1f STOREs", perHour, float64(sent)/keys/hours)
	if perHour > 1.2 || perHour < 0.8 {
		t.Errorf("%.2f republish a key in an hour, want about 1", perHour)
	}
	for i := range keys {
		key := Key(fmt.Sprint(i))
		for _, e := range net.nearestTo(key, 20) {
			if r, ok := e.records.get(e.clock.latest, key); !ok || r.Cached {
				t.Errorf("one of the 20 nearest to key %d does not hold it", i)
			}
		}
	}
}

// E2 where republishing takes long: who still waits for its turn when another has
// done the work leaves it.
func TestOneHolderRepublishesMany(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 22)
	net.delay = func(_, _ netip.AddrPort) time.Duration { return 150 * time.Millisecond }
	nodes := net.grow(22, Config{RefreshInterval: quiet, RepublishInterval: time.Minute})
	const keys = 200
	for i := range keys {
		nodes[i%20].Set(net.now, Key(fmt.Sprint(i)), Int(1), SetOptions{}, func(SetResult, error) {})
	}
	net.run(30 * time.Second)
	sent := 0
	net.stores(func(netip.AddrPort, netip.AddrPort, ID) { sent++ })
	net.run(3 * time.Minute)
	each := float64(sent) / keys / 19 / 3
	t.Logf("each key was republished %.2f times in a round", each)
	if each > 2.5 {
		t.Errorf("each key was republished %.2f times in a round, want 2.5 at most: all holders are at it at once", each)
	}
}

// A node that new ones have pushed out of the k nearest hands its part over: it
// does not go on republishing by itself (E2), nor trust what it has (B17).
func TestFormerHolders(t *testing.T) {
	net := newTestNet(t, 29)
	cfg := Config{K: 5, RefreshInterval: quiet}
	nodes := net.grow(20, cfg)
	const keys = 40
	for i := range keys {
		net.set(nodes[i%20], Key(fmt.Sprint(i)), Int(1))
	}
	net.grow(60, cfg)
	net.run(2 * time.Hour)
	type burst struct {
		from netip.AddrPort
		key  ID
		hour int
	}
	republished := make(map[burst]bool)
	net.stores(func(from, _ netip.AddrPort, key ID) {
		republished[burst{from, key, int(net.now.Sub(epoch) / time.Hour)}] = true
	})
	net.run(5 * time.Hour)
	net.tap = nil
	perHour := float64(len(republished)) / keys / 5
	t.Logf("%.2f holders republish a key in an hour", perHour)
	if perHour > 1.2 {
		t.Errorf("%.2f holders republish a key in an hour, want about 1", perHour)
	}
	for i := range keys {
		key := Key(fmt.Sprint(i))
		net.set(nodes[(i+7)%20], key, Int(2))
		for _, e := range net.holders(key) {
			if f, _, err := net.get(e, key); err != nil || f.Value != Int(2) {
				t.Errorf("key %d: one who held it before reads %v, %v, want what was set since", i, f.Value.Text(), err)
			}
		}
	}
}

// E2: who has been pushed out asks one of the k nearest whether it has the value. Where
// it has, one FIND_VALUE is all; where that was handed nothing, or an older value, or
// the same that ends sooner, the value is republished.
func TestPushedOutAsks(t *testing.T) {
	const k = 4
	own := Record{Value: Int(1), Published: epoch.Add(-time.Hour), TTL: 24 * time.Hour}
	older := Record{Value: Int(1), Published: epoch.Add(-20 * time.Hour), TTL: 24 * time.Hour}
	other := Record{Value: Int(2), Published: epoch.Add(-20 * time.Hour), TTL: 24 * time.Hour}
	for _, given := range []*Record{&own, nil, &older, &other} {
		handed := given == &own
		net := newTestNet(t, 33)
		cfg := Config{K: k, RefreshInterval: quiet}
		net.grow(30, cfg)
		key := Key("key")
		holder := net.nearestTo(key, 30)[k+2] // knows k that are nearer
		holder.putRecord(holder.clock.latest, key, own)
		nearest := net.nearestTo(key, k)
		for _, e := range nearest {
			if given != nil {
				e.putRecord(e.clock.latest, key, *given)
			}
			if e.records.index[key] != nil {
				e.records.index[key].due += 24 * time.Hour // they do no work themselves
			}
			if holder.table.get(e.id) == nil {
				holder.table.insert(net.contactOf(e))
			}
		}
		asked, stored := 0, make(map[netip.AddrPort]bool)
		net.tap = func(from, to netip.AddrPort, d []byte) {
			r := requestIn(d)
			if r == nil || from != net.addrOf(holder) {
				return
			}
			switch r.Method {
			case wire.FindValue:
				asked++
			case wire.Store:
				stored[to] = true
			}
		}
		net.run(70*time.Minute + time.Minute)
		r, ok := holder.records.get(holder.clock.latest, key)
		if handed {
			if asked != 1 || len(stored) != 0 || !ok || !r.Cached {
				t.Errorf("asked %d times, stored on %d, kept as a copy: %v; want 1, 0, true", asked, len(stored), r.Cached)
			}
		} else if asked != 1 || len(stored) != k {
			t.Errorf("not handed: asked %d times, stored on %d, want 1, %d", asked, len(stored), k)
		}
	}
}

// B10, Q7: the dead do not count among the k nearest. Where most of a network has
// died, those who are left hold what they should, and do not take it for copies.
func TestTheDeadHoldNothing(t *testing.T) {
	const k, ttl = 8, 24 * time.Hour
	net := newTestNet(t, 32)
	nodes := net.grow(60, Config{K: k, TTL: ttl})
	for _, e := range nodes[15:] {
		net.stop(e)
	}
	for i := range 200 { // those who are left find out
		net.get(nodes[i%15], Key(fmt.Sprint("other ", i)))
		net.run(20 * time.Second)
	}
	copies := 0
	for i := range 50 {
		key := Key(fmt.Sprint(i))
		if stored, _, err := net.set(nodes[i%15], key, Int(1)); err != nil || stored != k {
			t.Errorf("key %d: Set = %d, %v, want %d", i, stored, err, k)
		}
		for _, e := range net.nearestTo(key, k) {
			if r, ok := e.records.get(e.clock.latest, key); !ok || r.Cached || r.TTL != ttl {
				copies++
			}
		}
	}
	if copies > 0 {
		t.Errorf("%d of %d records are not held, or taken for copies", copies, 50*k)
	}
	newcomers := net.grow(3, Config{K: k, TTL: ttl})
	net.run(time.Minute)
	for i := range 50 {
		key := Key(fmt.Sprint(i))
		for _, e := range net.nearestTo(key, k) {
			if _, held := e.records.get(e.clock.latest, key); !held && slices.Contains(newcomers, e) {
				t.Errorf("key %d: a newcomer was not given it", i)
			}
		}
	}
}

// What is set while a holder looks for the others, to store the old value anew,
// stays.
func TestRepublishingRevertsNothing(t *testing.T) {
	net := newTestNet(t, 48)
	nodes := net.grow(9, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	e, old := nodes[0], nodes[8]
	net.old[net.addrOf(old)] = true
	key := Key("k")
	net.set(nodes[1], key, String("old"))
	net.run(10 * time.Second)
	e.republish.republish(e.clock.latest, e.records.index[key])
	net.run(5 * time.Millisecond)
	for _, x := range nodes {
		x.acceptStore(x.clock.at(net.now), key, Contact{}, String("new").Raw(), wire.Trailer{})
	}
	net.run(time.Minute)
	for i, x := range nodes {
		if r, ok := x.records.get(x.clock.latest, key); !ok || r.Value != String("new") {
			t.Errorf("node %d holds %q, want what was set since", i, r.Value.Text())
		}
	}
}

// Nor does a Set that takes long revert what is set meanwhile, not even at home.
func TestSetRevertsNothing(t *testing.T) {
	const k = 8
	net := newTestNet(t, 49)
	net.grow(40, Config{K: k, RefreshInterval: quiet, RepublishInterval: quiet})
	key := Key("k")
	near := net.nearestTo(key, 2*k)
	e := near[k+2]
	for _, x := range near[:k+2] {
		net.stop(x)
	}
	over := false
	if _, err := e.Set(net.now, key, String("old"), SetOptions{}, func(SetResult, error) { over = true }); err != nil {
		t.Fatal(err)
	}
	net.run(300 * time.Millisecond)
	if over {
		t.Fatal("the first Set was too fast")
	}
	net.now = net.now.Add(2 * sameMoment)
	for _, x := range net.nodes {
		x.acceptStore(x.clock.at(net.now), key, Contact{}, String("new").Raw(), wire.Trailer{Life: true, TTL: time.Hour})
	}
	net.runUntil(func() bool { return over })
	first, ok := e.records.get(e.clock.latest, key)
	if !ok {
		t.Error("the setter holds nothing")
	}
	for _, x := range net.nearestTo(key, k) {
		if r, ok := x.records.get(x.clock.latest, key); !ok || r.Value != first.Value {
			t.Errorf("%v holds %q, the setter %q, want one of the two values everywhere", x.id, r.Value.Text(), first.Value.Text())
		}
	}
}

// A Set waits for the only other node, however slow: the node alone is no network.
func TestSetWaitsForTheOnlyOther(t *testing.T) {
	net := newTestNet(t, 50)
	nodes := net.grow(2, Config{RefreshInterval: quiet})
	net.run(time.Minute)
	slow := net.addrOf(nodes[1])
	net.delay = func(from, to netip.AddrPort) time.Duration {
		if to == slow {
			return 2 * time.Second
		}
		return 10 * time.Millisecond
	}
	if n, took, err := net.set(nodes[0], Key("k"), Int(1)); n != 2 || err != nil || took < 2*time.Second {
		t.Errorf("Set = %d, %v after %v, want 2 after some seconds", n, err, took)
	}
}
