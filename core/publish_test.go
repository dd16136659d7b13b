package core

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// P14: a value ends 24 hours after it was published, however often its holders
// store it anew; it lives on as long as its original publisher publishes it, and
// is never missing meanwhile.
func TestPublishKeepsAlive(t *testing.T) {
	t.Parallel()
	const days = 5
	net := newTestNet(t, 130)
	nodes := net.grow(12, Config{K: 4, RefreshInterval: quiet})
	kept, left := Key("kept"), Key("left")
	net.set(nodes[0], left, Int(1))
	stop := net.publish(nodes[0], kept, Int(2))
	start := net.now
	var times []time.Time
	self := net.addrOf(nodes[0])
	net.tap = func(from, _ netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil && from == self && ID(r.Target) == kept && r.Trailer.Life && r.Trailer.Age == 0 && net.now.Sub(start) > time.Hour {
			if n := len(times); n == 0 || net.now.Sub(times[n-1]) > time.Minute {
				times = append(times, net.now)
			}
		}
	}
	for end := start.Add(days * 24 * time.Hour); net.now.Before(end); net.run(17 * time.Minute) {
		if f, _, err := net.get(nodes[7], kept); err != nil || f.Value != Int(2) {
			t.Fatalf("after %v: Get = %v, %v, want what is kept published", net.now.Sub(start), f.Value.Text(), err)
		}
		_, _, err := net.get(nodes[7], left)
		if age := net.now.Sub(start); (err == nil) != (age < 24*time.Hour-time.Second) {
			t.Fatalf("after %v: Get of what was set once: %v", age, err)
		}
	}
	if len(times) < days {
		t.Errorf("published %d times in %d days", len(times), days)
	}
	for i, last := 0, start; i < len(times); i, last = i+1, times[i] {
		if pause := times[i].Sub(last); pause < 18*time.Hour || pause > 21*time.Hour+time.Minute {
			t.Errorf("published again after %v, want 18 to 21 hours", pause)
		}
	}
	stop()
	stop()
	net.run(24*time.Hour + time.Minute)
	if got := len(net.holders(kept)); got != 0 {
		t.Errorf("%d nodes hold the value a day after its publisher has stopped", got)
	}
}

