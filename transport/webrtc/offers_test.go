package webrtc

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// signalsTo records when h sends datagrams of a kind that its core did not send.
func signalsTo(l *lab, kind wire.Kind) (at *[]time.Duration) {
	at = new([]time.Duration)
	l.tap = func(_ *host, data []byte) {
		if wire.Kind(data[0]) == kind {
			*at = append(*at, l.now.Sub(l.start).Truncate(10*time.Millisecond))
		}
	}
	return at
}

// The table of docs/webrtc.md: an offer is sent at once and again after one and three
// seconds; after five it has failed, and the next one comes ten seconds after that.
func TestOfferWithoutAnswer(t *testing.T) {
	l := newLab(t, 20)
	a, b := l.host(1, 24), l.host(2, 24)
	b.engine.mode = RelayOnly
	sent := signalsTo(l, wire.KindRequest)
	a.engine.met(l.now, b.addr, b.id, true)
	a.settle()
	l.run(14 * time.Second)
	if want := []time.Duration{0, time.Second, 3 * time.Second}; !slices.Equal(*sent, want) {
		t.Errorf("offers sent at %v, want %v", *sent, want)
	}
	if got := a.engine.counts.failures[FailureNoAnswer]; got != 1 || a.state(b) != BackingOff {
		t.Errorf("%d failures and state %v, want 1 and backing off", got, a.state(b))
	}
	l.run(2 * time.Second)
	if want := []time.Duration{0, time.Second, 3 * time.Second, 15 * time.Second}; !slices.Equal(*sent, want) {
		t.Errorf("offers sent at %v, want %v", *sent, want)
	}
}

// No connection opens: both ends give up within 15 seconds.
func TestBothEndsGiveUp(t *testing.T) {
	l := newLab(t, 21)
	a, b := l.host(1, 24), l.host(2, 24)
	l.never = true
	a.engine.met(l.now, b.addr, b.id, true)
	a.settle()
	l.run(14 * time.Second)
	if len(a.engine.channels.byID) != 1 || len(b.engine.channels.byID) != 1 {
		t.Errorf("%d and %d channels after 14 s, want 1 and 1", len(a.engine.channels.byID), len(b.engine.channels.byID))
	}
	l.run(1100 * time.Millisecond)
	if len(a.engine.channels.byID) != 0 || len(b.engine.channels.byID) != 0 {
		t.Errorf("%d and %d channels after 15.1 s, want none", len(a.engine.channels.byID), len(b.engine.channels.byID))
	}
}

// A node offers to eight peers at a time. The others wait for their turn, and get it.
func TestOffersAtATime(t *testing.T) {
	l := newLab(t, 22)
	a := l.host(1, 64)
	var others []*host
	for n := range byte(30) {
		b := l.host(10+n, 24)
		b.tells = false
		others = append(others, b)
		a.engine.met(l.now, b.addr, b.id, true)
	}
	most := 0
	l.tap = func(*host, []byte) { most = max(most, a.engine.channels.pending(true)) }
	a.settle()
	l.run(10 * time.Second)
	if most != 8 {
		t.Errorf("%d offers at a time, want 8", most)
	}
	for _, b := range others {
		if a.state(b) != Open {
			t.Errorf("%v is %v, want open", b.addr, a.state(b))
		}
	}
}

// The same offer again means that the answer was lost: the answer is sent again, three
// times at most, so that nobody multiplies datagrams by it.
func TestAnswerIsRepeatedThreeTimes(t *testing.T) {
	l := newLab(t, 23)
	a, b := l.host(1, 24), l.host(2, 24)
	l.never = true
	sent := signalsTo(l, wire.KindAnswer)
	for range 20 {
		a.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 5))
		a.settle()
		l.run(100 * time.Millisecond)
	}
	if got := len(*sent); got != 4 {
		t.Errorf("%d answers to 20 times the same offer, want 4", got)
	}
}

// A peer gets the place of another one only if the other channel is the least useful,
// has lived for a minute, and was idle for a minute or is half as useful.
func TestWhoIsDisplaced(t *testing.T) {
	tests := []struct {
		name     string
		age      time.Duration // of the other channel
		idle     time.Duration // since its last datagram
		useful   float64       // datagrams lately, of the other peer
		newcomer float64       // of the newcomer
		stranger bool          // the newcomer's address is not proven
		renewing bool          // the other channel is being renewed
		want     bool
	}{
		{name: "twice as useful", age: time.Hour, useful: 20, newcomer: 40, want: true},
		{name: "not twice as useful", age: time.Hour, useful: 20, newcomer: 39},
		{name: "idle for a minute", age: time.Hour, idle: time.Minute, useful: 20, newcomer: 1, want: true},
		{name: "idle for less", age: time.Hour, idle: 59 * time.Second, useful: 20, newcomer: 1},
		{name: "young", age: 59 * time.Second, useful: 20, newcomer: 4000},
		{name: "a minute old", age: time.Minute, useful: 20, newcomer: 4000, want: true},
		{name: "by a stranger", age: time.Hour, idle: time.Hour, useful: 20, newcomer: 4000, stranger: true},
		{name: "while it is renewed", age: time.Hour, useful: 20, newcomer: 4000, renewing: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 24)
			a := l.host(1, 2)
			better := a.openTo(l.host(2, 24), tt.age, tt.idle, 2*tt.useful)
			other := a.openTo(l.host(3, 24), tt.age, tt.idle, tt.useful)
			if tt.renewing {
				other.pending = &channel{id: 99, peer: other}
				better.open.since = l.now
			}
			p := a.engine.peers.get(l.now, l.host(4, 24).addr)
			p.proven, p.use.count, p.use.at = !tt.stranger, tt.newcomer, l.now
			if got := a.engine.makeRoom(l.now, p); got != tt.want || (other.open == nil) != tt.want || better.open == nil {
				t.Errorf("room = %v, displaced %v, the more useful one %v; want %v, %v, false",
					got, other.open == nil, better.open == nil, tt.want, tt.want)
			}
		})
	}
}

