package core

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

func TestValueSetOnOneNodeIsFoundFromAllOthers(t *testing.T) {
	for _, size := range []int{1, 2, 3, 20, 21, 60} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			net := newTestNet(t, byte(size))
			nodes := net.grow(size, Config{})
			key, want := Key("answer"), Int(42)

			stored, _, err := net.set(nodes[size-1], key, want)
			if err != nil || stored != min(size, 20) {
				t.Fatalf("Set = %d, %v, want %d nodes", stored, err, min(size, 20))
			}

			for i, e := range nodes {
				if f, _, err := net.get(e, key); err != nil || f.Value != want {
					t.Errorf("node %d: Get = %v, %v, want %v", i, f.Value.Text(), err, want.Text())
				}
			}
		})
	}
}

func TestGetOfNothing(t *testing.T) {
	net := newTestNet(t, 1)
	nodes := net.grow(30, Config{})
	_, took, err := net.get(nodes[3], Key("nothing"))
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("Get error = %v, want %v", err, ErrNotFound)
	}
	if took > time.Second {
		t.Errorf("Get took %v in a healthy network", took)
	}
}

func TestDeadNodesHoldNobodyUp(t *testing.T) {
	net := newTestNet(t, 2)
	nodes := net.grow(100, Config{})
	var keys []ID
	for i := range 50 {
		key := Key(fmt.Sprint("key ", i))
		keys = append(keys, key)
		if _, _, err := net.set(nodes[i], key, Int(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range nodes[70:] {
		net.stop(e)
	}
	for i, key := range keys {
		f, took, err := net.get(nodes[(i*7)%70], key)
		if err != nil || f.Value != Int(int64(i)) {
			t.Errorf("Get of key %d = %v, %v", i, f.Value.Text(), err)
		}
		if took > 2*time.Second {
			t.Errorf("Get of key %d took %v", i, took)
		}
	}
	stored, took, err := net.set(nodes[0], Key("new"), Bool(true))
	if err != nil || stored != 20 {
		t.Errorf("Set = %d, %v, want 20 nodes", stored, err)
	}
	if took > 3*time.Second {
		t.Errorf("Set took %v", took)
	}
}

// B12: what is empty or zero is a value like any other, and keeps its type.
func TestEveryKindOfValueIsFound(t *testing.T) {
	values := []Value{
		Int(0), Int(1), Int(-1), Int(math.MinInt64), Uint(math.MaxUint64),
		Float(0), Float(1), Float(math.Inf(-1)), Bool(false), Bool(true),
		String(""), String("0"), String("\x00ä€😀"), Bytes(nil), Bytes([]byte{0}), Bytes([]byte{0xff}),
		String(strings.Repeat("x", 8137)), Bytes(make([]byte, 8137)),
	}
	net := newTestNet(t, 3)
	nodes := net.grow(25, Config{})
	for i, want := range values {
		key := Key(fmt.Sprint("value ", i))
		if stored, _, err := net.set(nodes[i%25], key, want); err != nil || stored != 20 {
			t.Errorf("Set of %v %.10q = %d, %v, want 20 nodes", want.Kind(), want.Text(), stored, err)
		}
		for _, e := range []*Engine{nodes[(i+7)%25], net.add(Config{Client: true})} {
			net.join(e, addr(1))
			if f, _, err := net.get(e, key); err != nil || f.Value != want {
				t.Errorf("Get = %v %.10q, %v, want %v %.10q", f.Value.Kind(), f.Value.Text(), err, want.Kind(), want.Text())
			}
		}
	}
}

// Nil, which other nodes can store, is a value like any other, though Set takes
// none: the reference reads it as missing (B12).
func TestNilIsFoundAsNil(t *testing.T) {
	net := newTestNet(t, 4)
	nodes := net.grow(25, Config{})
	key, null := Key("nil"), []byte{0xc0}
	for i, e := range nodes {
		from := Contact{ID{19: byte(i)}, addr(1000)}
		net.ask(from, e, wire.Request{Method: wire.Store, Target: wire.ID(key), Value: null})
	}
	for i, e := range nodes {
		if f, _, err := net.get(e, key); err != nil || f.Value.Kind() != KindNil {
			t.Errorf("node %d: Get = %v, %v, want nil", i, f.Value.Kind(), err)
		}
		a, ok := net.ask(Contact{ID{19: 1}, addr(1000)}, e, wire.Request{Method: wire.FindValue, Target: wire.ID(key)})
		if !ok || string(a.Value) != string(null) {
			t.Errorf("node %d: answers find_value with %x, want %x", i, a.Value, null)
		}
	}
}

// B11: what cannot be set is refused before anything is stored or sent.
func TestSetRefusesAtOnce(t *testing.T) {
	list, _ := RawValue([]byte{0x90})
	null, _ := RawValue([]byte{0xc0})
	tests := []struct {
		name string
		v    Value
		want error
	}{
		{"string too long", String(strings.Repeat("x", 8138)), ErrTooLong},
		{"bytes too long", Bytes(make([]byte, 8138)), ErrTooLong},
		{"not UTF-8", String("\xff"), ErrNotUTF8},
		{"list", list, ErrValueType},
		{"nil", null, ErrValueType},
		{"nothing", Value{}, ErrValueType},
	}
	net := newTestNet(t, 5)
	nodes := net.grow(3, Config{RefreshInterval: quiet})
	net.run(time.Minute)
	before := net.sent
	for _, tt := range tests {
		if _, _, err := net.set(nodes[1], Key("key"), tt.v); !errors.Is(err, tt.want) {
			t.Errorf("Set of %s: error = %v, want %v", tt.name, err, tt.want)
		}
	}
	net.run(time.Minute)
	if got := nodes[1].Stats().Records; got != 0 || net.sent != before {
		t.Errorf("%d records and %d datagrams after refusals, want none", got, net.sent-before)
	}
}

// P13, B2: Set counts those that say that they have the value, and nobody else.
func TestSetCountsAcknowledgements(t *testing.T) {
	tests := []struct {
		name    string
		spoil   func(net *testNet, storesTo map[netip.AddrPort]bool)
		refuse  int // of the nodes, how many have no room
		want    int
		atLeast time.Duration
	}{
		{name: "all well", want: 10},
		{name: "three have no room", refuse: 3, want: 7},
		{name: "three do not hear of it", want: 7, atLeast: 200 * time.Millisecond, spoil: func(net *testNet, to map[netip.AddrPort]bool) {
			net.lose = func(_, a netip.AddrPort, d []byte) bool {
				r := requestIn(d)
				return r != nil && r.Method == wire.Store && (a == addr(2) || a == addr(3) || a == addr(4))
			}
		}},
		{name: "each datagram but the second is lost", want: 10, spoil: func(net *testNet, seen map[netip.AddrPort]bool) {
			net.lose = func(_, a netip.AddrPort, d []byte) bool {
				r := requestIn(d)
				if r == nil || r.Method != wire.Store {
					return false
				}
				first := !seen[a]
				seen[a] = true
				return first
			}
		}},
	}
	for _, tt := range tests {
		net := newTestNet(t, 6)
		nodes := net.grow(10-tt.refuse, Config{})
		nodes = append(nodes, net.grow(tt.refuse, Config{StoreBytes: 1})...)
		if tt.spoil != nil {
			tt.spoil(net, make(map[netip.AddrPort]bool))
		}
		key := Key("key")
		stored, took, err := net.set(nodes[0], key, Int(1))
		if err != nil || stored != tt.want {
			t.Errorf("%s: Set = %d, %v, want %d nodes", tt.name, stored, err, tt.want)
		}
		if took < tt.atLeast || took > 3*time.Second {
			t.Errorf("%s: Set took %v", tt.name, took)
		}
		held := 0
		for _, e := range nodes {
			held += e.Stats().Records
		}
		if held != tt.want {
			t.Errorf("%s: %d nodes hold the value, want %d", tt.name, held, tt.want)
		}
	}
}

// B3: where all are dead, a client has stored nothing, and a node has stored the value
// itself alone: an error for both. Both keep their contacts.
func TestSetWithAllDead(t *testing.T) {
	for _, client := range []bool{true, false} {
		net := newTestNet(t, 7)
		nodes := net.grow(20, Config{})
		e := net.add(Config{Client: client})
		net.join(e, addr(1))
		net.get(e, Key("to meet somebody"))
		for _, dead := range nodes {
			net.stop(dead)
		}
		before := len(e.Contacts())
		for range 10 {
			stored, took, err := net.set(e, Key("key"), Int(1))
			if client && (!errors.Is(err, ErrNotStored) || stored != 0) {
				t.Errorf("client: Set = %d, %v, want %v", stored, err, ErrNotStored)
			}
			if !client && (!errors.Is(err, ErrNotStored) || stored != 1) {
				t.Errorf("Set = %d, %v, want 1, the node itself, and %v", stored, err, ErrNotStored)
			}
			if took > 16*time.Second {
				t.Errorf("Set took %v", took)
			}
			net.run(10 * time.Second)
		}
		if got := len(e.Contacts()); got != before || before == 0 {
			t.Errorf("client %v: %d contacts, %d before", client, got, before)
		}
	}
}

// S7: where nobody answers, a lookup ends when its time is up.
func TestLookupTimeout(t *testing.T) {
	net := newTestNet(t, 13)
	e := net.add(Config{LookupTimeout: 2 * time.Second, RefreshInterval: quiet})
	for i := range 200 {
		e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
	}
	_, took, err := net.get(e, Key("key"))
	if limit := e.cfg.LookupTimeout + e.calls.rtt.overdue(); !errors.Is(err, ErrNoAnswer) || took < e.cfg.LookupTimeout || took > limit {
		t.Errorf("Get: %v after %v, want %v after %v to %v", err, took, ErrNoAnswer, e.cfg.LookupTimeout, limit)
	}
}

// B13: an operation that was cancelled never calls back, and leaves nothing.
func TestCancel(t *testing.T) {
	net := newTestNet(t, 8)
	e := net.grow(20, Config{})[7]
	held := Key("held")
	net.set(e, held, Int(1))
	cancelled := false
	check := func(op string) {
		if cancelled {
			t.Errorf("%s called back after it was cancelled", op)
		}
	}
	ping := func(op string, a netip.AddrPort) func() {
		return e.Ping(net.now, a, func(ID, time.Duration, error) { check(op) })
	}
	join := func(op string, a netip.AddrPort) func() {
		return e.Bootstrap(net.now, []netip.AddrPort{a}, func(int, error) { check(op) })
	}
	start := []func() func(){
		func() func() { return e.Get(net.now, Key("key"), GetOptions{}, func(Found, error) { check("Get") }) },
		func() func() {
			return e.Get(net.now, held, GetOptions{}, func(Found, error) { check("Get of an own value") })
		},
		func() func() { return e.Lookup(net.now, Key("key"), func([]Contact) { check("Lookup") }) },
		func() func() {
			return e.ObservedAddr(net.now, addr(1), func(netip.AddrPort, error) { check("ObservedAddr") })
		},
		func() func() { return ping("Ping", addr(1)) },
		func() func() { return ping("Ping of nobody", addr(999)) },
		func() func() { return join("Bootstrap", addr(1)) },
		func() func() { return join("Bootstrap from nobody", addr(999)) },
		func() func() {
			cancel, err := e.Set(net.now, Key("key"), Int(1), SetOptions{}, func(SetResult, error) { check("Set") })
			if err != nil {
				t.Error(err)
			}
			return cancel
		},
	}
	for _, begin := range start {
		for _, pause := range []time.Duration{0, 15 * time.Millisecond, 45 * time.Millisecond} {
			cancelled = false
			cancel := begin()
			net.run(pause)
			cancel()
			cancel()
			cancelled = true
			net.run(time.Minute)
		}
	}
	// The address of nobody is a seed now, which is tried again from time to time.
	e.join.seeds = nil
	net.run(time.Hour)
	if !net.drained() {
		t.Errorf("%d calls are left", len(e.calls.waiting))
	}
}

// A node that holds the value counts as a holder, and asks one more: it may have missed
// the last set (B17: the reference asks no other node).
func TestGetOfOwnValue(t *testing.T) {
	net := newTestNet(t, 9)
	nodes := net.grow(3, Config{})
	net.set(nodes[1], Key("key"), Int(1))
	before := net.sent
	f, took, err := net.get(nodes[2], Key("key"))
	if err != nil || f.Value != Int(1) || took != 20*time.Millisecond || net.sent > before+4 {
		t.Errorf("Get = %v, %v after %v and %d datagrams, want 1 after one round trip", f.Value.Text(), err, took, net.sent-before)
	}
	if f.Holder != (Contact{}) || f.Published.IsZero() || f.Holders != 3 {
		t.Errorf("Holder = %v, Published = %v, want nobody else and the time", f.Holder, f.Published)
	}
}

// A cached copy is no more than the last resort: somebody else may know better.
func TestGetOfOwnCopy(t *testing.T) {
	net := newTestNet(t, 11)
	nodes := net.grow(3, Config{})
	key := Key("key")
	copied := Record{Value: Int(1), Published: net.now, TTL: time.Hour, Cached: true}
	nodes[2].putRecord(nodes[2].clock.latest, key, copied)
	if f, _, err := net.get(nodes[2], key); err != nil || f.Value != Int(1) {
		t.Errorf("Get = %v, %v, want the copy, 1", f.Value.Text(), err)
	}
	nodes[0].putRecord(nodes[0].clock.latest, key, Record{Value: Int(2), Published: net.now, TTL: time.Hour})
	if f, _, err := net.get(nodes[2], key); err != nil || f.Value != Int(2) || f.Holder != net.contactOf(nodes[0]) {
		t.Errorf("Get = %v, %v from %v, want 2 from its holder", f.Value.Text(), err, f.Holder)
	}
}

// B2: a node that is alone and has no room has stored nothing.
func TestSetWithoutRoom(t *testing.T) {
	net := newTestNet(t, 12)
	e := net.add(Config{StoreBytes: 1})
	if stored, _, err := net.set(e, Key("key"), Int(1)); stored != 0 || !errors.Is(err, ErrNotStored) {
		t.Errorf("Set = %d, %v, want 0, %v", stored, err, ErrNotStored)
	}
}

// P17: the first value ends the lookup: nobody else is asked for it.
func TestGetStopsAtTheFirstValue(t *testing.T) {
	net := newTestNet(t, 10)
	nodes := net.grow(60, Config{})
	key := Key("key")
	net.set(nodes[1], key, Int(1))
	for _, e := range nodes {
		if _, held := e.records.get(0, key); held {
			continue
		}
		asked, told := 0, 0
		net.tap = func(from, _ netip.AddrPort, d []byte) {
			if r := requestIn(d); r != nil && r.Method == wire.FindValue {
				if asked++; told > 0 {
					t.Error("somebody is asked after the value has come")
				}
			}
		}
		e.Get(net.now, key, GetOptions{}, func(Found, error) { told++ })
		net.run(time.Minute)
		if told != 1 || asked > 2*e.cfg.Alpha {
			t.Errorf("told %d times after %d requests, want once after %d at most", told, asked, 2*e.cfg.Alpha)
		}
	}
}

// A node that takes long for once is waited for if there is no other.
func TestTheOnlyNodeIsSlow(t *testing.T) {
	for _, delay := range []time.Duration{0, 250 * time.Millisecond, 600 * time.Millisecond, 2 * time.Second} {
		net := newTestNet(t, 49)
		nodes := net.grow(1, Config{RefreshInterval: quiet})
		client := net.add(Config{Client: true})
		net.join(client, net.addrOf(nodes[0]))
		net.delay = func(_, _ netip.AddrPort) time.Duration { return delay }
		if stored, took, err := net.set(client, Key("k"), Int(1)); err != nil || stored != 1 {
			t.Errorf("one way takes %v: Set = %d, %v after %v, want 1 node", delay, stored, err, took)
		}
		if f, took, err := net.get(client, Key("k")); err != nil || f.Value != Int(1) {
			t.Errorf("one way takes %v: Get = %q, %v after %v", delay, f.Value.Text(), err, took)
		}
	}
}

// One answer that took long does not make the node patient with everybody.
func TestOneSlowAnswer(t *testing.T) {
	var r rtt
	for range 50 {
		r.sample(time.Millisecond)
	}
	before := r.soft()
	r.sample(4900 * time.Millisecond)
	samples := 0
	for ; r.soft() > 2*before && samples < 100; samples++ {
		r.sample(time.Millisecond)
	}
	if samples > 15 {
		t.Errorf("it took %d answers to forget a slow one, want 15 at most", samples)
	}
}

// Where no node can be is said at once.
func TestUnreachable(t *testing.T) {
	net := newTestNet(t, 50)
	e := net.add(Config{Family: FamilyIPv4})
	for _, s := range []string{"[2001:db8::1]:99", "255.255.255.255:99", "224.0.0.1:99", "240.0.0.1:99", "0.0.0.0:99", "192.0.2.1:0"} {
		addr := netip.MustParseAddrPort(s)
		var errs []error
		e.Ping(net.now, addr, func(_ ID, _ time.Duration, err error) { errs = append(errs, err) })
		e.ObservedAddr(net.now, addr, func(_ netip.AddrPort, err error) { errs = append(errs, err) })
		e.Bootstrap(net.now, []netip.AddrPort{addr}, func(_ int, err error) { errs = append(errs, err) })
		net.run(time.Millisecond)
		if want := []error{ErrUnreachable, ErrUnreachable, ErrUnreachable}; !slices.Equal(errs, want) {
			t.Errorf("%v: %v, want %v", addr, errs, want)
		}
	}
	if e.Stats().Sent != 0 || len(e.join.seeds) != 0 {
		t.Errorf("%d datagrams sent, %d seeds kept, want none", e.Stats().Sent, len(e.join.seeds))
	}
}

// The bootstrap addresses that are kept are bounded, and do not disturb a node
// that is not alone.
func TestSeedsAreBounded(t *testing.T) {
	net := newTestNet(t, 51)
	nodes := net.grow(3, Config{RefreshInterval: quiet})
	e := nodes[0]
	for i := range 1000 {
		e.Bootstrap(net.now, []netip.AddrPort{addr(3000 + i)}, func(int, error) {})
		net.run(10 * time.Millisecond)
	}
	e.Bootstrap(net.now, []netip.AddrPort{net.addrOf(e)}, func(int, error) {})
	net.run(time.Minute)
	if got := len(e.join.seeds); got > maxSeeds || slices.Contains(e.join.seeds, net.addrOf(e)) {
		t.Errorf("%d seeds are kept, want %d at most, and not the node itself", got, maxSeeds)
	}
	net.run(time.Hour)
	sent := e.Stats().Sent
	net.run(10 * time.Hour)
	if now := e.Stats().Sent; now-sent > 100 {
		t.Errorf("%d datagrams were sent in ten quiet hours, by a node with contacts", now-sent)
	}
}
