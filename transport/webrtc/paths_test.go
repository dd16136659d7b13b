package webrtc

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// addrOf returns the ith address of many.
func addrOf(i int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 20<<24+uint32(i))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 4000)
}

// Another node has come to an address: the channel to the former one carries nothing
// any more, and the new node is offered one.
func TestAnotherNodeAtTheAddress(t *testing.T) {
	l, a, b := pair(t, 30)
	l.run(offerEvery)
	b.engine.self, b.id = ID{3}, ID{3}
	a.engine.met(l.now, b.addr, b.id, true)
	if ch := a.engine.send(l.now, b.addr, make([]byte, 100)); ch != 0 {
		t.Errorf("a datagram goes over channel %d, want the wrapped conn", ch)
	}
	if got := a.engine.counts.fallbacks; got != [fallbacks]uint64{FallbackReplaced: 1} {
		t.Errorf("fell back %v, want once as replaced", got)
	}
	a.settle()
	l.run(time.Second)
	if a.state(b) != Open {
		t.Errorf("after a second, the new node is %v, want open", a.state(b))
	}
	if paths := a.engine.paths(l.now); len(paths) != 1 || paths[0].ID != b.id {
		t.Errorf("paths %v, want one to %x", paths, b.id[:1])
	}

	// A pending channel of the former node ends as well.
	l = newLab(t, 31)
	a, b = l.host(1, 24), l.host(2, 24)
	a.engine.met(l.now, b.addr, b.id, true)
	a.settle()
	l.run(time.Millisecond)
	a.engine.met(l.now, b.addr, ID{3}, true)
	if got := a.engine.counts.failures[FailureReplaced]; got != 1 {
		t.Errorf("%d channels ended as replaced, want 1", got)
	}
}

// A channel takes datagrams of up to 9,216 bytes. Shorter ones than a header, which
// are none of the DHT, and longer ones go over the wrapped conn.
func TestWhichDatagramsAChannelTakes(t *testing.T) {
	l, a, b := pair(t, 32)
	for size, want := range map[int]bool{0: false, 20: false, 21: true, 9216: true, 9217: false, 65_000: false} {
		if got := a.engine.send(l.now, b.addr, make([]byte, size)) != 0; got != want {
			t.Errorf("a datagram of %d bytes goes over the channel = %v, want %v", size, got, want)
		}
	}
}

// An answer confirms its request: when the path is lost afterwards, the request is not
// sent a second time.
func TestAnswersConfirmRequests(t *testing.T) {
	l, a, b := pair(t, 33)
	l.run(time.Second)
	a.call(b)
	l.run(2*directDelay + time.Millisecond)
	if l.done != 2 {
		t.Fatalf("%d requests are answered, want 2", l.done)
	}
	a.ended(b)
	if got := a.engine.counts.resent; got != 0 {
		t.Errorf("%d datagrams sent again, want 0", got)
	}
	l, a, b = pair(t, 33)
	l.run(time.Second)
	a.call(b)
	a.ended(b) // before the answer
	if got := a.engine.counts.resent; got != 1 {
		t.Errorf("%d datagrams sent again, want 1", got)
	}
}

// Offers that fail are further and further apart. A channel that has lived for a minute
// makes up for them: when it is lost, the next offer comes ten seconds later.
func TestFailuresAreForgiven(t *testing.T) {
	for lived, want := range map[time.Duration]State{2 * time.Minute: Open, 5 * time.Second: BackingOff} {
		l := newLab(t, 34)
		a, b := l.host(1, 24), l.host(2, 24)
		b.tells = false
		l.load(a, b, 100*time.Millisecond, 15*time.Minute)
		l.never = true
		l.run(3 * time.Minute)
		if got := a.engine.counts.failures[FailureNotOpened]; got < 3 {
			t.Fatalf("%d failures, want 3 at least", got)
		}
		l.never = false
		for a.state(b) != Open {
			l.run(time.Second)
		}
		l.run(lived)
		a.ended(b)
		l.run(11 * time.Second)
		if got := a.state(b); got != want {
			t.Errorf("11 s after a channel was lost that lived for %v: %v, want %v", lived, got, want)
		}
	}
}

// Both ends close an idle channel, and one is first. For the other one that is no loss:
// it need not wait for its next offer because of it.
func TestIdleCloseOfTheOtherEnd(t *testing.T) {
	for idle, want := range map[time.Duration]Fallback{
		4*time.Minute + 30*time.Second: FallbackIdle,
		3*time.Minute + 30*time.Second: FallbackLost,
	} {
		l, a, b := pair(t, 35)
		l.run(idle)
		b.engine.fallBack(l.now, b.engine.peers.byAddr[a.addr].open, FallbackIdle)
		b.settle()
		l.run(time.Second)
		if got := a.engine.counts.fallbacks; got[want] != 1 || got[FallbackIdle]+got[FallbackLost] != 1 {
			t.Errorf("after %v: fell back %v, want once as %v", idle, got, want)
		}
		if fails := a.engine.peers.byAddr[b.addr].fails; fails > 0 != (want == FallbackLost) {
			t.Errorf("after %v: %d failures", idle, fails)
		}
	}
}