// openTo gives h a channel to other that is so old and was so long idle.
func (h *host) openTo(other *host, age, idle time.Duration, useful float64) *peer {
	now := h.lab.now
	p := h.engine.peers.get(now, other.addr)
	p.id, p.proven, p.use.count, p.use.at = other.id, true, useful, now
	c := h.engine.newChannel(now.Add(-age), p)
	c.stage, c.used = stageOpen, now.Add(-idle)
	p.open, p.pending = c, nil
	return p
}

// A peer deserves a channel after 16 datagrams, of which half are forgotten each minute;
// a neighbour by one datagram, for two minutes.
func TestWhoDeservesAChannel(t *testing.T) {
	l := newLab(t, 26)
	a := l.host(1, 24)
	p := a.engine.peers.get(l.now, l.host(2, 24).addr)
	p.proven = true
	add := func(n int) {
		for range n {
			p.use.add(l.now)
		}
	}
	expect := func(when string, want bool) {
		t.Helper()
		if got := p.eligible(l.now); got != want {
			t.Errorf("%s: deserves a channel = %v, want %v", when, got, want)
		}
	}
	add(15)
	expect("15 datagrams", false)
	add(1)
	expect("16 datagrams", true)
	l.run(time.Minute)
	add(7)
	expect("half of 16, and 7", false)
	add(1)
	expect("half of 16, and 8", true)
	p.near, p.use = true, use{}
	expect("a neighbour without a datagram", false)
	add(1)
	l.run(2 * time.Minute)
	expect("a neighbour two minutes after a datagram", true)
	l.run(time.Second)
	expect("a neighbour longer after it", false)
	add(1)
	p.proven = false
	expect("a stranger", false)
}

// After failures, the next offer waits for 10 s, 20 s, and so on, for half an hour at most.
func TestBackoff(t *testing.T) {
	var p peer
	now := time.Unix(1, 0)
	want := 10 * time.Second
	for n := range 100 {
		p.failed(now)
		if got := p.notBefore.Sub(now); got != want {
			t.Fatalf("after failure %d: %v, want %v", n+1, got, want)
		}
		want = min(2*want, 30*time.Minute)
	}
}

// Offers are taken 32 at once, half of these from strangers, and then four each second.
// What is remembered of them does not grow.
func TestBudgetOfOffers(t *testing.T) {
	now := time.Unix(1, 0)
	for _, tt := range []struct {
		proven      bool
		burst, then int
	}{{true, 32, 40}, {false, 16, 40}} {
		var b budget
		serial := uint64(0)
		flood := func(seconds int) (taken int) {
			for range 100 * seconds {
				now = now.Add(10 * time.Millisecond)
				serial++
				var n nonce
				binary.BigEndian.PutUint64(n[:], serial)
				if b.take(now, n, tt.proven) {
					taken++
				}
			}
			return taken
		}
		for i := range 100 {
			var n nonce
			n[0] = byte(i)
			if got, want := b.take(now, n, tt.proven), i < tt.burst; got != want {
				t.Fatalf("offer %d at once, proven %v: taken = %v, want %v", i+1, tt.proven, got, want)
			}
		}
		if got := flood(10); got < tt.then-1 || got > tt.then+1 {
			t.Errorf("%d taken in the next ten seconds, want about %d", got, tt.then)
		}
		flood(300)
		if most := 32 + 4*30; len(b.seen) > most || len(b.old) > most {
			t.Errorf("%d and %d nonces are remembered, want %d at most", len(b.seen), len(b.old), most)
		}
	}
}

// However many peers a node meets, it remembers 1,024, among them each with a channel.
func TestPeersAreBounded(t *testing.T) {
	l, a, b := pair(t, 25)
	a.engine.peers.byAddr[b.addr].near = false
	l.run(4 * time.Minute) // so that its peer is of less use than others
	for i := range 5000 {
		a.engine.met(l.now, addrOf(i), ID{3, byte(i >> 8), byte(i)}, false)
	}
	if got := len(a.engine.peers.list); got != 1024 {
		t.Errorf("%d peers are remembered, want 1024", got)
	}
	if a.state(b) != Open {
		t.Errorf("the peer with a channel is %v, want open", a.state(b))
	}
}
