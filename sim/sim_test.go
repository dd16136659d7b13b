package sim

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// runDigest is the digest of the run below on every platform. A change of the datagrams
// that nodes send, or of their times, changes it: then put here the digest that the
// test prints.
const runDigest = "b1fb09d6eaa52a70"

// The same seed gives the same datagrams at the same times, twice in one process
// and on every platform: with churn, loss, delays, duplicates, reference nodes and
// adversaries.
func TestSameSeedSameDigest(t *testing.T) {
	t.Parallel()
	first := digestOf(1)
	if again := digestOf(1); again != first {
		t.Errorf("digest of the second run = %s, of the first = %s", again, first)
	}
	if other := digestOf(2); other == first {
		t.Error("another seed gives the same digest")
	}
	if first != runDigest {
		t.Errorf("digest = %s, want %s\nif the change is meant: const runDigest = %q", first, runDigest, first)
	}
}

// The distributions give the same on every platform, for more numbers than a run draws.
func TestSameArithmetic(t *testing.T) {
	var d digest
	for x := range uint64(200_000) {
		d.add(uint64(KAD.draw(mix(x))))
		d.add(uint64(logNormal(mix(x), 100*time.Millisecond, 0.6)))
	}
	const want = 0x129a878dfa16b2a2
	if d != want {
		t.Errorf("digest = %#x, want %#x", uint64(d), uint64(want))
	}
}

func digestOf(seed uint64) string {
	cfg := Config{Seed: seed, Core: core.Config{K: 8}}
	cfg.Link = Link{Loss: 0.05, Duplicate: 0.02, Reorder: 0.05, OneWay: 0.02}
	r := &run{Network: New(cfg), Options: Options{Seed: seed}, report: &Report{}}
	r.grow(60)
	for range 10 {
		r.addReference(r.k(), r.randomEngine(), r.randomEngine())
		r.Run(time.Second)
	}
	r.corrupt(20, lying)
	r.corrupt(21, forging)
	r.nodes[22].tick = time.Second
	r.publish(10)
	r.churn(Weibull{0.6, 20 * time.Minute})
	r.Run(20 * time.Minute)
	r.gets(20)
	r.lookups(10)
	return fmt.Sprintf("%016x", r.Digest())
}

// A network of several lanes gives the same on one processor and on several, and nearly
// the same in one lane.
func TestSameInLanes(t *testing.T) {
	play := func(lanes, processors int) *run {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		cfg := Config{Seed: 6, Core: core.Config{K: 8}, Lanes: lanes, WatchContacts: true}
		cfg.Link = Link{Loss: 0.02, Reorder: 0.02}
		r := &run{Network: New(cfg), Options: Options{Seed: 6}, report: &Report{}}
		r.windows.many = 1
		r.grow(150)
		for range 10 {
			r.addReference(r.k(), r.randomEngine(), r.randomEngine())
			r.Run(time.Second)
		}
		r.corrupt(20, lying)
		r.publish(20)
		r.churn(Weibull{0.6, time.Hour})
		r.Run(30 * time.Minute)
		if s := r.gets(50); s.right < 45 {
			t.Errorf("%d lanes: %d of 50 gets find the value", lanes, s.right)
		}
		return r
	}
	one, four := play(5, 1), play(5, 4)
	if one.Digest() != four.Digest() || one.Traffic != four.Traffic {
		t.Errorf("on one processor %016x, %+v; on four %016x, %+v", one.Digest(), one.Traffic, four.Digest(), four.Traffic)
	}
	const want = "0000b3320246bc4f"
	if got := fmt.Sprintf("%016x", one.Digest()); got != want {
		t.Errorf("digest = %s, want %s\nif the change is meant: const want = %q", got, want, got)
	}
	if got, want := float64(one.Datagrams), float64(play(1, 1).Datagrams); got < want*0.8 || got > want*1.25 {
		t.Errorf("%.0f datagrams in five lanes, %.0f in one", got, want)
	}
}

