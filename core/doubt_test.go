package core

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// One node that lies can neither make a node that wakes drop its record, nor make it
// look older.
func TestOneLiarAfterSleep(t *testing.T) {
	lies := map[string]wire.Trailer{
		"another value":      {Present: true},
		"the value, expired": {Present: true, Life: true, Age: 48 * time.Hour, TTL: 24 * time.Hour},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			for seed := range byte(20) {
				net := newTestNet(t, seed)
				all := net.grow(8, Config{})
				key := Key("k")
				net.set(all[1], key, Int(1))
				liar := all[3]
				own, _ := liar.records.get(liar.clock.latest, key)
				if own.Published = net.now.Add(-lie.Age); !lie.Life {
					own.Value = Int(2)
				}
				own.TTL = 7 * 24 * time.Hour
				liar.putRecord(liar.clock.at(net.now), key, own)
				woken := all[5]
				before, _ := woken.records.get(woken.clock.latest, key)
				woken.woke(net.now)
				net.run(time.Minute)
				after, ok := woken.records.get(woken.clock.latest, key)
				if !ok || after != before || woken.doubt.about(key) {
					t.Errorf("seed %d: the record is %v, %v, doubt %v after a lie, want %v without doubt",
						seed, after, ok, woken.doubt.about(key), before)
				}
			}
		})
	}
}

// A node that has lost time without knowing how much learns the age of its records
// from other nodes.
func TestAgeIsLearnedAfterSleep(t *testing.T) {
	net := newTestNet(t, 1)
	all := net.grow(8, Config{})
	key := Key("k")
	net.set(all[1], key, Int(1))
	net.run(50 * time.Minute)
	woken := all[5]
	own, _ := woken.records.get(woken.clock.latest, key)
	own.Published = net.now // as if its clock had stood still
	woken.putRecord(woken.clock.at(net.now), key, own)
	net.run(time.Second)
	woken.woke(net.now)
	net.run(5 * time.Second)
	if own, _ := woken.records.get(woken.clock.latest, key); net.now.Sub(own.Published) < 50*time.Minute {
		t.Errorf("the record is %v old, want at least 50 minutes", net.now.Sub(own.Published))
	}
}

// A record in doubt is not returned to those who ask. A value that a node stores
// afterwards is certain at once.
func TestDoubtfulRecordIsNotReturned(t *testing.T) {
	net := newTestNet(t, 1)
	all := net.grow(3, Config{})
	key := Key("k")
	net.set(all[1], key, Int(1))
	net.run(time.Minute)
	woken := all[2]
	asker := Contact{ID: RandomID(net.rand), Addr: addr(50)}
	find := wire.Request{Method: wire.FindValue, Target: wire.ID(key)}
	if a, _ := net.ask(asker, woken, find); a.Value == nil {
		t.Fatal("the record is not returned before the sleep")
	}
	woken.woke(net.now) // no answer has come yet
	if a, ok := net.ask(asker, woken, find); !ok || a.Value != nil || len(a.Contacts) == 0 {
		t.Errorf("answer after the sleep: %v, value %v, %d contacts, want contacts only", ok, a.Value, len(a.Contacts))
	}
	v := Int(2)
	net.ask(asker, woken, wire.Request{Method: wire.Store, Target: wire.ID(key), Value: []byte(v.raw)})
	if a, _ := net.ask(asker, woken, find); string(a.Value) != v.raw {
		t.Errorf("answer after a STORE: value %v, want the one stored", a.Value)
	}
}

