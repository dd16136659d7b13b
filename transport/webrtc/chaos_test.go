package webrtc

import (
	"testing"
	"time"
)

// TestSwitchesLoseNothing cuts the path a thousand times under load: by closing it,
// and by letting it go silent.
func TestSwitchesLoseNothing(t *testing.T) {
	l, a, b := pair(t, 3)
	const switches = 1000
	cuts := 0
	for range switches {
		a.forgive()
		b.forgive()
		l.load(a, b, 15*time.Millisecond, time.Second)
		l.load(b, a, 26*time.Millisecond, time.Second)
		l.run(time.Duration(500+l.rand.IntN(500)) * time.Millisecond)
		if a.state(b) != Open || b.state(a) != Open {
			t.Fatalf("cut %d: %v and %v, want open", cuts, a.state(b), b.state(a))
		}
		cuts++
		switch cuts % 3 {
		case 0:
			l.mute = true
			l.run(1500 * time.Millisecond)
			if a.state(b) == Open || b.state(a) == Open {
				t.Fatalf("cut %d: %v and %v 1.5 s after the path went silent", cuts, a.state(b), b.state(a))
			}
			l.mute = false
		case 1:
			a.ended(b)
		case 2:
			b.ended(a)
		}
	}
	l.run(10 * time.Second)
	if l.lost != 0 || l.done == 0 || cuts != switches {
		t.Errorf("%d requests lost of %d in %d switches, want 0", l.lost, l.done+l.lost, cuts)
	}
	t.Logf("%d requests, %d switches, resent %d and %d", l.done, cuts, a.engine.counts.resent, b.engine.counts.resent)
}

// ended breaks the channel to other.
func (h *host) ended(other *host) {
	c := h.engine.peers.byAddr[other.addr].open
	h.engine.ended(h.lab.now, c.id)
	h.settle()
}

// forgive lets offers come at once.
func (h *host) forgive() {
	h.engine.budget.offers.spent = 0
	for _, p := range h.engine.peers.list {
		p.fails, p.notBefore, p.offered = 0, time.Time{}, time.Time{}
		if !p.offerAt.IsZero() {
			p.offerAt = h.lab.now
			h.engine.wakeBy(p.offerAt)
		}
	}
	h.settle()
}

// TestChaos does everything at once, with many seeds; settle checks the invariants. In
// the end all is well again.
func TestChaos(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		l := newLab(t, seed)
		var hosts []*host
		for n := range byte(6) {
			hosts = append(hosts, l.host(1+n, 4))
		}
		for range 400 {
			a, b := hosts[l.rand.IntN(6)], hosts[l.rand.IntN(6)]
			switch p := a.engine.peers.byAddr[b.addr]; l.rand.IntN(12) {
			case 0:
				l.mute = !l.mute
			case 1:
				l.never = !l.never
			case 2:
				l.loss = 0.4 * l.rand.Float64()
			case 3:
				a.forgive()
			case 4:
				if p != nil && p.open != nil {
					p.open.records += renewAfter / 2
				}
			case 5:
				if p != nil && p.pending != nil {
					a.engine.ended(l.now, p.pending.id)
					a.settle()
				}
			case 6:
				if p != nil && p.open != nil {
					a.ended(b)
				}
			case 7:
				a.engine.met(l.now, b.addr, b.id, l.rand.IntN(2) == 0)
				a.settle()
			default:
				if a != b {
					l.load(a, b, 50*time.Millisecond, 500*time.Millisecond)
				}
			}
			l.run(time.Duration(l.rand.IntN(2000)) * time.Millisecond)
		}
		l.mute, l.never, l.loss = false, false, 0
		l.run(time.Hour)
		for _, h := range hosts {
			if len(h.engine.channels.byID) != 0 {
				t.Errorf("seed %d: %d channels after an hour of silence, want 0", seed, len(h.engine.channels.byID))
			}
		}
	}
}