// A datagram arrives on time, in the same lane or in another one.
func TestLanesDeliverInTime(t *testing.T) {
	for _, lanes := range []int{1, 2, 3} {
		n := New(Config{Lanes: lanes, Link: Link{Latency: Constant(100 * time.Millisecond)}})
		n.windows.many = 1
		sent := make(map[string]time.Duration)
		var mu sync.Mutex
		arrived := 0
		for range 6 {
			n.Add()
		}
		for slot := range n.nodes {
			l, was := n.laneOf(slot), n.nodes[slot].peer
			n.nodes[slot].peer = &watchedPeer{was, func(datagram []byte) {
				mu.Lock()
				defer mu.Unlock()
				arrived++
				if took := l.now - sent[string(datagram)]; took != 50*time.Millisecond {
					t.Errorf("%d lanes: a datagram took %v", lanes, took)
				}
			}}
		}
		n.tap = func(from, _ int, datagram []byte) {
			mu.Lock()
			defer mu.Unlock()
			sent[string(datagram)] = n.laneOf(from).now
		}
		for slot := 1; slot < 6; slot++ {
			e := n.nodes[slot].peer.(*watchedPeer).peer.(*core.Engine)
			e.Bootstrap(n.time(), []netip.AddrPort{addrOf(0)}, func(int, error) {})
			n.laneOf(slot).flush(slot)
			n.Run(7 * time.Millisecond)
		}
		n.Run(time.Minute)
		if arrived < 100 {
			t.Errorf("%d lanes: %d datagrams arrived", lanes, arrived)
		}
	}
}

// watchedPeer calls see with each datagram for a peer.
type watchedPeer struct {
	peer
	see func(datagram []byte)
}

func (w *watchedPeer) Receive(now time.Time, from netip.AddrPort, datagram []byte) {
	w.see(datagram)
	w.peer.Receive(now, from, datagram)
}

func TestOracle(t *testing.T) {
	n := New(Config{Seed: 3})
	for range 500 {
		n.Add()
	}
	o := n.newOracle(func(int) bool { return true })
	for range 100 {
		target := core.RandomID(n.ids)
		want := slices.Clone(o.ids)
		slices.SortFunc(want, target.CompareDistance)
		got := o.nearest(target, 20)
		slices.SortFunc(got, target.CompareDistance)
		if !slices.Equal(got, want[:20]) {
			t.Fatalf("nearest to %v: got %v, want %v", target, got, want[:20])
		}
	}
}

// Engines and reference nodes find each other's values.
func TestReferenceTakesPart(t *testing.T) {
	r := &run{Network: New(Config{Seed: 4, Core: core.Config{K: 8}}), report: &Report{}}
	r.grow(5)
	var theirs []int
	for range 30 {
		theirs = append(theirs, r.addReference(r.k(), r.Random()))
		r.Run(5 * time.Second)
	}
	r.publish(20)
	found := 0
	for _, o := range r.each(20, opPause, func(i int) *op {
		return r.nodes[theirs[i]].peer.(*reference).get(r.keys[i])
	}) {
		if o.done && o.err == nil {
			found++
		}
	}
	if found != 20 {
		t.Errorf("the models found %d values of 20", found)
	}
	// Values outlive the nodes that set them, since holders republish.
	for slot := range 5 {
		r.Kill(slot)
	}
	slot := r.Add()
	r.Join(slot, theirs[:2], nil)
	r.Run(3 * time.Hour)
	if s := r.gets(20); s.right != 20 {
		t.Errorf("an engine found %d values of 20 that are left with the models", s.right)
	}
}

// No datagram crosses a partition or a link that is down.
func TestPartsAreApart(t *testing.T) {
	r := &run{Network: New(Config{Seed: 5}), report: &Report{}}
	r.grow(20)
	tests := []struct {
		name   string
		change func(*node)
	}{
		{"another part", func(x *node) { x.group = 1 }},
		{"no link", func(x *node) { x.down = true }},
	}
	for _, tt := range tests {
		was := r.nodes[3]
		tt.change(&r.nodes[3])
		r.Run(time.Minute)
		before := r.engine(3).Stats().Received
		r.lookup(4, r.nodes[3].id)
		r.lookup(3, r.nodes[4].id)
		r.Run(time.Minute)
		if got := r.engine(3).Stats().Received - before; got != 0 {
			t.Errorf("%s: %d datagrams arrive", tt.name, got)
		}
		r.nodes[3].group, r.nodes[3].down = was.group, was.down
	}
}