// As long as no other node answers, a node that woke passes none of its records on:
// neither to the holders when it is time to republish, nor to a newcomer, nor by a
// request that it sent before. Once it gets an answer, all goes on.
func TestDoubtfulRecordIsNotPassedOn(t *testing.T) {
	net := newTestNet(t, 1)
	all := net.grow(2, Config{RepublishInterval: quiet})
	woken := net.grow(1, Config{RepublishInterval: 20 * time.Minute})[0]
	key, late := Key("k"), Key("late")
	net.set(all[1], key, Int(1))
	net.run(time.Minute)
	deaf := true
	net.lose = func(_, to netip.AddrPort, d []byte) bool {
		return deaf && to == net.addrOf(woken) && requestIn(d) == nil
	}
	stores := 0
	net.tap = func(from, _ netip.AddrPort, d []byte) {
		if r := requestIn(d); r != nil && r.Method == wire.Store && from == net.addrOf(woken) {
			stores++
		}
	}
	r := Record{Value: Int(2), Published: net.now, TTL: time.Hour}
	woken.calls.watch(woken.clock.at(net.now), woken.storeQuery(woken.clock.latest, net.contactOf(all[1]), late, r),
		func(now time.Duration, c *call, stage trace.Stage, _ *wire.Answer) {
			if stage == trace.Late {
				woken.calls.resend(now, c)
			}
		})
	net.run(0)
	stores = 0
	woken.woke(net.now.Add(time.Millisecond))
	newcomer := net.add(Config{RepublishInterval: quiet})
	net.join(newcomer, net.nodes[0].addr, net.addrOf(woken))
	net.run(2 * time.Hour)
	if stores > 0 || !woken.doubt.about(key) {
		t.Errorf("%d STOREs from a node in doubt, which nobody answers, want 0", stores)
	}
	deaf = false
	net.run(25 * time.Minute)
	if woken.doubt.about(key) {
		t.Error("the record is still in doubt, an interval after the link is whole again")
	}
}

// Where as many nodes say one thing as the other, the record stays in doubt until it
// is due again. A newcomer does not get it meanwhile.
func TestDoubtAfterATie(t *testing.T) {
	net := newTestNet(t, 1)
	all := net.grow(2, Config{RepublishInterval: quiet})
	woken := net.grow(1, Config{RepublishInterval: 20 * time.Minute})[0]
	key := woken.ID() // no other node is nearer
	net.set(all[1], key, Int(1))
	right, _ := all[0].records.get(all[0].clock.latest, key)
	wrong := right
	wrong.Value = Int(2)
	all[0].putRecord(all[0].clock.at(net.now), key, wrong)
	stores := 0
	net.stores(func(from, _ netip.AddrPort, _ ID) {
		if from == net.addrOf(woken) {
			stores++
		}
	})
	net.run(time.Second)
	woken.woke(net.now)
	net.run(time.Minute)
	net.join(net.add(Config{RepublishInterval: quiet}), net.addrOf(woken))
	net.run(time.Minute)
	if !woken.doubt.about(key) || stores > 0 {
		t.Errorf("doubt %v, %d STOREs after a tie, want doubt and none", woken.doubt.about(key), stores)
	}
	all[0].putRecord(all[0].clock.at(net.now), key, right)
	net.run(25 * time.Minute)
	if woken.doubt.about(key) || stores == 0 {
		t.Errorf("doubt %v, %d STOREs after the record was due, want no doubt and some", woken.doubt.about(key), stores)
	}
}

// To confirm records takes a bounded number of requests for each, a few at a time.
func TestCostOfWaking(t *testing.T) {
	net := newTestNet(t, 1)
	all := net.grow(8, Config{})
	const records = 200
	for i := range records {
		net.set(all[1], Key(fmt.Sprint(i)), Int(int64(i)))
	}
	woken := all[5]
	asked, sent := woken.stats.Asked, 0
	net.tap = func(from, _ netip.AddrPort, _ []byte) {
		if from == net.addrOf(woken) {
			sent++
		}
	}
	woken.woke(net.now)
	woken.woke(net.now)
	net.run(20 * time.Second)
	if got := woken.stats.Asked - asked; got > records*askedInDoubt+40 || got < records {
		t.Errorf("%d requests after a sleep with %d records, want at most %d for each", got, records, askedInDoubt)
	}
	for i := range records {
		if woken.doubt.about(Key(fmt.Sprint(i))) {
			t.Fatalf("record %d is still in doubt after %d datagrams", i, sent)
		}
	}
}
