package core

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// nap is a waker that notes when it is woken, unless it was called off.
type nap struct {
	at, order int
	off       bool
}

func (n *nap) wake(*Engine, time.Duration) {}
func (n *nap) waits(time.Duration) bool    { return !n.off }

// Wakers come out by their times, and in the order in which they came in where
// these are the same, however many were called off and swept out.
func TestTimersKeepOrder(t *testing.T) {
	for seed := range 20 {
		r := rand.New(rand.NewChaCha8([32]byte{byte(seed)}))
		var x timers
		var waiting []*nap
		for i := range 5000 {
			n := &nap{at: r.IntN(100), order: i}
			x.add(time.Duration(n.at), n)
			waiting = append(waiting, n)
			if r.IntN(10) > 0 {
				j := r.IntN(len(waiting))
				waiting[j].off = true
				waiting = slices.Delete(waiting, j, j+1)
			}
			if len(x.heap) > max(minSweep, 2*len(waiting))+minSweep {
				t.Fatalf("%d timers are kept for %d that wait", len(x.heap), len(waiting))
			}
		}
		slices.SortFunc(waiting, func(a, b *nap) int {
			if a.at != b.at {
				return a.at - b.at
			}
			return a.order - b.order
		})
		for i, want := range waiting {
			got := popNap(&x)
			for got.off {
				got = popNap(&x)
			}
			if got != want {
				t.Fatalf("seed %d: waker %d is that of %d, number %d, want that of %d, number %d", seed, i, got.at, got.order, want.at, want.order)
			}
		}
	}
}

// Nobody is woken for those that no longer wait.
func TestNextIsOfThoseThatWait(t *testing.T) {
	var x timers
	naps := []*nap{{at: 1}, {at: 2}, {at: 3}}
	for _, n := range naps {
		x.add(time.Duration(n.at), n)
	}
	for i, n := range naps {
		if at, ok := x.next(); !ok || at != time.Duration(n.at) {
			t.Errorf("%d called off: next is %v, %v, want %d", i, at, ok, n.at)
		}
		n.off = true
	}
	if at, ok := x.next(); ok {
		t.Errorf("all called off: next is %v", at)
	}
}

func popNap(x *timers) *nap {
	at, _ := x.next()
	if _, early := x.pop(at - 1); early {
		panic("woken before its time")
	}
	w, _ := x.pop(at)
	return w.(*nap)
}

// I7: the soft time-out follows the round trips of all peers, within its bounds; late
// answers count.
func TestSoftTimeout(t *testing.T) {
	tests := []struct {
		samples []time.Duration // milliseconds, each a hundred times
		low, hi time.Duration
	}{
		{nil, softStart, softStart},
		{[]time.Duration{0}, softStart, softStart},
		{[]time.Duration{10}, softFloor, softFloor},
		{[]time.Duration{200}, 200 * time.Millisecond, 210 * time.Millisecond},
		{[]time.Duration{200, 10}, softFloor, softFloor},
		{[]time.Duration{10, 200}, 200 * time.Millisecond, 210 * time.Millisecond},
		{[]time.Duration{4000}, softCeiling, softCeiling},
	}
	for _, tt := range tests {
		var r rtt
		for _, d := range tt.samples {
			for range 100 {
				r.sample(d * time.Millisecond)
			}
		}
		if got := r.soft(); got < tt.low || got > tt.hi {
			t.Errorf("after %v: %v, want %v to %v", tt.samples, got, tt.low, tt.hi)
		}
	}
	var r rtt
	for i := range 100 { // 50 and 150 by turns: both are usual
		r.sample(time.Duration(50+100*(i%2)) * time.Millisecond)
	}
	if got := r.soft(); got < 150*time.Millisecond {
		t.Errorf("round trips of 50 to 150ms: %v, want more", got)
	}
}

// A clock that is set back does no harm: time stands still until it catches up.
func TestClockSetBack(t *testing.T) {
	net := newTestNet(t, 95)
	nodes := net.grow(5, Config{})
	e := nodes[2]
	net.set(e, Key("key"), Int(1))
	past := net.now.Add(-time.Hour)
	e.Advance(past)
	told := 0
	e.Get(past, Key("key"), GetOptions{}, func(f Found, err error) {
		if told++; err != nil {
			t.Errorf("Get: %v", err)
		}
	})
	e.Ping(past, addr(1), func(_ ID, rtt time.Duration, err error) {
		if told++; err != nil || rtt < 0 || rtt > time.Second {
			t.Errorf("Ping = %v, %v", rtt, err)
		}
	})
	r := wire.Request{Method: wire.Ping, Sender: wire.ID{1}}
	e.Receive(past, addr(900), wire.NewWriter().Request(nil, &r))
	net.run(10 * time.Second)
	if told != 2 || e.Next().Before(net.now) {
		t.Errorf("%d of 2 operations have ended; the next thing is due at %v, now is %v", told, e.Next(), net.now)
	}
}

// What Flush gives stays as it is while the engine fills the next Outbox.
func TestFlush(t *testing.T) {
	net := newTestNet(t, 96)
	e := net.add(Config{})
	var one, two Outbox
	for i := range 3 {
		e.Ping(net.now, addr(10+i), func(ID, time.Duration, error) {})
	}
	e.Flush(&one)
	var copies [][]byte
	for i := range one.Len() {
		to, d := one.At(i)
		if to != addr(10+i) || requestIn(d) == nil {
			t.Errorf("datagram %d is %x to %v", i, d, to)
		}
		copies = append(copies, slices.Clone(d))
	}
	for range 100 {
		e.Ping(net.now, addr(20), func(ID, time.Duration, error) {})
	}
	e.Flush(&two)
	for i, want := range copies {
		if _, got := one.At(i); !slices.Equal(got, want) {
			t.Errorf("datagram %d has changed", i)
		}
	}
	if one.Len() != 3 || two.Len() != 100 {
		t.Errorf("%d and %d datagrams, want 3 and 100", one.Len(), two.Len())
	}
	e.Flush(&two)
	if two.Len() != 0 {
		t.Errorf("%d datagrams are there twice", two.Len())
	}
}
