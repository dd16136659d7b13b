package core

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// puppet is a peer that answers as it is told.
type puppet struct {
	Contact
	heard []*wire.Request
}

// puppet puts a peer at c that answers each request with what reply returns; nil
// is silence.
func (n *testNet) puppet(c Contact, reply func(r *wire.Request) []byte) *puppet {
	p := &puppet{Contact: c}
	n.scripts[c.Addr] = func(from netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil {
			p.heard = append(p.heard, r)
			if answer := reply(r); answer != nil {
				n.send(c.Addr, from, answer)
			}
		}
	}
	return p
}

// answerAs makes a well-formed answer of id, with those contacts where some are
// asked for.
func answerAs(id ID, r *wire.Request, list ...Contact) []byte {
	w, self := wire.NewWriter(), wire.ID(id)
	t := &wire.Trailer{Present: true, Caps: wire.CapIPv4, Sender: self}
	switch r.Method {
	case wire.Ping:
		return w.Pong(nil, &r.Msg, &self, t)
	case wire.Store:
		return w.Stored(nil, &r.Msg, true, t)
	}
	var named []wire.Contact
	for _, c := range list {
		named = append(named, wire.Contact{ID: wire.ID(c.ID), Addr: c.Addr})
	}
	return w.Contacts(nil, &r.Msg, named, t)
}

// answerRaw makes an answer with that body.
func answerRaw(r *wire.Request, body []byte) []byte {
	return append(append([]byte{byte(wire.KindAnswer)}, r.Msg[:]...), body...)
}

