package core

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// cut lets nothing pass from or to an address.
func (n *testNet) cut(a netip.AddrPort) {
	n.lose = func(from, to netip.AddrPort, _ []byte) bool { return from == a || to == a }
}

// B8, I5: a node whose own link is down for ten minutes, and which goes on being
// used, keeps its table as it was. The first thing that it asks then is answered
// in one round trip.
func TestOwnLinkDown(t *testing.T) {
	net := newTestNet(t, 60)
	nodes := net.grow(40, Config{})
	e := nodes[17]
	var keys []ID
	for i := range 40 {
		key := Key(fmt.Sprint(i))
		net.set(nodes[i], key, Int(int64(i)))
		if _, held := e.records.get(e.clock.latest, key); !held {
			keys = append(keys, key)
		}
	}
	net.run(50 * time.Minute)
	before := e.Contacts()

	e.Lookup(net.now, Key("under way"), func([]Contact) {})
	net.run(15 * time.Millisecond)
	net.cut(net.addrOf(e))
	for end := net.now.Add(10 * time.Minute); net.now.Before(end); net.run(7 * time.Second) {
		if _, _, err := net.get(e, keys[0]); err == nil {
			t.Fatal("a value was found without a link")
		}
		net.get(nodes[3], Key("others go on"))
	}
	net.lose = nil

	if got := e.Contacts(); !slices.Equal(got, before) {
		t.Errorf("%d contacts after the link was down, %d before", len(got), len(before))
	}
	for _, p := range contactsOf(&e.table) {
		if p.fails > 1 {
			t.Errorf("%v has %d failures", p.ID, p.fails)
		}
	}
	f, took, err := net.get(e, keys[1])
	if err != nil || took != 20*time.Millisecond {
		t.Errorf("first Get = %v, %v after %v, want a value in one round trip of 20ms", f.Value.Text(), err, took)
	}
}

// A node that was away is named to others as soon as it is heard of again.
func TestReturnAfterAbsence(t *testing.T) {
	net := newTestNet(t, 61)
	nodes := net.grow(40, Config{})
	away := nodes[5]
	net.cut(net.addrOf(away))
	for i := range 40 {
		net.get(nodes[i], away.id)
		net.run(5 * time.Second)
	}
	failed := 0
	for _, e := range nodes {
		if p := e.table.get(away.id); p != nil && p.fails > 0 {
			failed++
		}
	}
	if failed < 20 {
		t.Fatalf("only %d nodes have missed the one that was away", failed)
	}
	net.lose = nil
	for range 10 {
		net.get(away, RandomID(net.rand))
	}
	net.run(time.Second)
	named := 0
	for _, e := range nodes {
		a, _ := net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.FindNode, Target: wire.ID(away.id)})
		if len(a.Contacts) > 0 && ID(a.Contacts[0].ID) == away.id {
			named++
		}
	}
	if named < 35 {
		t.Errorf("%d of 39 nodes name the one that is back", named)
	}
}

// I3: at 10 % loss, a table keeps all its live contacts.
func TestLossCostsNoContacts(t *testing.T) {
	net := newTestNet(t, 62)
	nodes := net.grow(30, Config{})
	net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return net.rand.Uint64()%10 == 0 }
	found := 0
	for i := range 100 {
		key := Key(fmt.Sprint(i))
		net.set(nodes[i%30], key, Int(int64(i)))
		net.run(time.Minute)
		if f, _, err := net.get(nodes[(i*7+3)%30], key); err == nil && f.Value == Int(int64(i)) {
			found++
		}
	}
	if found < 100 {
		t.Errorf("%d of 100 values found", found)
	}
	for i, e := range nodes {
		if got := len(e.Contacts()); got != 29 {
			t.Errorf("node %d knows %d of 29 others", i, got)
		}
	}
}

// B9: a node that starts again under a new id at its old address takes the place
// of its ghost, whether it says its id in each answer or is an older one, that
// has to be asked.
func TestNewIDAtOldAddress(t *testing.T) {
	for _, old := range []bool{false, true} {
		net := newTestNet(t, 63)
		nodes := net.grow(30, Config{})
		ghost := nodes[11]
		a := net.addrOf(ghost)
		net.old[a] = old
		net.run(time.Minute)
		net.stop(ghost)
		reborn := net.addAt(a, Config{})
		net.join(reborn, addr(1))
		for i, e := range nodes[:10] {
			net.get(e, Key(fmt.Sprint(i)))
			net.get(e, ghost.id)
		}
		net.run(10 * time.Second)
		for i, x := range net.nodes {
			if x.addr == a {
				continue
			}
			if knows(x.Engine, ghost.id) {
				t.Errorf("old %v: node %d has a ghost among its contacts", old, i)
			}
			if !knows(x.Engine, reborn.id) {
				t.Errorf("old %v: node %d does not know the node by its new id", old, i)
			}
		}
	}
}

