package core

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// P5: nobody becomes a contact by a request alone: its sender has to answer from
// there, under that id. The node's own id is nobody's.
func TestClaimsMustBeProven(t *testing.T) {
	net := newTestNet(t, 75)
	e := net.add(Config{})
	victim := net.add(Config{})
	claims := []Contact{
		{ID{1}, addr(600)},          // an address where nobody is
		{ID{2}, net.addrOf(victim)}, // somebody else's address
		{e.id, addr(601)},           // the node's own id
		{ID{3}, addr(602)},          // one who answers under another id
		{ID{4}, addr(603)},          // one that answers under this node's id
		{ID{5}, net.addrOf(e)},      // the node's own address
		{ID{}, addr(604)},           // one who says the zero id
	}
	net.puppet(claims[3], func(r *wire.Request) []byte { return answerAs(ID{33}, r) })
	net.puppet(claims[4], func(r *wire.Request) []byte { return answerAs(e.id, r) })
	for _, c := range claims {
		r := wire.Request{Method: wire.FindNode, Sender: wire.ID(c.ID), Msg: wire.MsgID(RandomID(net.rand))}
		net.send(c.Addr, net.addrOf(e), wire.NewWriter().Request(nil, &r))
		net.run(time.Minute)
	}
	for _, c := range e.Contacts() {
		if c != net.contactOf(victim) && c != (Contact{ID{33}, addr(602)}) {
			t.Errorf("%v is a contact", c)
		}
	}
	if !knows(e, victim.id) || !knows(e, ID{33}) {
		t.Errorf("contacts %v, want those who answered, under their ids", e.Contacts())
	}
}

// Nobody can drive a live contact out of a table, or take its place: not by naming
// it at another address, whoever answers there and under whatever id.
func TestHijack(t *testing.T) {
	for _, missed := range []bool{false, true} {
		for name, answer := range map[string]func(e, x *Engine) ID{
			"under its id":    func(_, x *Engine) ID { return x.id },
			"under ours":      func(e, _ *Engine) ID { return e.id },
			"under a new one": func(_, _ *Engine) ID { return ID{77} },
		} {
			net := newTestNet(t, 76)
			nodes := net.grow(10, Config{})
			e, x := nodes[0], nodes[5]
			evil := Contact{x.id, addr(600)}
			net.puppet(evil, func(r *wire.Request) []byte { return answerAs(answer(e, x), r, evil) })
			near := x.id
			near.flip(IDBits - 1)
			accomplice := net.puppet(Contact{near, addr(601)}, func(r *wire.Request) []byte { return answerAs(near, r, evil) })
			e.table.insert(accomplice.Contact)
			hijacked := 0
			for range 300 {
				if missed { // one datagram of it was lost just now
					e.table.failed(x.id, e.clock.latest)
				}
				net.get(e, near)
				net.run(10 * time.Second)
				if p := e.table.get(x.id); p == nil || e.table.addr(p) != net.addrOf(x) {
					hijacked++
				}
			}
			if hijacked > 0 || len(accomplice.heard) < 300 {
				t.Errorf("answers %s, missed %v: contact gone after %d of %d attempts, want 0", name, missed, hijacked, len(accomplice.heard))
			}
		}
	}
}

// B8: nor by sending requests in its name, where datagrams are lost.
func TestHijackUnderLoss(t *testing.T) {
	for seed := range byte(rounds(10)) {
		net := newTestNet(t, 200+seed)
		nodes := net.grow(10, Config{})
		e, x := nodes[0], nodes[5]
		evil := net.puppet(Contact{x.id, addr(600)}, func(r *wire.Request) []byte { return answerAs(x.id, r) })
		net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return net.rand.Uint64()%10 == 0 }
		for i := range 6000 {
			r := wire.Request{Method: wire.Ping, Sender: wire.ID(x.id), Msg: wire.MsgID(RandomID(net.rand))}
			net.send(evil.Addr, net.addrOf(e), wire.NewWriter().Request(nil, &r))
			net.run(100 * time.Millisecond)
			if p := e.table.get(x.id); p == nil || e.table.addr(p) != net.addrOf(x) {
				t.Fatalf("seed %d: hijacked by %d requests", seed, i+1)
			}
		}
	}
}