func encoded(v any) []byte {
	b, err := msgpack.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// introduce puts a contact into the tables of all engines.
func (n *testNet) introduce(c Contact) {
	for _, x := range n.nodes {
		x.table.insert(c)
	}
}

// onlyTo fails the test when an engine sends anything to another address.
func (n *testNet) onlyTo(allowed ...netip.AddrPort) {
	ok := make(map[netip.AddrPort]bool)
	for _, x := range n.nodes {
		ok[x.addr] = true
	}
	for _, a := range allowed {
		ok[a] = true
	}
	n.tap = func(from, to netip.AddrPort, _ []byte) {
		if n.at(from) != nil && !ok[to] {
			n.t.Errorf("a datagram goes to %v", to)
		}
	}
}

// badContacts are no contacts that could be asked, or should be (S1, S2, S3).
func badContacts(self ID) map[string]any {
	id, ip, port := bytes.Repeat([]byte{7}, 20), "193.0.113.9", 4000
	list := map[string]any{
		"a number": 1, "a string": "x", "nil": nil, "a map": map[string]int{"a": 1}, "nothing in it": []any{},
		"one thing": []any{id}, "two things": []any{id, ip}, "four things": []any{id, ip, port, 0},
		"nested": []any{[]any{id, ip, port}}, "the own id": []any{self[:], ip, port},
	}
	for _, x := range []any{id[:19], append(id[:20:20], 0), []byte{}, string(id), nil, 7, -1.5} {
		list[fmt.Sprintf("id %v", x)] = []any{x, ip, port}
	}
	for _, x := range []any{0, -1, 65536, int64(1 << 40), 4000.0, "4000", nil, true, []any{}} {
		list[fmt.Sprintf("port %v %T", x, x)] = []any{id, ip, x}
	}
	for _, x := range []any{
		nil, 1, "", "localhost", "example.org", "193.0.113", "193.0.113.9\x00", " 193.0.113.9", "193.0.113.9:4000",
		"0.0.0.0", "0.1.2.3", "255.255.255.255", "240.0.0.1", "224.0.0.1", "127.0.0.1", "10.0.0.1", "172.16.0.1",
		"192.168.0.1", "169.254.169.254", "100.64.0.1", "::", "::1", "ff02::1", "fe80::1", "fe80::1%eth0", "fd00::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "198.51.100.1", "192.52.193.1", "2001:db8::1", "2002:a00:1::1",
		"64:ff9b::10.0.0.1", "2001:0:1:1:0:0:f5ff:fffe", "2a00::5efe:a00:1", []byte("193.0.113.9"), strings.Repeat("1", 300),
	} {
		list[fmt.Sprintf("ip %.20v %T", x, x)] = []any{id, x, port}
	}
	return list
}

// S1, S2, S3: whatever a peer names, nobody is asked whom a datagram could not or
// should not reach; the good contacts beside it are used, and nobody's Get or Set
// fails.
func TestHostileContacts(t *testing.T) {
	key := Key("key")
	for name, bad := range badContacts(ID{9}) {
		net := newTestNet(t, 70)
		e := net.add(Config{ID: ID{9}})
		holder := net.add(Config{})
		net.set(holder, key, Int(1))
		id := key
		id.flip(IDBits - 1) // the nearest but for the key itself
		good := net.contactOf(holder)
		liar := Contact{id, addr(600)}
		net.puppet(liar, func(r *wire.Request) []byte {
			if r.Method == wire.Ping || r.Method == wire.Store {
				return answerAs(id, r)
			}
			return answerRaw(r, encoded([]any{bad, bad, []any{good.ID[:], good.Addr.Addr().String(), good.Addr.Port()}, bad}))
		})
		e.table.insert(liar)
		net.onlyTo(liar.Addr)
		if f, took, err := net.get(e, key); err != nil || f.Value != Int(1) || took > time.Second {
			t.Errorf("%s: Get = %v, %v after %v, want 1", name, f.Value.Text(), err, took)
		}
		if stored, took, err := net.set(e, key, Int(2)); err != nil || stored != 3 || took > time.Second {
			t.Errorf("%s: Set = %d, %v after %v, want 3", name, stored, err, took)
		}
		if _, named := bad.([]any); named && e.Stats().Skipped == 0 && name != "the own id" {
			t.Errorf("%s: not counted as skipped", name)
		}
		checkTable(t, &e.table)
	}
}

// S2: an answer that is none is a failed peer, whatever it is, and no error.
func TestHostileAnswers(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x91}, 5000), 0xc0)
	huge := make([]any, 3000)
	for i := range huge {
		huge[i] = []any{bytes.Repeat([]byte{byte(i >> 8), byte(i)}, 10), fmt.Sprintf("203.0.%d.%d", 114+i>>8, i&255), 4000}
	}
	bodies := map[string][]byte{
		"nil": {0xc0}, "true": {0xc3}, "c1": {0xc1}, "a number": {7}, "a string": encoded("x"), "an empty map": {0x80},
		"a map with nil": encoded(map[string]any{"value": nil}), "a map without value": encoded(map[string]any{"x": 1}),
		"a list that is cut": {0x95, 0xc4}, "a list of 2^32-1": {0xdd, 0xff, 0xff, 0xff, 0xff},
		"a map of 2^32-1": {0xdf, 0xff, 0xff, 0xff, 0xff}, "deep": deep, "huge": encoded(huge),
		"bytes of 2^32-1": {0xc6, 0xff, 0xff, 0xff, 0xff, 0}, "a bad trailer": {0x90, 0x81, 0xc1},
		"a trailer of 2^32-1": {0x90, 0xdf, 0xff, 0xff, 0xff, 0xff}, "no list": {0x90},
	}
	for name, body := range bodies {
		net := newTestNet(t, 71)
		nodes := net.grow(10, Config{})
		key := Key("key")
		net.set(nodes[3], key, Int(1))
		id := key
		id.flip(IDBits - 1)
		liar := net.puppet(Contact{id, addr(600)}, func(r *wire.Request) []byte { return answerRaw(r, body) })
		net.introduce(liar.Contact)
		e := net.add(Config{})
		net.join(e, addr(1))
		for _, a := range nodes {
			a.table.insert(liar.Contact)
		}
		if f, took, err := net.get(e, key); err != nil || f.Value != Int(1) || took > time.Second {
			t.Errorf("%s: Get = %v, %v after %v, want 1", name, f.Value.Text(), err, took)
		}
		stored, took, err := net.set(e, key, Int(2))
		if err != nil || stored < 11 || took > 2*time.Second {
			t.Errorf("%s: Set = %d, %v after %v, want 11", name, stored, err, took)
		}
		if len(liar.heard) == 0 {
			t.Errorf("%s: the liar was not asked", name)
		}
		net.run(time.Minute)
		if len(e.calls.waiting) != 0 {
			t.Errorf("%s: %d calls are left", name, len(e.calls.waiting))
		}
	}
}

