package webrtc

import (
	"slices"
	"testing"
	"time"
)

func TestRenewsWornSessions(t *testing.T) {
	l, a, b := pair(t, 4)
	first := a.engine.peers.byAddr[b.addr].open
	l.load(a, b, 10*time.Millisecond, 20*time.Second)
	l.run(time.Second)
	first.records = renewAfter
	l.run(19 * time.Second)
	now := a.engine.peers.byAddr[b.addr].open
	if now == nil || now == first || now.records >= renewAfter {
		t.Fatalf("the session was not renewed: %v", a.engine.counts)
	}
	if a.engine.counts.renewals != 1 || b.engine.counts.renewals != 1 {
		t.Errorf("%d and %d renewals, want 1 and 1", a.engine.counts.renewals, b.engine.counts.renewals)
	}
	if fell := a.engine.counts.fallbacks; fell != [fallbacks]uint64{} {
		t.Errorf("fell back: %v, want never", fell)
	}
	l.run(10 * time.Second)
	if l.lost != 0 {
		t.Errorf("%d requests lost, want 0", l.lost)
	}
}

func TestEndsSessionsThatCannotBeRenewed(t *testing.T) {
	l, a, b := pair(t, 4)
	b.engine.mode = RelayOnly // it answers no more
	a.engine.peers.byAddr[b.addr].open.records = endAfter
	l.load(a, b, 10*time.Millisecond, time.Second)
	l.run(10 * time.Second)
	if a.engine.counts.fallbacks[FallbackWorn] != 1 || l.lost != 0 {
		t.Errorf("fell back %v, lost %d; want once as worn, 0", a.engine.counts.fallbacks, l.lost)
	}
}

// A peer that only probes has the session renewed and ended as well.
func TestEndsProbedSessions(t *testing.T) {
	l, a, b := pair(t, 4)
	b.engine.mode = RelayOnly
	p := a.engine.peers.byAddr[b.addr]
	c := p.open
	for range 2 * endAfter {
		a.engine.received(l.now, c.id, []byte{probe, 0, 0, 0, 0})
		a.engine.actions = a.engine.actions[:0]
		if c.records >= renewAfter+2 && c.records < endAfter && p.pending == nil && p.offerAt.IsZero() {
			t.Fatal("nobody thinks of renewing")
		}
	}
	if c.records > endAfter+2 || p.open != nil || a.engine.counts.fallbacks[FallbackWorn] != 1 {
		t.Errorf("%d records, fell back %v; want %d and once as worn", c.records, a.engine.counts.fallbacks, endAfter)
	}
}

// What a user is told: each peer once when it is reached directly, not when the session
// is renewed, and once with the reason when it is not any more.
func TestChangesAreTold(t *testing.T) {
	l := newLab(t, 14)
	a, b := l.host(1, 24), l.host(2, 24)
	var told []string
	a.engine.changed = func(p Path, why string) {
		if p.Addr != b.addr || (why == "") != (p.State == Open && p.RTT > 0) {
			t.Errorf("told of %+v, %q", p, why)
		}
		told = append(told, why)
	}
	a.call(b)
	l.run(time.Second)
	a.engine.peers.byAddr[b.addr].open.records = renewAfter
	l.load(a, b, 10*time.Millisecond, 10*time.Second)
	l.run(11 * time.Second)
	if a.engine.counts.renewals != 1 || !slices.Equal(told, []string{""}) {
		t.Errorf("told %q after %d renewals, want once that there is a path", told, a.engine.counts.renewals)
	}
	l.run(idleClose + time.Minute)
	if !slices.Equal(told, []string{"", FallbackIdle.String()}) {
		t.Errorf("told %q, want that it was given up as idle", told)
	}
}

// A session is renewed after 250,000 records of DTLS and ended after 750,000. A datagram
// is a record for each kilobyte begun, and a received one makes a record of its own.
func TestRecordsOfASession(t *testing.T) {
	tests := []struct {
		name    string
		size    int
		records int // of each datagram
		receive bool
	}{
		{"short ones are sent", 60, 1, false},
		{"long ones are sent", 3000, 3, false},
		{"some are received", 60, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, a, b := pair(t, 39)
			l.run(offerEvery)
			p, data, n := a.engine.peers.byAddr[b.addr], make([]byte, tt.size), 0
			c := p.open
			pass := func(records int) {
				for ; n < records/tt.records; n++ {
					if tt.receive {
						a.engine.received(l.now, c.id, data)
					} else {
						a.engine.send(l.now, b.addr, data)
					}
				}
			}
			for _, step := range []struct {
				records         int
				renewing, ended bool
			}{{249_000, false, false}, {251_000, true, false}, {749_000, true, false}, {751_000, true, true}} {
				pass(step.records)
				renewing := !p.offerAt.IsZero()
				if renewing != step.renewing || (a.engine.channels.byID[c.id] == nil) != step.ended {
					t.Fatalf("after %d records: to be renewed %v, ended %v; want %v, %v",
						step.records, renewing, a.engine.channels.byID[c.id] == nil, step.renewing, step.ended)
				}
			}
		})
	}
}

// The last datagrams on a worn channel may not have arrived: at the renewal they are
// sent again.
func TestRenewalSendsWhatIsHeld(t *testing.T) {
	l, a, b := pair(t, 40)
	l.run(offerEvery)
	a.engine.peers.byAddr[b.addr].open.records = renewAfter
	a.engine.send(l.now, b.addr, make([]byte, 60)) // and it is lost
	a.settle()
	l.run(time.Second)
	if a.engine.counts.renewals != 1 || a.engine.counts.resent != 1 {
		t.Errorf("%d renewals, %d datagrams sent again; want 1, 1", a.engine.counts.renewals, a.engine.counts.resent)
	}
}

// After a renewal, the old channel still receives the datagrams on their way, for two seconds.
func TestOldChannelLingers(t *testing.T) {
	l, a, b := pair(t, 37)
	l.run(offerEvery)
	old := a.engine.peers.byAddr[b.addr].open
	old.records = renewAfter
	a.call(b)
	l.run(time.Second)
	if a.engine.counts.renewals != 1 || a.engine.peers.byAddr[b.addr].open == old {
		t.Fatalf("the channel was not renewed: %v", a.engine.counts)
	}
	if from, ok := a.engine.received(l.now, old.id, make([]byte, 60)); !ok || from != b.addr {
		t.Errorf("a datagram over the old channel came from %v, %v; want %v", from, ok, b.addr)
	}
	l.run(2 * time.Second)
	if a.engine.channels.byID[old.id] != nil || len(a.links) != 1 || len(b.links) != 1 {
		t.Errorf("%d and %d channels two seconds later, want 1 and 1", len(a.links), len(b.links))
	}
}
