package core

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// laptop is a Node on a machine that sleeps. It lives in a bubble.
type laptop struct {
	*Node
	conn *memoryConn
	// lag is how far its monotonic clock is behind, counted is the part of it that the
	// system tells of, and step is how far its wall clock was set.
	lag, counted, step atomic.Int64

	requests []trace.Request
	lookups  []trace.Lookup
}

// laptop starts a laptop at the address of the nth node.
func (s *switchboard) laptop(t *testing.T, n int, cfg Config) *laptop {
	l := &laptop{conn: s.listen(addr(n))}
	cfg.Trace.Request = func(r trace.Request) { l.requests = append(l.requests, r) }
	cfg.Trace.Lookup = func(x trace.Lookup) { l.lookups = append(l.lookups, x) }
	l.Node = newNode(l.conn, cfg, newNodeClock(func() reading {
		now := time.Now()
		return reading{
			mono: now.Add(-time.Duration(l.lag.Load())),
			wall: now.Round(0).Add(time.Duration(l.step.Load())),
		}
	}, func() time.Duration { return time.Duration(l.counted.Load()) }))
	t.Cleanup(func() { l.Close() })
	return l
}

// kind is how the clocks of a machine take a sleep.
type kind int

const (
	counted   kind = iota // the system tells how long it was suspended
	uncounted             // it does not, but the wall clock goes on
	stopped               // the process was stopped: the clocks go on
)

var kinds = map[string]kind{"counted": counted, "uncounted": uncounted, "stopped": stopped}

// fallAsleep makes the node silent. What is sent to it is lost.
func (l *laptop) fallAsleep() {
	l.conn.board.mu.Lock()
	delete(l.conn.board.conns, l.conn.addr)
	l.conn.board.mu.Unlock()
	l.mu.Lock()
	l.timer.Stop()
	l.requests, l.lookups = nil, nil
	l.mu.Unlock()
}

// wakeUp ends a sleep of the given length. The timer has rest to go.
func (l *laptop) wakeUp(slept, rest time.Duration, k kind) {
	if k != stopped {
		l.lag.Add(int64(slept))
	}
	if k == counted {
		l.counted.Add(int64(slept))
	}
	l.conn.board.mu.Lock()
	l.conn.board.conns[l.conn.addr] = l.conn
	l.conn.board.mu.Unlock()
	l.mu.Lock()
	l.timer.Reset(rest)
	l.mu.Unlock()
}

func wantValue(t *testing.T, n *Node, name string, want Value) {
	t.Helper()
	if v, err := n.Get(t.Context(), name); err != nil || v != want {
		t.Errorf("node at %v: Get = %v, %v, want %v", n.Addr(), v, err, want)
	}
}

// A value that is replaced while one of its holders sleeps does not come back.
func TestSleeperDoesNotBringBackOldValue(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var board switchboard
				nodes := board.nodes(t, 5, Config{})
				l := board.laptop(t, 9, Config{})
				l.Bootstrap(t.Context(), addr(1))
				nodes[1].Set(t.Context(), "k", Int(1))
				time.Sleep(5 * time.Minute)

				l.fallAsleep()
				time.Sleep(6 * time.Hour)
				nodes[2].Set(t.Context(), "k", Int(2))
				time.Sleep(2 * time.Hour)
				l.wakeUp(8*time.Hour, maxAsleep, k)

				// A user at the laptop is faster than its timer.
				wantValue(t, l.Node, "k", Int(2))
				for range 12 {
					time.Sleep(15 * time.Minute)
					for _, n := range append(nodes, l.Node) {
						wantValue(t, n, "k", Int(2))
					}
				}
				l.mu.Lock()
				defer l.mu.Unlock()
				method := func(name string) func(trace.Request) bool {
					return func(r trace.Request) bool { return r.Method == name && r.Stage == trace.Replied }
				}
				asked := slices.IndexFunc(l.requests, method("find_value"))
				stored := slices.IndexFunc(l.requests, method("store"))
				if asked < 0 || stored >= 0 && stored < asked {
					t.Errorf("the first request for the value is number %d, the first STORE %d: want the request first", asked, stored)
				}
			})
		})
	}
}

// A node that wakes finds its neighbours at once, even without datagrams that come
// in, and its records are as old as they are.
func TestSleepCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 5, Config{TTL: 4 * time.Hour})
		l := board.laptop(t, 9, Config{TTL: 4 * time.Hour})
		l.Bootstrap(t.Context(), addr(1))
		nodes[1].Set(t.Context(), "k", Int(1))
		time.Sleep(time.Minute)
		if got := l.Stats().Records; got != 1 {
			t.Fatalf("the laptop holds %d records before its sleep, want 1", got)
		}
		l.fallAsleep()
		time.Sleep(8 * time.Hour)
		l.wakeUp(8*time.Hour, maxAsleep, counted)
		time.Sleep(maxAsleep + 5*time.Second)
		if got := l.Stats().Records; got != 0 {
			t.Errorf("the laptop holds %d records that have expired during its sleep, want 0", got)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		own := func(x trace.Lookup) bool { return x.Done && ID(x.Target) == l.ID() }
		if !slices.ContainsFunc(l.lookups, own) {
			t.Errorf("%d lookups after the sleep, none of them for the neighbours", len(l.lookups))
		}
	})
}

