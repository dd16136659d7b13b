package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Expiry is an event, not a search: between the times that matter an engine with
// records sleeps.
func TestExpiryWithoutPolling(t *testing.T) {
	net := newTestNet(t, 26)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet, TTL: time.Hour})
	for i := range 10 {
		net.set(e, Key(fmt.Sprint(i)), Int(1))
		net.run(time.Minute)
	}
	for i := range 10 {
		want := epoch.Add(time.Hour + time.Duration(i)*time.Minute)
		if got := e.Next(); !got.Equal(want) {
			t.Fatalf("wants to be woken at %v, want %v", got.Sub(epoch), want.Sub(epoch))
		}
		e.Advance(want.Add(-1))
		if got := e.Stats().Records; got != 10-i {
			t.Errorf("%d records before the end of a life, want %d", got, 10-i)
		}
		e.Advance(want)
		if got := e.Stats().Records; got != 9-i {
			t.Errorf("%d records after the end of a life, want %d", got, 9-i)
		}
	}
	if e.records.bytes != 0 || len(e.records.store.(memoryStore)) != 0 {
		t.Errorf("%d bytes and %d records are left", e.records.bytes, len(e.records.store.(memoryStore)))
	}
}

// P20, S5: what a node keeps is bounded in bytes. What is near to it stays, what is
// far goes first, and who cannot be served is told so.
func TestQuota(t *testing.T) {
	const limit = 100 * (recordOverhead + 101)
	net := newTestNet(t, 27)
	e := net.add(Config{RefreshInterval: quiet, StoreBytes: limit})
	e.records.near = func() int { return IDBits } // as if contacts were everywhere
	src := rand.NewChaCha8([32]byte{27})
	v := Bytes(make([]byte, 99))
	lost := 0
	kept := make(map[ID]bool)
	count := 20000
	for range count {
		key := RandomID(src)
		kept[key] = e.acceptStore(0, key, Contact{}, v.Raw(), wire.Trailer{})
		if e.records.bytes > limit {
			t.Fatalf("%d bytes kept, want %d at most", e.records.bytes, limit)
		}
	}
	if got := len(e.records.index); got != 100 || len(e.timers.heap) > max(minSweep, 3*got) {
		t.Errorf("%d records kept, want 100; %d timers", got, len(e.timers.heap))
	}
	nearest := IDBits
	for key := range e.records.index {
		nearest = min(nearest, PrefixLen(key, e.id))
	}
	for key, accepted := range kept {
		if e.records.index[key] == nil {
			lost++
			if got := PrefixLen(key, e.id); got > nearest {
				t.Errorf("a record that shares %d bits with the node was lost (accepted %v), and one with %d kept", got, accepted, nearest)
			}
		} else if !accepted {
			t.Error("a record was refused and kept")
		}
	}
	if got := e.Stats().Refused; got == 0 || int(got) > lost {
		t.Errorf("%d refusals counted, %d records lost", got, lost)
	}
	a, ok := net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.Store, Target: wire.ID(idAt(e.id, 0, src)), Value: v.Raw()})
	if !ok || a.Stored {
		t.Errorf("a far record is answered %v, want false", a.Stored)
	}
	a, ok = net.ask(Contact{ID{1}, addr(1000)}, e, wire.Request{Method: wire.Store, Target: wire.ID(idAt(e.id, 50, src)), Value: v.Raw()})
	if !ok || !a.Stored {
		t.Errorf("a near record is answered %v, want true", a.Stored)
	}
}

// S5: what is stored, replaced and gone again within seconds leaves nothing behind
// that would wait for the time of what was there before.
func TestShortLivesLeaveNothing(t *testing.T) {
	net := newTestNet(t, 30)
	e := net.add(Config{RefreshInterval: quiet})
	now := e.clock.latest
	for range 60 {
		for i := range 100 {
			key := Key(fmt.Sprint(i))
			e.acceptStore(now, key, Contact{}, Int(1).Raw(), wire.Trailer{Life: true, TTL: 24 * time.Hour})
			e.acceptStore(now, key, Contact{}, Int(2).Raw(), wire.Trailer{Life: true, TTL: time.Second})
		}
		now += time.Second
		e.Advance(e.clock.epoch.Add(now))
	}
	if got := len(e.timers.heap); got > minSweep+200 || e.Stats().Records != 0 {
		t.Errorf("%d timers and %d records are left of 100 keys", got, e.Stats().Records)
	}
}

