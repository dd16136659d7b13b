package core

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Who asks is told once, of the answer or that there is none by when a lookup would go
// on; what is late is asked again, if that is wanted, and only once.
func TestAskTellsOnce(t *testing.T) {
	tests := []struct {
		name     string
		delay    time.Duration // of each datagram; zero if none arrives
		again    bool
		sent     int
		answered bool
		after    time.Duration
	}{
		{"in time", 10 * time.Millisecond, true, 1, true, 20 * time.Millisecond},
		{"late", 200 * time.Millisecond, true, 2, true, 400 * time.Millisecond},
		{"late, and not asked again", 200 * time.Millisecond, false, 1, true, 400 * time.Millisecond},
		{"too late", 400 * time.Millisecond, true, 2, false, 600 * time.Millisecond},
		{"never", 0, true, 2, false, 600 * time.Millisecond},
		{"never, and not asked again", 0, false, 1, false, 600 * time.Millisecond},
	}
	for _, tt := range tests {
		net := newTestNet(t, 1)
		e, peer := net.add(Config{RefreshInterval: quiet}), net.add(Config{RefreshInterval: quiet})
		net.delay = func(_, _ netip.AddrPort) time.Duration { return tt.delay }
		net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return tt.delay == 0 }
		sent := 0
		net.tap = func(from, _ netip.AddrPort, d []byte) {
			if from == net.addrOf(e) && d[0] == byte(wire.KindRequest) {
				sent++
			}
		}
		told := 0
		e.calls.ask(0, query{to: net.contactOf(peer), req: wire.Request{Method: wire.Ping}, repeat: tt.again}, func(now time.Duration, a *wire.Answer) {
			told++
			if (a != nil) != tt.answered || now != tt.after {
				t.Errorf("%s: answered %v after %v, want %v after %v", tt.name, a != nil, now, tt.answered, tt.after)
			}
		})
		net.flush()
		net.run(time.Minute)
		if told != 1 || sent != tt.sent {
			t.Errorf("%s: told %d times, %d requests, want once, %d", tt.name, told, sent, tt.sent)
		}
		if len(e.calls.waiting) != 0 {
			t.Errorf("%s: %d calls wait", tt.name, len(e.calls.waiting))
		}
	}
}

// What many calls at a time needed is given back when the last of them is over.
func TestCallsAreSmallAtRest(t *testing.T) {
	net := newTestNet(t, 2)
	e, peer := net.add(Config{RefreshInterval: quiet}), net.add(Config{RefreshInterval: quiet})
	for _, calls := range []int{smallMap, smallMap + 1} {
		for range calls {
			e.calls.ask(0, query{to: net.contactOf(peer), req: wire.Request{Method: wire.Ping}, repeat: true}, func(time.Duration, *wire.Answer) {})
		}
		net.flush()
		net.run(time.Second)
		if kept := e.calls.waiting != nil; len(e.calls.waiting) > 0 || kept != (calls <= smallMap) {
			t.Errorf("after %d calls, %d wait; kept %v", calls, len(e.calls.waiting), kept)
		}
	}
}