// publish publishes v and waits for the answer, which has to be good.
func (n *testNet) publish(e *Engine, key ID, v Value) (stop func()) {
	n.t.Helper()
	over := false
	stop, err := e.Publish(n.now, key, v, SetOptions{}, func(_ SetResult, err error) {
		if over = true; err != nil {
			n.t.Errorf("Publish: %v", err)
		}
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.runUntil(func() bool { return over })
	return stop
}

// What the user says last about a key holds: what is set or published later ends
// what was published before, and stopping that changes nothing more.
func TestPublishEnds(t *testing.T) {
	for name, say := range map[string]func(net *testNet, e *Engine, key ID, stop func()){
		"Set":     func(net *testNet, e *Engine, key ID, _ func()) { net.set(e, key, Int(2)) },
		"Publish": func(net *testNet, e *Engine, key ID, _ func()) { net.publish(e, key, Int(2)) },
		"Publish, stop": func(net *testNet, e *Engine, key ID, stop func()) {
			net.publish(e, key, Int(2))
			stop()
		},
		"Publish, stop, Set": func(net *testNet, e *Engine, key ID, stop func()) {
			net.publish(e, key, Int(1))
			stop()
			net.set(e, key, Int(2))
		},
	} {
		net := newTestNet(t, 131)
		nodes := net.grow(3, Config{RefreshInterval: quiet})
		e, key := nodes[1], Key("key")
		stop := net.publish(e, key, Int(1))
		net.run(time.Hour)
		say(net, e, key, stop)
		net.run(23 * time.Hour)
		if f, _, err := net.get(nodes[2], key); err != nil || f.Value != Int(2) {
			t.Errorf("%s: Get = %v, %v, want what was said last", name, f.Value.Text(), err)
		}
		net.run(24 * time.Hour)
		if _, _, err := net.get(nodes[2], key); (err != nil) != strings.HasSuffix(name, "Set") {
			t.Errorf("%s: two days later: %v", name, err)
		}
	}
}

// Nothing is kept published that could not be stored at first.
func TestPublishInVain(t *testing.T) {
	net := newTestNet(t, 132)
	nodes := net.grow(2, Config{RefreshInterval: quiet})
	client := net.add(Config{Client: true})
	var got error
	if _, err := client.Publish(net.now, Key("key"), Int(1), SetOptions{}, func(_ SetResult, err error) { got = err }); err != nil {
		t.Fatal(err)
	}
	net.run(time.Minute)
	if !errors.Is(got, ErrNotStored) || len(client.publish.byKey) != 0 {
		t.Errorf("alone: %v, %d values published, want %v and none", got, len(client.publish.byKey), ErrNotStored)
	}
	if stop, err := client.Publish(net.now, Key("key"), Value{}, SetOptions{}, nil); !errors.Is(err, ErrValueType) || stop != nil || len(client.publish.byKey) != 0 {
		t.Errorf("of no value: %v, %d values published, want %v and none", err, len(client.publish.byKey), ErrValueType)
	}
	net.join(client, net.addrOf(nodes[0]))
	stop, err := client.Publish(net.now, Key("key"), Int(1), SetOptions{}, func(SetResult, error) { t.Error("called back after it was stopped") })
	if err != nil {
		t.Fatal(err)
	}
	stop()
	net.run(48 * time.Hour)
	if client.republish.active != 0 || len(client.publish.byKey) != 0 {
		t.Errorf("stopped at once: %d values published, want none", len(client.publish.byKey))
	}
}

// A publisher that finds nobody when it is time tries again, every five minutes,
// until somebody takes the value.
func TestPublishTriesAgain(t *testing.T) {
	net := newTestNet(t, 133)
	nodes := net.grow(3, Config{RefreshInterval: quiet})
	client := net.add(Config{Client: true})
	net.join(client, net.addrOf(nodes[0]))
	key := Key("key")
	net.publish(client, key, Int(1))
	net.cut(net.addrOf(client))
	net.run(26 * time.Hour)
	if got := len(net.holders(key)); got != 0 {
		t.Errorf("%d nodes hold a value that could not be published anew", got)
	}
	net.lose = nil
	net.run(publishRetry + time.Minute)
	if got := len(net.holders(key)); got != 3 {
		t.Errorf("%d nodes hold the value after its publisher is back, want 3", got)
	}
}

// What is due all at once, because the machine slept for a day, is published a few
// at a time, and not if it is stopped before its turn.
func TestPublishInTurns(t *testing.T) {
	net := newTestNet(t, 134)
	nodes := net.grow(6, Config{K: 4, RefreshInterval: quiet, RepublishInterval: quiet})
	const keys = 100
	var stops []func()
	for i := range keys {
		stops = append(stops, net.publish(nodes[0], Key(fmt.Sprint(i)), Int(1)))
	}
	net.run(time.Minute)
	net.now = net.now.Add(30 * time.Hour)
	nodes[0].Advance(net.now)
	for _, stop := range stops[:keys/2] {
		stop()
	}
	most := 0
	for end := net.now.Add(5 * time.Minute); net.step(end); {
		most = max(most, nodes[0].republish.active)
	}
	if most != maxRepublishing {
		t.Errorf("%d values were published at a time, want %d", most, maxRepublishing)
	}
	held := 0
	for i := range keys {
		got := len(net.holders(Key(fmt.Sprint(i))))
		if i >= keys/2 && got != 4 {
			t.Errorf("key %d: %d nodes hold it, want 4", i, got)
		}
		if i < keys/2 && got > 0 {
			held++
		}
	}
	if held > maxRepublishing {
		t.Errorf("%d values were published after they should not be any more, want %d at most, which were under way", held, maxRepublishing)
	}
	if !net.drained() {
		t.Error("something is still under way")
	}
}

func TestNodePublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 3, Config{})
		stop, stored, err := nodes[1].Publish(t.Context(), "greeting", String("hello"))
		if err != nil || stored != 3 {
			t.Fatalf("Publish = %d, %v, want 3 nodes", stored, err)
		}
		time.Sleep(60 * time.Hour)
		if v, err := nodes[2].Get(t.Context(), "greeting"); err != nil || v != String("hello") {
			t.Errorf("after 60 hours: Get = %q, %v", v.Text(), err)
		}
		stop()
		stop()
		time.Sleep(24*time.Hour + time.Minute)
		if _, err := nodes[2].Get(t.Context(), "greeting"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a day after it was stopped: Get error = %v, want %v", err, ErrNotFound)
		}
		stop, _, err = nodes[1].Publish(t.Context(), "list", Value{})
		if want := `publish "list": `; !errors.Is(err, ErrValueType) || stop != nil || err.Error()[:len(want)] != want {
			t.Errorf("Publish of no value: error = %v, want %s...", err, want)
		}
	})
}

// Publications that were stopped leave nothing behind.
func TestStoppedPublicationsLeaveNothing(t *testing.T) {
	net := newTestNet(t, 135)
	e := net.add(Config{RefreshInterval: quiet})
	for range 2000 {
		net.publish(e, Key("key"), Int(1))()
	}
	if got := len(e.timers.heap); got > 2*minSweep || len(e.publish.byKey) != 0 {
		t.Errorf("%d timers and %d publications are left", got, len(e.publish.byKey))
	}
}