// A store that outlives the engine is taken stock of by the next one: what has
// expired since goes, the rest is served and republished.
func TestStoreOutlivesTheEngine(t *testing.T) {
	net := newTestNet(t, 31)
	store := memoryStore{}
	cfg := Config{Store: store, RefreshInterval: quiet}
	first := net.add(cfg)
	for i := range 50 {
		first.putRecord(0, Key(fmt.Sprint(i)), Record{Value: Int(int64(i)), Published: net.now, TTL: time.Duration(i+1) * time.Hour, Cached: i%2 == 1})
	}
	net.run(time.Minute)
	net.stop(first)
	net.run(10*time.Hour - time.Minute) // to the moment when the tenth expires
	cfg.ID = first.id
	second := net.add(cfg)
	net.run(time.Second)
	if s := second.Stats(); s.Records != 40 || s.RecordBytes != first.records.bytes*40/50 || len(store) != 40 {
		t.Errorf("%d records of %d bytes, want 40; %d in the store", s.Records, s.RecordBytes, len(store))
	}
	checkHoldings(t, &second.records)
	net.grow(5, Config{RefreshInterval: quiet})
	republished := make(map[ID]bool)
	net.stores(func(_, _ netip.AddrPort, key ID) { republished[key] = true })
	net.run(90 * time.Minute)
	for i := 12; i < 50; i++ {
		if key := Key(fmt.Sprint(i)); republished[key] != (i%2 == 0) {
			t.Errorf("record %d, copy %v: republished %v", i, i%2 == 1, republished[key])
		}
	}
}

// The books of what is kept agree with a model, whatever is done.
func TestHoldingsTreatedAtRandom(t *testing.T) {
	for seed := range 10 {
		r := rand.New(rand.NewChaCha8([32]byte{28, byte(seed)}))
		store := memoryStore{}
		h := newRecordIndex(ID{}, store, 20*recordOverhead, func() int { return IDBits })
		for range 2000 {
			key := ID{0: 0x80 >> r.IntN(8), 19: byte(r.IntN(8))}
			switch r.IntN(5) {
			case 0:
				h.remove(key)
			default:
				before, had := store.Load(key)
				v := Bytes(make([]byte, r.IntN(6*recordOverhead)))
				_, err := h.put(key, Record{Value: v, Cached: r.IntN(2) == 0})
				if after, has := store.Load(key); err != nil && (after != before || has != had) {
					t.Fatal("a refused record changed what was there")
				} else if err == nil && after.Value != v {
					t.Fatal("an accepted record is not there")
				}
			}
			checkHoldings(t, &h)
		}
	}
}

func checkHoldings(t testing.TB, h *recordIndex) {
	t.Helper()
	var bytes int64
	listed := 0
	for level, list := range h.levels {
		for i, x := range list {
			if x.level != level || x.pos != i || h.index[x.key] != x || PrefixLen(h.self, x.key) != level {
				t.Fatalf("%v is listed at %d of level %d, knows %d of %d", x.key, i, level, x.pos, x.level)
			}
			r, ok := h.store.Load(x.key)
			if size := int64(r.Value.Size()) + recordOverhead; !ok || x.size != size || x.cached != r.Cached {
				t.Fatalf("%v counts %d bytes, has %d", x.key, x.size, size)
			}
			bytes += x.size
			listed++
		}
	}
	if bytes != h.bytes || listed != len(h.index) || bytes > h.limit {
		t.Fatalf("%d bytes in %d records, counted %d in %d, limit %d", bytes, listed, h.bytes, len(h.index), h.limit)
	}
}

// S5: whoever stores chooses the key. One next to the node's id displaces only
// what is no more this node's to hold than others'.
func TestKeysNextToTheIDDisplaceNothing(t *testing.T) {
	net := newTestNet(t, 45)
	const honest = 200
	nodes := net.grow(40, Config{K: 8, RefreshInterval: quiet, RepublishInterval: quiet, StoreBytes: honest * (recordOverhead + 101)})
	e := nodes[0]
	src := rand.NewChaCha8([32]byte{45})
	near := e.table.sharedByK()
	if near == 0 || e.table.countFrom(near) < 8 || e.table.countFrom(near+1) >= 8 {
		t.Fatalf("%d contacts share %d bits, want the most bits that 8 do", e.table.countFrom(near), near)
	}
	v := Bytes(make([]byte, 99))
	for range honest {
		e.acceptStore(e.clock.latest, idAt(e.id, near, src), Contact{}, v.Raw(), wire.Trailer{})
	}
	for range 10 * honest {
		e.acceptStore(e.clock.latest, idAt(e.id, 100, src), Contact{}, v.Raw(), wire.Trailer{})
	}
	kept := 0
	for key := range e.records.index {
		if PrefixLen(e.id, key) == near {
			kept++
		}
	}
	if kept != honest {
		t.Errorf("%d of %d records are left after a flood of keys next to the id", kept, honest)
	}
	e.acceptStore(e.clock.latest, idAt(e.id, 0, src), Contact{}, v.Raw(), wire.Trailer{})
}
