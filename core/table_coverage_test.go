package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// E3: who has looked around in its neighbourhood within the hour, as refreshing
// has it do, needs no lookup for each key that it republishes. The keys are still
// stored on all of the k nearest.
func TestRepublishingNeedsFewLookups(t *testing.T) {
	t.Parallel()
	const size, hours = 120, 3
	keys := 1500
	if short() {
		keys = 300
	}
	net := newTestNet(t, 120)
	lookups, asked := 0, 0
	cfg := Config{Trace: trace.Hooks{Lookup: func(x trace.Lookup) {
		if x.Purpose == trace.ForRepublish && x.Done {
			lookups++
			asked += x.Requests
		}
	}}}
	nodes := net.grow(size, cfg)
	for i := range keys {
		nodes[i%size].Set(net.now, Key(fmt.Sprint(i)), Int(1), SetOptions{}, func(SetResult, error) {})
		net.run(time.Hour / time.Duration(keys))
	}
	net.run(90 * time.Minute)
	lookups, asked = 0, 0
	sent := 0
	net.stores(func(netip.AddrPort, netip.AddrPort, ID) { sent++ })
	net.run(hours * time.Hour)
	perKeyHour := func(n int) float64 { return float64(n) / float64(keys*hours) }
	t.Logf("for each key and hour: %.2f lookups with %.1f requests, %.1f STOREs", perKeyHour(lookups), perKeyHour(asked), perKeyHour(sent))
	if got := perKeyHour(lookups); got > 0.2 {
		t.Errorf("%.2f lookups for each key and hour, want 0.2 at most", got)
	}
	missing := 0
	for i := range keys {
		key := Key(fmt.Sprint(i))
		for _, e := range net.nearestTo(key, 20) {
			if r, ok := e.records.get(e.clock.latest, key); !ok || r.Cached {
				missing++
			}
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d records are not held by one of the 20 nearest", missing, 20*keys)
	}
}

// E3, Q5: whom a table takes for the nearest there are, after some lookups, are the
// nearest of all nodes, by brute force; and what is long ago does not count.
func TestKnownAreTheNearest(t *testing.T) {
	r := rand.New(rand.NewChaCha8([32]byte{121}))
	sure := 0
	for round := range 60 {
		k := []int{1, 4, 8, 20}[round%4]
		x := newTable(RandomID(r), k, []int{1, 5}[round/4%2], &contactPool{})
		var all []ID
		for range 20 + r.IntN(300) {
			all = append(all, RandomID(r))
		}
		if got := x.knownClosest(x.self, -time.Hour, anyPeer); got != 0 {
			t.Fatalf("%d contacts are known in an empty table", got)
		}
		x.insert(Contact{all[0], addr(1)})
		if got := x.knownClosest(x.self, -time.Hour, anyPeer); got != 0 {
			t.Fatalf("%d contacts are known before any lookup", got)
		}
		for lookup := range 30 {
			target := idAt(x.self, r.IntN(9), r)
			slices.SortFunc(all, target.CompareDistance)
			var met []Contact
			for i, id := range all[:min(k, len(all))] {
				if met = append(met, Contact{id, addr(i)}); id[19]%32 > 0 { // some find no place
					x.insert(met[i])
				}
			}
			for range r.IntN(3) {
				newcomer := idAt(x.self, r.IntN(9), r)
				newcomer[19] |= 1
				all = append(all, newcomer)
				x.insert(Contact{newcomer, addr(1)})
			}
			x.markComplete(time.Duration(lookup)*time.Minute, target, met)
			key := idAt(x.self, r.IntN(9), r)
			n := x.knownClosest(key, -1, anyPeer)
			slices.SortFunc(all, key.CompareDistance)
			if got := idsOf(&x, x.closest(nil, key, n, anyPeer)); !slices.Equal(got, all[:n]) {
				t.Fatalf("k %d, %d nodes: the %d contacts that are known are not the nearest", k, len(all), n)
			}
			if n >= k {
				sure++
			}
			if got := x.knownClosest(key, time.Duration(lookup+1)*time.Minute, anyPeer); got != 0 {
				t.Fatalf("%d contacts are known by lookups of long ago", got)
			}
		}
	}
	t.Logf("k or more were known %d times", sure)
	if sure < 40 {
		t.Errorf("k or more were known %d times, want 40 at least", sure)
	}
}

// Where all those have gone who were known to be the nearest, they are looked for.
func TestRepublishingAfterDeaths(t *testing.T) {
	net := newTestNet(t, 122)
	lookups := 0
	net.grow(80, Config{K: 4, RepublishInterval: 10 * time.Hour, Trace: trace.Hooks{Lookup: func(x trace.Lookup) {
		if x.Purpose == trace.ForRepublish && !x.Done {
			lookups++
		}
	}}})
	net.run(2 * time.Hour)
	tried := 0
	for i := range 40 {
		key, e := Key(fmt.Sprint(i)), net.nodes[i%20].Engine
		known := e.republish.nearestFromTable(e.clock.at(net.now), key)
		if known == nil || len(net.nodes) < 40 {
			continue
		}
		tried++
		net.set(e, key, Int(1))
		e.putRecord(e.clock.latest, key, Record{Value: Int(1), Published: net.now, TTL: time.Hour})
		for _, c := range known {
			if x := net.at(c.Addr); x != nil && x != e {
				net.stop(x)
			}
		}
		e.republish.republish(e.clock.at(net.now), e.records.index[key])
		net.run(time.Minute)
	}
	if tried < 3 || lookups < tried-1 {
		t.Errorf("%d lookups to store %d keys anew, want one for each", lookups, tried)
	}
}

// What has become a copy while it waited for its turn is not stored anew as if it
// were none.
func TestCopiesWaitInVain(t *testing.T) {
	net := newTestNet(t, 123)
	nodes := net.grow(3, Config{RefreshInterval: quiet, RepublishInterval: quiet})
	e, key := nodes[1], Key("key")
	e.putRecord(e.clock.latest, key, Record{Value: Int(1), Published: net.now, TTL: time.Hour, Cached: true})
	net.stores(func(netip.AddrPort, netip.AddrPort, ID) { t.Error("a copy is republished") })
	e.republish.republish(e.clock.at(net.now), e.records.index[key])
	net.run(time.Minute)
	if !net.drained() {
		t.Error("something is still under way")
	}
}