// A liar next to a key that names the true holders at addresses where nobody is
// does not keep the value from being found.
func TestLiarWithWrongAddresses(t *testing.T) {
	net := newTestNet(t, 81)
	nodes := net.grow(150, Config{K: 4, RefreshInterval: quiet, RepublishInterval: quiet})
	net.run(time.Minute)
	asked := 0
	for i := range 40 {
		key := Key(fmt.Sprint(i))
		net.set(nodes[i], key, Int(1))
		reader := nodes[(i*7+31)%len(nodes)]
		id := key
		id.flip(IDBits - 1)
		liar := net.puppet(Contact{id, addr(600 + i)}, func(r *wire.Request) []byte {
			var list []Contact
			for j, x := range net.nearestTo(key, 4) {
				list = append(list, Contact{x.id, addr(1000 + j)})
			}
			return answerAs(id, r, list...)
		})
		reader.table.insert(liar.Contact)
		if f, took, err := net.get(reader, key); err != nil || f.Value != Int(1) || took > 2*time.Second {
			t.Errorf("key %d: Get = %v, %v after %v, want 1", i, f.Value.Text(), err, took)
		}
		asked += len(liar.heard)
	}
	if asked < 30 {
		t.Errorf("the liars were asked %d times", asked)
	}
}

// S7, and P11: one liar with ever so many nearer contacts, none of which answer,
// costs some requests and seconds, and no more.
func TestLiarWithDeadContacts(t *testing.T) {
	net := newTestNet(t, 77)
	nodes := net.grow(40, Config{})
	key := Key("key")
	net.set(nodes[3], key, Int(1))
	liarID := key
	liarID.flip(IDBits - 8)
	liar := net.puppet(Contact{liarID, addr(600)}, func(r *wire.Request) []byte {
		var fakes []Contact
		for i := range 200 {
			id := ID(r.Target)
			id.keepPrefix(IDBits-7, RandomID(net.rand))
			fakes = append(fakes, Contact{id, addr(1000 + i)})
		}
		return answerAs(liarID, r, fakes...)
	})
	net.run(time.Minute)
	net.introduce(liar.Contact)
	victims := 0
	net.tap = func(_, to netip.AddrPort, _ []byte) {
		if to.Addr().Compare(addr(1000).Addr()) >= 0 {
			victims++
		}
	}
	start := net.now
	var found []Contact
	over := false
	nodes[20].Lookup(net.now, key, func(list []Contact) { found, over = list, true })
	net.runUntil(func() bool { return over })
	took := net.now.Sub(start)
	if took > 5*time.Second || victims > 2*20 || len(found) != 20 {
		t.Errorf("Lookup found %d nodes after %v and %d datagrams to fakes, want 20, 5s and two for each of 20 at most", len(found), took, victims)
	}
	stored, took, err := net.set(nodes[21], key, Int(2))
	if err != nil || stored != 20 || took > 5*time.Second {
		t.Errorf("Set = %d, %v after %v, want 20 within 5s", stored, err, took)
	}
}

