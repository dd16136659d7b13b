package core

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A node asks only addresses of the IP versions that its Conn can reach, unless
// Config.Family says otherwise. A Conn on the unspecified IPv6 address reaches both.
func TestNodeKnowsItsFamily(t *testing.T) {
	tests := []struct {
		listen string
		family Family
		v4, v6 error // of pings: no node is there
	}{
		{"193.0.0.1:4000", 0, ErrNoAnswer, ErrUnreachable},
		{"0.0.0.0:4000", 0, ErrNoAnswer, ErrUnreachable},
		{"[2a00::1]:4000", 0, ErrUnreachable, ErrNoAnswer},
		{"[::]:4000", 0, ErrNoAnswer, ErrNoAnswer},
		{"[::]:4000", FamilyIPv4, ErrNoAnswer, ErrUnreachable},
		{"[::]:4000", FamilyIPv6, ErrUnreachable, ErrNoAnswer},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			var board switchboard
			n := NewNode(board.listen(netip.MustParseAddrPort(tt.listen)), Config{Family: tt.family})
			defer n.Close()
			_, _, v4 := n.Ping(t.Context(), netip.MustParseAddrPort("193.0.0.9:4000"))
			_, _, v6 := n.Ping(t.Context(), netip.MustParseAddrPort("[2a00::9]:4000"))
			if !errors.Is(v4, tt.v4) || !errors.Is(v6, tt.v6) {
				t.Errorf("on %s, family %d: pings end with %v and %v, want %v and %v", tt.listen, tt.family, v4, v6, tt.v4, tt.v6)
			}
		})
	}
}

// Stats.Unsent counts the datagrams that the Conn did not take, and no others.
func TestUnsentDatagramsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		n := board.nodes(t, 2, Config{RefreshInterval: quiet})[1]
		time.Sleep(time.Minute)
		if s := n.Stats(); s.Unsent != 0 || s.Sent == 0 {
			t.Errorf("%d of %d datagrams are unsent between living nodes, want 0", s.Unsent, s.Sent)
		}
		before := n.Stats().Sent
		n.Ping(t.Context(), addr(99)) // the switchboard has no such Conn
		if s := n.Stats(); s.Unsent == 0 || s.Unsent != s.Sent-before {
			t.Errorf("%d datagrams are unsent of %d to an address without a Conn, want all", s.Unsent, s.Sent-before)
		}
	})
}

// Incoming datagrams drive what is due, even if the node's timer never fires: browsers
// hold back the timers of hidden tabs.
func TestDatagramsDriveTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		n := board.nodes(t, 1, Config{})[0]
		stranger := board.listen(addr(2)) // it answers nothing
		result := make(chan error, 1)
		go func() {
			_, _, err := n.Ping(t.Context(), addr(2))
			result <- err
		}()
		synctest.Wait()
		n.mu.Lock()
		n.timer.Stop()
		n.mu.Unlock()
		for range 20 {
			time.Sleep(time.Second)
			stranger.WriteBatch([][]byte{{0}}, []netip.AddrPort{addr(1)})
			synctest.Wait()
			n.mu.Lock()
			n.timer.Stop()
			n.mu.Unlock()
		}
		select {
		case err := <-result:
			if !errors.Is(err, ErrNoAnswer) {
				t.Errorf("Ping error = %v, want %v", err, ErrNoAnswer)
			}
		default:
			t.Error("a request is not over 20 seconds after it was sent, though datagrams came")
		}
	})
}
