package core

import (
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// S5: a node whose store holds more than its limit at the start, because the limit
// was lowered, keeps the records that are nearest to it and have not expired, up to
// the limit and no fewer. From then on records can be replaced as ever.
func TestStoreLargerThanTheLimit(t *testing.T) {
	const size, limit, near, far = recordOverhead + 100, 20, 15, 150
	net := newTestNet(t, 64)
	store := memoryStore{}
	id := ID{0x80}
	add := func(count, bits int, life time.Duration) (keys []ID) {
		for range count {
			key := idAt(id, bits, net.rand)
			store[key] = Record{Value: sized(size, 1), Published: net.now.Add(-time.Hour), TTL: time.Hour + life}
			keys = append(keys, key)
		}
		return keys
	}
	nearKeys := add(near, 5, time.Hour)
	add(far, 1, time.Hour)
	expired := add(far, 9, -time.Minute)

	e := net.add(Config{ID: id, Store: store, StoreBytes: limit*size + size/2, RefreshInterval: quiet, RepublishInterval: quiet})
	if s := e.Stats(); s.Records != limit || s.RecordBytes != limit*size || len(store) != limit {
		t.Errorf("%d records of %d bytes, %d in the store; want %d of %d", s.Records, s.RecordBytes, len(store), limit, limit*size)
	}
	checkHoldings(t, &e.records)
	for _, key := range nearKeys {
		if _, ok := store[key]; !ok {
			t.Error("a near record is gone, and a farther one kept")
		}
	}
	for _, key := range expired {
		if _, ok := store[key]; ok {
			t.Error("an expired record is kept")
		}
	}

	for key := range store {
		r := wire.Request{Method: wire.Store, Target: wire.ID(key), Value: sized(size, 2).Raw()}
		if a, ok := net.ask(Contact{ID{1}, addr(1000)}, e, r); !ok || !a.Stored || store[key].Value != sized(size, 2) {
			t.Fatalf("a new value under a held key is refused: answered %v, stored %v", ok, a.Stored)
		}
	}
	net.run(2 * time.Hour)
	if s := e.Stats(); s.Records != limit {
		t.Errorf("%d records of the new values, want %d", s.Records, limit)
	}
	net.run(24 * time.Hour)
	if s := e.Stats(); s.Records != 0 || s.RecordBytes != 0 || len(store) != 0 {
		t.Errorf("%d records of %d bytes are left when all lives are over", s.Records, s.RecordBytes)
	}
}

// A store within its limit is kept whole.
func TestStoreAsLargeAsTheLimit(t *testing.T) {
	net := newTestNet(t, 65)
	store := memoryStore{}
	const size, count = recordOverhead + 100, 10
	for range count {
		store[RandomID(net.rand)] = Record{Value: sized(size, 1), Published: net.now, TTL: time.Hour}
	}
	e := net.add(Config{Store: store, StoreBytes: count * size, RefreshInterval: quiet})
	if got := e.Stats().Records; got != count || len(store) != count {
		t.Errorf("%d records and %d in the store, want all %d", got, len(store), count)
	}
}
