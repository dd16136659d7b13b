package webrtc

import (
	"math/rand/v2"
	"testing"
	"time"
)

// pair makes two hosts that have a channel.
func pair(t testing.TB, seed uint64) (l *lab, a, b *host) {
	t.Helper()
	l = newLab(t, seed)
	a, b = l.host(1, 24), l.host(2, 24)
	a.call(b)
	l.run(time.Second)
	if a.state(b) != Open || b.state(a) != Open {
		t.Fatalf("after a second: %v and %v, want both open", a.state(b), b.state(a))
	}
	return l, a, b
}

func TestNeighboursOpenAChannel(t *testing.T) {
	l, a, b := pair(t, 1)
	if got := a.engine.counts.offersSent + b.engine.counts.offersSent; got != 1 {
		t.Errorf("%d offers, want 1: the greater id waits", got)
	}
	l.run(idleClose + time.Minute)
	if a.state(b) != Idle || b.state(a) != Idle {
		t.Errorf("after nobody spoke: %v and %v, want both idle", a.state(b), b.state(a))
	}
	if got := a.engine.counts.fallbacks[FallbackIdle] + b.engine.counts.fallbacks[FallbackIdle]; got != 2 {
		t.Errorf("%d ends closed as idle, want 2: %v, %v", got, a.engine.counts, b.engine.counts)
	}
}

func TestGreaterIDOffersIfTheLesserDoesNot(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(1, 24), l.host(2, 24)
	a.tells = false
	b.call(a)
	l.run(time.Second)
	if b.state(a) != Open {
		t.Errorf("state %v, want open", b.state(a))
	}
}

func TestStrangersNeedToBeUsedOften(t *testing.T) {
	l := newLab(t, 1)
	a := l.host(1, 24)
	a.near = false
	var others []*host
	for n := range byte(40) { // as a storm of lookups would: a few requests each
		b := l.host(10+n, 24)
		b.tells = false
		others = append(others, b)
		l.load(a, b, 50*time.Millisecond, 200*time.Millisecond)
	}
	l.run(time.Minute)
	if got := a.engine.counts.offersSent; got != 0 {
		t.Errorf("%d offers after a storm of lookups, want 0", got)
	}
	l.load(a, others[3], time.Second, 30*time.Second)
	l.run(31 * time.Second)
	if got := a.state(others[3]); got != Open {
		t.Errorf("state %v of one that is used often, want open", got)
	}
}

func TestSilenceOnBothSidesOfTheTrailer(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(1, 24), l.host(2, 24)
	a.tells, b.tells = false, false // nobody has announced anything
	l.load(a, b, 100*time.Millisecond, time.Minute)
	l.run(2 * time.Minute)
	if got := a.engine.counts.offersSent + b.engine.counts.offersSent; got != 0 || l.lost != 0 {
		t.Errorf("%d offers and %d lost requests, want none", got, l.lost)
	}
}

func TestRelayOnlyNeitherOffersNorAnswers(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(1, 24), l.host(2, 24)
	b.engine.mode = RelayOnly
	l.load(a, b, 100*time.Millisecond, time.Minute)
	l.load(b, a, 100*time.Millisecond, time.Minute)
	l.run(2 * time.Minute)
	if got := b.engine.counts.offersSent; got != 0 {
		t.Errorf("%d offers, want 0", got)
	}
	if b.engine.counts.refused[RefusedMode] == 0 || a.engine.counts.failures[FailureNoAnswer] == 0 || l.lost != 0 {
		t.Errorf("refused %v, failed %v, lost %d; want some, some, 0",
			b.engine.counts.refused, a.engine.counts.failures, l.lost)
	}
}

func TestLossOfSignals(t *testing.T) {
	for seed := range uint64(50) {
		l := newLab(t, seed)
		a, b := l.host(1, 24), l.host(2, 24)
		a.engine.met(l.now, b.addr, b.id, true)
		b.engine.met(l.now, a.addr, a.id, true)
		l.loss = 0.3
		a.settle()
		b.settle()
		l.run(time.Minute)
		if a.state(b) != Open || b.state(a) != Open {
			t.Errorf("seed %d: %v and %v after a minute with 30 %% loss, want open", seed, a.state(b), b.state(a))
		}
	}
}