// Buckets that no lookup has touched for a time are refreshed, asleep or not.
func TestRefreshAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		board.nodes(t, 12, Config{K: 2})
		l := board.laptop(t, 20, Config{K: 2})
		l.Bootstrap(t.Context(), addr(1))
		time.Sleep(5 * time.Minute)
		l.fallAsleep()
		time.Sleep(56 * time.Minute)
		l.wakeUp(56*time.Minute, maxAsleep, counted)
		time.Sleep(time.Minute)
		l.mu.Lock()
		defer l.mu.Unlock()
		refreshed := func(x trace.Lookup) bool { return x.Purpose == trace.ForRefresh && ID(x.Target) != l.ID() }
		if !slices.ContainsFunc(l.lookups, refreshed) {
			t.Errorf("%d lookups after a sleep beyond the interval, none of them for a bucket", len(l.lookups))
		}
	})
}

// Somebody sets the wall clock by a day: nothing expires before its time, and nothing
// lives longer.
func TestStepsOfWallClock(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var board switchboard
			nodes := board.nodes(t, 5, Config{})
			l := board.laptop(t, 9, Config{})
			l.Bootstrap(t.Context(), addr(1))
			nodes[1].Set(t.Context(), "k", Int(1))
			time.Sleep(time.Hour)
			l.step.Store(int64(step))
			time.Sleep(22*time.Hour + 50*time.Minute)
			if got := l.Stats().Records; got != 1 {
				t.Errorf("step by %v: %d records after 23 h 50 min, want 1", step, got)
			}
			wantValue(t, l.Node, "k", Int(1))
			time.Sleep(20 * time.Minute)
			if got := l.Stats().Records; got != 0 {
				t.Errorf("step by %v: %d records after 24 h 10 min, want 0", step, got)
			}
		})
	}
}

// All nodes of a network sleep at the same time, as on one machine. Nothing is lost.
func TestAllSleep(t *testing.T) {
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var board switchboard
				var all []*laptop
				for i := range 6 {
					l := board.laptop(t, i+1, Config{})
					if all = append(all, l); i > 0 {
						l.Bootstrap(t.Context(), addr(1))
					}
				}
				names := []string{"a", "b", "c", "d", "e"}
				for _, name := range names {
					all[2].Set(t.Context(), name, String(name))
				}
				time.Sleep(time.Minute)
				for _, l := range all {
					l.fallAsleep()
				}
				time.Sleep(8 * time.Hour)
				for i, l := range all {
					l.wakeUp(8*time.Hour, time.Duration(i)*5*time.Second, k)
				}
				time.Sleep(time.Minute)
				for _, l := range all {
					for _, name := range names {
						wantValue(t, l.Node, name, String(name))
					}
					if got := l.Stats().Records; got != len(names) {
						t.Errorf("node at %v holds %d records after the sleep, want %d", l.Addr(), got, len(names))
					}
				}
			})
		})
	}
}

// A machine wakes some minutes before its network does. Then all is as it was.
func TestNetworkWakesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 5, Config{})
		l := board.laptop(t, 9, Config{})
		l.Bootstrap(t.Context(), addr(1))
		nodes[1].Set(t.Context(), "k", Int(1))
		time.Sleep(time.Minute)
		l.fallAsleep()
		time.Sleep(10 * time.Minute)
		board.mu.Lock()
		others := board.conns
		board.conns = map[netip.AddrPort]*memoryConn{}
		board.mu.Unlock()
		l.wakeUp(10*time.Minute, 0, counted)
		time.Sleep(5 * time.Minute)
		others[l.conn.addr] = l.conn
		board.mu.Lock()
		board.conns = others
		board.mu.Unlock()
		if got := len(l.Contacts()); got != 5 {
			t.Errorf("%d contacts are left after minutes without a network, want 5", got)
		}
		time.Sleep(6 * time.Minute)
		l.mu.Lock()
		doubt := l.engine.doubt.about(Key("k"))
		l.mu.Unlock()
		if doubt || l.Stats().Records != 1 {
			t.Errorf("%d records, in doubt %v, minutes after the network is back, want 1 without doubt", l.Stats().Records, doubt)
		}
	})
}

// A node that is alone keeps its records.
func TestAloneAsleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		l := board.laptop(t, 1, Config{})
		l.Set(t.Context(), "k", Int(1))
		l.fallAsleep()
		time.Sleep(8 * time.Hour)
		l.wakeUp(8*time.Hour, maxAsleep, uncounted)
		wantValue(t, l.Node, "k", Int(1))
		time.Sleep(2 * maxAsleep)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.engine.doubt.about(Key("k")) {
			t.Error("the record is in doubt for ever, though there is no other node")
		}
	})
}

// A client that sleeps asks nobody when it wakes.
func TestClientAsleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		board.nodes(t, 2, Config{})
		l := board.laptop(t, 9, Config{Client: true, RefreshInterval: quiet})
		l.Bootstrap(t.Context(), addr(1))
		sent := l.Stats().Sent
		l.fallAsleep()
		time.Sleep(8 * time.Hour)
		l.wakeUp(8*time.Hour, maxAsleep, counted)
		time.Sleep(time.Hour)
		if got := l.Stats().Sent - sent; got != 0 {
			t.Errorf("a client sent %d datagrams after a sleep, want 0", got)
		}
	})
}