// B10: where a known id turns up at a new address, the old one is asked first, as often
// as makes a contact stale (I4).
func TestOldIDAtNewAddress(t *testing.T) {
	for _, alive := range []bool{true, false} {
		net := newTestNet(t, 64)
		nodes := net.grow(20, Config{})
		e, moving := nodes[0], nodes[7]
		from, to := net.addrOf(moving), addr(700)
		var changes []trace.Change
		e.cfg.Trace.Contact = func(_ time.Time, c trace.Contact, change trace.Change) {
			if c.ID == moving.id && change <= trace.ContactRemoved {
				changes = append(changes, change)
			}
		}
		if alive {
			impostor := net.addAt(to, Config{ID: moving.id})
			moving = impostor
		} else {
			net.move(moving, to)
		}
		var pinged []netip.AddrPort
		net.tap = func(a, b netip.AddrPort, d []byte) {
			if r := requestIn(d); r != nil && r.Method == wire.Ping && a == addr(1) && (b == from || b == to) {
				pinged = append(pinged, b)
			}
		}
		moving.Ping(net.now, addr(1), func(ID, time.Duration, error) {})
		for range 120 { // others talk on, so that silence means something
			nodes[3].Ping(net.now, addr(1), func(ID, time.Duration, error) {})
			net.run(time.Second)
		}
		want, where := []netip.AddrPort{from, to}, to
		if alive {
			want, where = want[:1], from
		}
		if asked := len(pinged) - 1; !alive && asked < 2*staleAfter {
			t.Errorf("the old address was pinged %d times, want at least twice for each of %d failures", asked, staleAfter)
		}
		if pinged = slices.Compact(pinged); !slices.Equal(pinged, want) {
			t.Errorf("old address alive %v: pinged %v, want %v", alive, pinged, want)
		}
		if want := []trace.Change{trace.ContactRemoved, trace.ContactAdded}; !alive && !slices.Equal(changes, want) {
			t.Errorf("told of %v, want %v", changes, want)
		}
		if p := e.table.get(moving.id); p == nil || e.table.addr(p) != where {
			t.Errorf("old address alive %v: the contact is at %v, want %v", alive, e.table.addr(p), where)
		}
	}
}

// A stranger gets into a full bucket when it can take the place of one that has
// failed five times, and has answered; no sooner (B6, I1, I4).
func TestStrangerReplacesTheDead(t *testing.T) {
	net := newTestNet(t, 65)
	e := net.add(Config{ID: ID{0: 0x80}, K: 2, B: 1, RefreshInterval: quiet})
	for i := range 6 { // fill the table, so that the far half may not split
		e.table.insert(Contact{ID{0: 0x80 | 1<<i, 19: 1}, addr(100 + i)})
	}
	one, two := net.add(Config{ID: ID{0: 0x01}}), net.add(Config{ID: ID{0: 0x02}})
	e.table.insert(net.contactOf(one))
	e.table.insert(net.contactOf(two))
	stranger := net.add(Config{ID: ID{0: 0x03}})
	pings := 0
	net.tap = func(_, to netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil && r.Method == wire.Ping && to == net.addrOf(stranger) {
			pings++
		}
	}
	// The living one talks on, so that the silence of the other means something.
	wait := func(d time.Duration) {
		for end := net.now.Add(d); net.now.Before(end); net.run(100 * time.Millisecond) {
			one.Ping(net.now, net.addrOf(e), func(ID, time.Duration, error) {})
		}
	}
	visit := func() {
		stranger.Ping(net.now, net.addrOf(e), func(ID, time.Duration, error) {})
		wait(time.Second)
	}
	visit()
	wait(10 * time.Minute)
	visit()
	if pings != 0 || knows(e, stranger.id) {
		t.Errorf("with live contacts: %d pings, stranger known %v, want none and no", pings, knows(e, stranger.id))
	}
	net.stop(two)
	net.get(e, two.id) // the first failure
	wait(60 * time.Second)
	if p := e.table.get(two.id); p == nil || p.fails < 2 || p.fails > 4 || pings != 0 {
		t.Errorf("after a minute: %d pings to the stranger, the dead one is %+v", pings, p)
	}
	wait(30 * time.Second)
	if !knows(e, stranger.id) || knows(e, two.id) || !knows(e, one.id) || pings != 1 {
		t.Errorf("stranger known %v after %d pings, the dead one %v, the living one %v, want true, 1, false, true",
			knows(e, stranger.id), pings, knows(e, two.id), knows(e, one.id))
	}
}