func TestGlare(t *testing.T) {
	for seed := range uint64(20) {
		l := newLab(t, seed)
		a, b := l.host(1, 24), l.host(2, 24)
		for _, h := range [...]*host{a, b} {
			other := b
			if h == b {
				other = a
			}
			h.engine.met(l.now, other.addr, other.id, true)
			l.after(time.Duration(l.rand.IntN(25))*time.Millisecond, func() {
				h.engine.peers.byAddr[other.addr].offerAt = l.now
				h.engine.wakeBy(l.now)
				h.engine.advance(l.now)
				h.settle()
			})
		}
		l.run(time.Second)
		if a.state(b) != Open || b.state(a) != Open {
			t.Errorf("seed %d: %v and %v after glare, want open", seed, a.state(b), b.state(a))
		}
		if got := len(a.links) + len(b.links); got != 2 {
			t.Errorf("seed %d: %d ends of connections, want 2", seed, got)
		}
	}
}

func TestAcceptsAndNeverOpens(t *testing.T) {
	l := newLab(t, 1)
	a, b := l.host(1, 24), l.host(2, 24)
	b.tells = false
	l.never = true
	l.load(a, b, 100*time.Millisecond, time.Hour)
	l.run(time.Hour + time.Minute)
	if l.lost != 0 || l.done != 36_000 {
		t.Errorf("%d requests done, %d lost; want 36000, 0", l.done, l.lost)
	}
	// 10 s, 20 s, ... half an hour after each other, and 15 s of trying each.
	if got := a.engine.counts.failures[FailureNotOpened]; got < 6 || got > 9 {
		t.Errorf("%d attempts in an hour, want 6 to 9", got)
	}
	l.run(time.Minute)
	if len(a.engine.channels.byID)+len(b.engine.channels.byID) > 0 {
		t.Errorf("%d and %d channels are left, want 0", len(a.engine.channels.byID), len(b.engine.channels.byID))
	}
}

// On a path so slow that probes are repeated, the round trip is still known.
func TestSlowRoundTrip(t *testing.T) {
	var g guard
	now := time.Unix(1, 0)
	first := g.probe(now)
	g.probe(now.Add(probeEvery))
	if !g.echoed(now.Add(300*time.Millisecond), first) || g.rtt != 300*time.Millisecond {
		t.Errorf("round trip %v, want 300ms", g.rtt)
	}
}

func TestRestartedPeer(t *testing.T) {
	l, a, b := pair(t, 5)
	l.run(offerEvery)
	clear(b.links)
	// b's tab is loaded again: it has forgotten everything, and its address is the same.
	l.mute = true
	fresh := l.host(2, 24)
	fresh.engine.rand = rand.New(rand.NewPCG(99, 99))
	l.run(time.Second)
	l.mute = false
	fresh.call(a)
	l.run(2 * time.Second)
	if got := a.state(fresh); got != Open {
		t.Errorf("state %v, want open", got)
	}
	a.call(fresh)
	l.run(6 * time.Second)
	if l.lost != 0 {
		t.Errorf("%d requests lost, want 0", l.lost)
	}
}

func TestCapKeepsTheMostUseful(t *testing.T) {
	l := newLab(t, 6)
	a := l.host(1, 4)
	a.near = false
	var others []*host
	for n := range byte(8) {
		b := l.host(10+n, 24)
		b.tells = false
		others = append(others, b)
	}
	for i, b := range others {
		l.load(a, b, 2*time.Second/time.Duration(1+i*i), 10*time.Minute)
	}
	l.run(10 * time.Minute)
	for i, b := range others[5:] {
		if got := a.state(b); got != Open {
			t.Errorf("state %v of number %d by use, want open", got, 3-i)
		}
	}
	if got := len(a.engine.channels.byID); got > 4 {
		t.Errorf("%d channels, want at most 4", got)
	}
	if l.lost != 0 {
		t.Errorf("%d requests lost, want 0", l.lost)
	}
}
