package core

import (
	"testing"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// BenchmarkServe measures what an Engine takes to answer one request, with a
// table of 200 contacts offered and the requester among them, from the datagram
// that came in to the one that is ready to go out.
func BenchmarkServe(b *testing.B) {
	net := newTestNet(b, 1)
	e := net.add(Config{})
	for i := range 200 {
		e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
	}
	asker := e.Contacts()[50]
	key := Key("key")
	e.putRecord(e.clock.at(net.now), key, Record{Value: Bytes(make([]byte, 100)), Published: net.now, TTL: e.cfg.TTL})

	requests := []struct {
		name string
		wire.Request
	}{
		{"ping", wire.Request{Method: wire.Ping}},
		{"store", wire.Request{Method: wire.Store, Target: wire.ID(key), Value: Bytes(make([]byte, 100)).Raw()}},
		{"find_node", wire.Request{Method: wire.FindNode, Target: wire.ID(Key("other"))}},
		{"find_value", wire.Request{Method: wire.FindValue, Target: wire.ID(key)}},
		{"find_value_miss", wire.Request{Method: wire.FindValue, Target: wire.ID(Key("other"))}},
		{"stun", wire.Request{Method: wire.Stun}},
	}
	for _, r := range requests {
		r.Sender = wire.ID(asker.ID)
		for _, trailer := range []bool{false, true} {
			name := r.name
			if trailer {
				name += "+trailer"
			}
			r.Trailer.Present = trailer
			datagram := wire.NewWriter().Request(nil, &r.Request)
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				var out Outbox
				for b.Loop() {
					e.Receive(net.now, asker.Addr, datagram)
					e.Flush(&out)
				}
				if out.Len() != 1 {
					b.Fatalf("%d datagrams, want 1", out.Len())
				}
			})
		}
	}
}

// BenchmarkStranger measures what it takes to answer the ping of somebody else each
// time, for whom there is no room in a table of 1,000 contacts offered.
func BenchmarkStranger(b *testing.B) {
	net := newTestNet(b, 1)
	e := net.add(Config{})
	for i := range 1000 {
		e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
	}
	var strangers []Contact
	var datagrams [][]byte
	for i := 0; len(strangers) < 1000; i++ {
		if c := (Contact{RandomID(net.rand), addr(2000 + i)}); !e.table.hasRoom(c.ID) {
			r := wire.Request{Method: wire.Ping, Sender: wire.ID(c.ID), Trailer: wire.Trailer{Present: true}}
			strangers, datagrams = append(strangers, c), append(datagrams, wire.NewWriter().Request(nil, &r))
		}
	}
	b.ReportAllocs()
	var out Outbox
	for i := 0; b.Loop(); i++ {
		e.Receive(net.now, strangers[i%1000].Addr, datagrams[i%1000])
		e.Flush(&out)
	}
	if out.Len() != 1 {
		b.Fatalf("%d datagrams, want 1", out.Len())
	}
}

// BenchmarkClosest measures the choice of 20 contacts out of 200.
func BenchmarkClosest(b *testing.B) {
	net := newTestNet(b, 1)
	e := net.add(Config{})
	for i := range 200 {
		e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
	}
	var peers []*peer
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		target := e.id
		target.flip(i % 8)
		peers = e.table.closest(peers[:0], target, 20, func(*peer) bool { return true })
	}
}