// B16, and the scopes of addresses: nobody is told of a contact that it cannot
// reach, or should not try to.
func TestWhoIsToldOfWhom(t *testing.T) {
	v4, v6, site, site6, host := "193.0.113.5", "2a00::5", "10.0.0.5", "fd00::5", "127.0.0.5"
	both, only4 := wire.CapIPv4|wire.CapIPv6, wire.CapIPv4
	tests := []struct {
		from    string
		trailer bool
		caps    wire.Caps
		want    []string
	}{
		{from: "193.51.100.1", want: []string{v4}},
		{from: "2a00::1", want: []string{v6}},
		{from: "193.51.100.1", trailer: true, caps: both, want: []string{v4, v6}},
		{from: "2a00::1", trailer: true, caps: both, want: []string{v4, v6}},
		{from: "2a00::1", trailer: true, caps: only4, want: []string{v4}},
		{from: "193.51.100.1", trailer: true, want: []string{v4}},
		{from: "192.168.1.1", want: []string{v4, site}},
		{from: "192.168.1.1", trailer: true, caps: both, want: []string{v4, v6, site, site6}},
		{from: "fe80::1", want: []string{v6, site6}},
		{from: "127.0.0.1", want: []string{v4, site, host}},
		{from: "127.0.0.1", trailer: true, caps: both, want: []string{v4, v6, site, site6, host}},
	}
	for _, tt := range tests {
		net := newTestNet(t, 66)
		e := net.add(Config{RefreshInterval: quiet})
		for i, ip := range []string{v4, v6, site, site6, host} {
			e.table.insert(Contact{ID{0: byte(i)}, netip.AddrPortFrom(netip.MustParseAddr(ip), 4000)})
		}
		from := netip.AddrPortFrom(netip.MustParseAddr(tt.from), 5000)
		a, ok := net.ask(Contact{ID{19: 9}, from}, e, wire.Request{
			Method: wire.FindNode, Trailer: wire.Trailer{Present: tt.trailer, Caps: tt.caps | wire.CapClient},
		})
		var got []string
		for _, c := range a.Contacts {
			got = append(got, c.Addr.Addr().String())
		}
		if !ok || !slices.Equal(got, tt.want) {
			t.Errorf("from %s, trailer %v, caps %d: told of %v, want %v", tt.from, tt.trailer, tt.caps, got, tt.want)
		}
	}
}

// Nobody is told of itself, by id or by address.
func TestNobodyIsToldOfItself(t *testing.T) {
	net := newTestNet(t, 67)
	e := net.add(Config{RefreshInterval: quiet})
	for i := range 10 {
		e.table.insert(Contact{ID{0: byte(i)}, addr(100 + i)})
	}
	for _, asker := range []Contact{{ID{0: 3}, addr(999)}, {ID{0: 99}, addr(103)}, {ID{0: 3}, addr(103)}} {
		a, _ := net.ask(asker, e, wire.Request{Method: wire.FindNode, Target: wire.ID{0: 3}})
		if len(a.Contacts) != 9 {
			t.Errorf("%v is told of %d contacts, want 9", asker, len(a.Contacts))
		}
		for _, c := range a.Contacts {
			if ID(c.ID) == asker.ID || c.Addr == asker.Addr {
				t.Errorf("%v is told of %x at %v", asker, c.ID, c.Addr)
			}
		}
	}
}

// Who takes direct paths hears of those that say the same in an answer, and of
// which of them are near; the others hear and say nothing.
func TestDirectIsAnnounced(t *testing.T) {
	net := newTestNet(t, 68)
	type told struct {
		to, of *Engine
		near   bool
	}
	var all []told
	var takers []*Engine
	byID := make(map[ID]*Engine)
	for i := range 120 {
		var e *Engine
		cfg := Config{RefreshInterval: quiet, Client: i%6 == 5}
		if i%3 == 0 || cfg.Client {
			cfg.Direct = func(c Contact, near bool) {
				if net.at(c.Addr) != byID[c.ID] {
					t.Errorf("told of %v, who is not there", c)
				}
				all = append(all, told{e, byID[c.ID], near})
			}
		}
		e = net.add(cfg)
		byID[e.ID()] = e
		if cfg.Direct != nil && !cfg.Client {
			takers = append(takers, e)
		}
		if i > 0 {
			net.join(e, net.nodes[0].addr)
		}
	}
	near := 0
	for _, x := range all {
		if !slices.Contains(takers, x.of) || x.of == x.to {
			t.Fatalf("%v was told of %v, which announces nothing", x.to.ID(), x.of.ID())
		}
		if x.near {
			near++
		}
	}
	if near == 0 || near == len(all) {
		t.Errorf("%d of %d are said to be near, want some", near, len(all))
	}
	for _, e := range takers {
		if !slices.ContainsFunc(all, func(x told) bool { return x.to == e }) {
			t.Errorf("%v was told of nobody", e.ID())
		}
	}
}