// P4, S4: an answer is believed from where the request went, with its number, once.
func TestForgedAnswers(t *testing.T) {
	net := newTestNet(t, 72)
	e := net.add(Config{})
	real, forged := ID{1}, ID{2}
	peer := Contact{real, addr(600)}
	var asked *wire.Request
	net.puppet(peer, func(r *wire.Request) []byte { asked = r; return nil })
	var got ID
	told := 0
	e.Ping(net.now, peer.Addr, func(id ID, _ time.Duration, err error) { got, told = id, told+1 })
	net.run(50 * time.Millisecond)

	self := net.addrOf(e)
	otherPort := netip.AddrPortFrom(peer.Addr.Addr(), 4001)
	for _, from := range []netip.AddrPort{addr(601), otherPort, self} {
		net.send(from, self, answerAs(forged, asked))
	}
	for range 1000 {
		guess := &wire.Request{Msg: wire.MsgID(RandomID(net.rand)), Method: wire.Ping}
		net.send(peer.Addr, self, answerAs(forged, guess))
	}
	net.run(50 * time.Millisecond)
	if told != 0 || len(e.Contacts()) != 0 {
		t.Errorf("a forged answer was believed: %v", got)
	}
	for range 3 {
		net.send(peer.Addr, self, answerAs(real, asked))
	}
	net.run(50 * time.Millisecond)
	if told != 1 || got != real {
		t.Errorf("told %d times of %v, want once of %v", told, got, real)
	}
	d := e.Stats().Dropped
	if d["wrong source"] != 3 || d["unknown answer"] != 1002 {
		t.Errorf("dropped %v, want 3 of a wrong source and 1002 unknown", d)
	}
}

// An answer counts until the RPC time-out, also when the asker has gone on
// without it (P9), and no longer.
func TestLateAnswers(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  bool
	}{{time.Second, true}, {4900 * time.Millisecond, true}, {5100 * time.Millisecond, false}} {
		net := newTestNet(t, 73)
		e := net.add(Config{})
		id := ID{1}
		slowly := addr(600)
		net.puppet(Contact{id, slowly}, func(r *wire.Request) []byte { return answerAs(id, r) })
		net.delay = func(from, _ netip.AddrPort) time.Duration {
			if from == slowly {
				return tt.after
			}
			return 0
		}
		ok := false
		e.Ping(net.now, slowly, func(_ ID, rtt time.Duration, err error) { ok = err == nil && rtt == tt.after })
		net.run(10 * time.Second)
		if ok != tt.want || knows(e, id) != tt.want {
			t.Errorf("answer after %v: used %v, contact %v, want %v", tt.after, ok, knows(e, id), tt.want)
		}
	}
}

// What is no request gets no answer, and is counted by its reason; so is an id that
// has not 160 bits (K1).
func TestHostileRequests(t *testing.T) {
	id := encoded(bytes.Repeat([]byte{7}, 20))
	call := func(parts ...any) []byte { return encoded(parts) }
	tests := []struct {
		name string
		body []byte
		drop drop
	}{
		{"unknown name", call("webrtc", []any{}), dropUnknownMethod},
		{"private method", call("__class__", []any{}), dropUnknownMethod},
		{"name as bytes", call([]byte("ping"), []any{id}), dropMalformed},
		{"no list", encoded(1), dropMalformed},
		{"three parts", call("stun", []any{}, 1), dropMalformed},
		{"no arguments", call("ping", []any{}), dropArguments},
		{"too many", call("ping", []any{id, id}), dropArguments},
		{"a short id", call("ping", []any{[]byte{1}}), dropArguments},
		{"an id as text", call("ping", []any{"12345678901234567890"}), dropArguments},
		{"arguments as map", call("ping", map[string]int{"a": 1}), dropArguments},
	}
	for _, tt := range tests {
		net := newTestNet(t, 74)
		e := net.add(Config{})
		answered := false
		net.scripts[addr(600)] = func(netip.AddrPort, []byte) { answered = true }
		d := append(make([]byte, wire.HeaderLen), tt.body...)
		net.send(addr(600), net.addrOf(e), d)
		net.run(time.Second)
		if got := e.Stats().Dropped[tt.drop.String()]; got != 1 || answered {
			t.Errorf("%s: dropped %v, answered %v, want %v", tt.name, e.Stats().Dropped, answered, tt.drop)
		}
	}
}

// S5: requests from addresses that nothing can be sent to are not even parsed.
func TestSendersNowhere(t *testing.T) {
	net := newTestNet(t, 80)
	e := net.add(Config{})
	for _, a := range []string{"0.0.0.0:4000", "255.255.255.255:4000", "224.0.0.1:4000", "192.0.2.1:0", "[::]:4000", "[ff02::1]:4000", "[::ffff:192.0.2.1]:4000"} {
		r := wire.Request{Method: wire.Ping, Sender: wire.ID{1}}
		e.Receive(net.now, netip.MustParseAddrPort(a), wire.NewWriter().Request(nil, &r))
	}
	e.Receive(net.now, netip.AddrPort{}, wire.NewWriter().Request(nil, &wire.Request{}))
	e.Flush(&net.out)
	if got := e.Stats().Dropped[dropAddress.String()]; got != 8 || net.out.Len() != 0 {
		t.Errorf("%d dropped, %d answered, want 8 and 0", got, net.out.Len())
	}
}