// S7: liars without number, which all answer and name each other, end a lookup by
// its budget.
func TestLiarsWithoutNumber(t *testing.T) {
	net := newTestNet(t, 78)
	nodes := net.grow(20, Config{})
	key := Key("key")
	next := 0
	requests := 0
	var lie func(r *wire.Request, id ID) []byte
	lie = func(r *wire.Request, id ID) []byte {
		if r.Method != wire.FindNode && r.Method != wire.FindValue {
			return answerAs(id, r)
		}
		requests++
		var fakes []Contact
		for range 20 {
			next++
			c := Contact{key, addr(1000 + next)}
			c.ID.flip(min(40+next/50, IDBits-20))
			c.ID.keepPrefix(IDBits-20, RandomID(net.rand))
			net.puppet(c, func(r *wire.Request) []byte { return lie(r, c.ID) })
			fakes = append(fakes, c)
		}
		return answerAs(id, r, fakes...)
	}
	liar := Contact{key, addr(600)}
	liar.ID.flip(30)
	net.puppet(liar, func(r *wire.Request) []byte { return lie(r, liar.ID) })
	net.run(time.Minute)
	net.introduce(liar)
	_, took, err := net.get(nodes[7], key)
	t.Logf("%d requests in %v", requests, took)
	if err == nil || took > 15*time.Second || requests > budgetPerK*20 {
		t.Errorf("Get: error %v after %v and %d requests to liars, want none found, 15s, %d", err, took, requests, budgetPerK*20)
	}
	net.run(time.Minute)
	if !net.drained() {
		t.Error("something is still under way")
	}
	checkTable(t, &nodes[7].table)
}

// I1, S5, S6: a flood of requests from senders that do not exist moves no contact,
// and takes up a bounded number of pings and a bounded memory; where the buckets
// are full it causes no ping at all.
func TestFloodOfForgedSenders(t *testing.T) {
	t.Parallel()
	flood := 100_000
	if short() {
		flood = 10_000
	}
	net := newTestNet(t, 79)
	e := net.add(Config{RefreshInterval: quiet})
	for i := range 10000 {
		e.table.insert(Contact{idAt(e.id, max(0, i%24-12), net.rand), addr(30000 + i)})
	}
	before := contactsOf(&e.table)
	w, now := wire.NewWriter(), net.now
	var out Outbox
	pings, answers, mostCalls, mostTimers := 0, 0, 0, 0
	send := func(id ID, i int) {
		now = now.Add(100 * time.Microsecond)
		e.Advance(now)
		r := wire.Request{Method: wire.FindNode, Sender: wire.ID(id), Msg: wire.MsgID(RandomID(net.rand)), Target: wire.ID(id)}
		e.Receive(now, addr(40000+i%60000), w.Request(nil, &r))
		e.Flush(&out)
		for i := range out.Len() {
			if _, d := out.At(i); requestIn(d) == nil {
				answers++
			} else {
				pings++
			}
		}
		mostCalls, mostTimers = max(mostCalls, len(e.calls.waiting)), max(mostTimers, len(e.timers.heap))
		if got := len(e.verify.pending); got > maxPending {
			t.Fatalf("%d strangers are being proven, want %d at most", got, maxPending)
		}
	}
	for i := range flood { // far ids: their buckets are full
		send(idAt(e.id, 0, net.rand), i)
	}
	if pings != 0 || answers != flood {
		t.Errorf("%d pings and %d answers to %d far strangers, want no ping and all answers", pings, answers, flood)
	}
	answers = 0
	for i := range flood { // near ids: there is room
		send(idAt(e.id, 20+i%100, net.rand), i)
	}
	seconds := int(now.Sub(net.now)/time.Second) + 1
	limit := maxPending * int(e.cfg.RPCTimeout/softFloor)
	t.Logf("%d pings in %d s, %d calls and %d timers at most", pings, seconds, mostCalls, mostTimers)
	if perSecond := pings / seconds; perSecond > maxPending*int(time.Second/softFloor) || mostCalls > limit || mostTimers > 2*limit {
		t.Errorf("%d pings a second, %d calls and %d timers at a time", perSecond, mostCalls, mostTimers)
	}
	if got := contactsOf(&e.table); len(got) != len(before) {
		t.Errorf("%d contacts after the flood, %d before", len(got), len(before))
	}
	for _, p := range before {
		if x := e.table.get(p.ID); x == nil || x.fails != 0 {
			t.Fatalf("the flood cost a contact")
		}
	}
	checkTable(t, &e.table)
	for now = now.Add(time.Minute); e.Next().Before(now); {
		e.Advance(e.Next())
	}
	if len(e.calls.waiting)+len(e.verify.pending) != 0 {
		t.Errorf("%d calls and %d provings are left a minute later", len(e.calls.waiting), len(e.verify.pending))
	}
}