// A channel in one direction is in use for both ends, even if nothing is answered.
func TestOneWayIsInUse(t *testing.T) {
	l, a, b := pair(t, 41)
	answer := append([]byte{byte(wire.KindAnswer)}, make([]byte, 59)...) // to nothing
	for range 20 {
		ch := a.engine.send(l.now, b.addr, answer)
		a.overLink(ch, answer)
		a.settle()
		l.run(time.Minute)
	}
	for _, h := range []*host{a, b} {
		if got := h.engine.counts.fallbacks; got != [fallbacks]uint64{} {
			t.Errorf("fell back %v within 20 minutes in one direction, want never", got)
		}
	}
}

// Messages that are no datagrams, or too short for one, do not get to the core.
func TestOtherMessagesAreIgnored(t *testing.T) {
	l, a, b := pair(t, 42)
	ch := a.engine.peers.byAddr[b.addr].open.id
	for _, data := range [][]byte{
		nil, {0}, {1}, {2}, {3}, {1, 20: 0}, {2, 60: 0}, {3, 60: 0}, {4, 60: 0}, {255, 60: 0},
	} {
		if from, ok := a.engine.received(l.now, ch, data); ok {
			t.Errorf("%x is a datagram from %v, want it ignored", data, from)
		}
	}
	if _, ok := a.engine.received(l.now, ch, []byte{1, 21: 0}); !ok {
		t.Error("the shortest datagram is ignored")
	}
}

// An echo makes up for the probes that were lost before it.
func TestEchoClearsMissedProbes(t *testing.T) {
	var g guard
	now := time.Unix(1, 0)
	for range 3 {
		last := uint32(0)
		for range 3 {
			last = g.probe(now)
			now = now.Add(probeEvery)
		}
		if g.dead() {
			t.Fatal("dead after three probes, want an echo of the last one awaited")
		}
		g.echoed(now, last)
	}
	for range 4 {
		g.probe(now)
	}
	if !g.dead() {
		t.Error("not dead after four probes without an echo")
	}
}

// A path that falls silent is given up after 1.1 seconds, and nothing is lost. One that
// works is not, however little is said on it.
func TestSilentPath(t *testing.T) {
	l, a, b := pair(t, 36)
	l.load(a, b, 40*time.Second, 4*time.Minute)
	l.run(4*time.Minute - time.Second)
	if got := a.engine.counts.fallbacks; got != [fallbacks]uint64{} {
		t.Errorf("fell back %v from a path that works, want never", got)
	}
	l.mute = true
	a.call(b)
	l.run(1090 * time.Millisecond)
	if a.state(b) != Open {
		t.Errorf("after 1.09 s: %v, want open still", a.state(b))
	}
	l.run(20 * time.Millisecond)
	if got := a.engine.counts.fallbacks; got != [fallbacks]uint64{FallbackSilent: 1} {
		t.Errorf("after 1.11 s: fell back %v, want once as silent", got)
	}
	l.run(10 * time.Second)
	if l.lost != 0 {
		t.Errorf("%d requests lost, want 0", l.lost)
	}
}

// A channel holds up to 256 datagrams and 48 KiB of what is not confirmed, the newest.
func TestHeldIsBounded(t *testing.T) {
	now := time.Unix(1, 0)
	for size, want := range map[int]int{60: 256, 1024: 48, 9216: 5} {
		var g guard
		for i := range 1000 {
			data := make([]byte, size)
			binary.BigEndian.PutUint32(data[1:], uint32(i))
			g.hold(now, data)
		}
		list := g.release()
		if len(list) != want || int(g.discarded) != 1000-want {
			t.Errorf("of 1000 datagrams of %d bytes: %d held, %d given up; want %d, %d",
				size, len(list), g.discarded, want, 1000-want)
		}
		for i, data := range list {
			if got := int(binary.BigEndian.Uint32(data[1:])); got != 1000-want+i {
				t.Fatalf("held datagram %d is number %d, want %d: the oldest go", i, got, 1000-want+i)
			}
		}
	}
}

// When a path is lost, the statistics tell which datagrams were sent again, and how many
// could not be.
func TestUnguardedIsCounted(t *testing.T) {
	l, a, b := pair(t, 43)
	l.run(time.Second)
	for range 300 {
		a.engine.send(l.now, b.addr, make([]byte, 60)) // and it is lost
	}
	a.engine.takeActions()
	a.ended(b)
	if n := a.engine.counts; n.resent != 256 || n.discarded != 44 {
		t.Errorf("%d sent again, %d not; want 256, 44", n.resent, n.discarded)
	}
}

// A burst is confirmed early, so that of 1,000 requests in a second, each with 100
// bytes, none is given up, and none is lost when the path is.
func TestBurstIsConfirmedEarly(t *testing.T) {
	l, a, b := pair(t, 38)
	for count, size := range map[int]int{200: 100, 20: 2000} {
		var g guard
		hold := func(int) bool { return g.hold(l.now, make([]byte, size)) }
		if !slices.ContainsFunc(make([]int, count), hold) {
			t.Errorf("%d datagrams of %d bytes at once do not ask for a probe", count, size)
		}
	}
	for i := range 1000 {
		at := l.now.Add(time.Duration(i) * time.Millisecond)
		l.after(at.Sub(l.now), func() { a.engine.send(l.now, b.addr, make([]byte, 100)); a.settle() })
	}
	l.run(time.Second)
	if got := a.engine.peers.byAddr[b.addr].open.guard.discarded; got != 0 {
		t.Errorf("%d datagrams given up, want 0", got)
	}
}
