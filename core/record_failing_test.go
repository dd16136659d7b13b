package core

import (
	"errors"
	"maps"
	"testing"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// brokenStore is a memoryStore whose Save fails while broken is set.
type brokenStore struct {
	memoryStore
	broken bool
}

func (s *brokenStore) Save(key ID, r Record) error {
	if s.broken {
		return errors.New("disk is full")
	}
	return s.memoryStore.Save(key, r)
}

// sized returns a value that takes up the given number of bytes of Config.StoreBytes.
func sized(bytes int, fill byte) Value {
	b := make([]byte, bytes-recordOverhead)
	b[0] = fill
	return Bytes(b[:2*len(b)-Bytes(b).Size()]) // without room for the header
}

// A STORE that the Store fails to save is refused. Nothing that was there is lost, and
// nothing is counted but the refusal: neither where a new record needs the room of
// others, nor where it replaces a record.
func TestFailedSaveChangesNothing(t *testing.T) {
	net := newTestNet(t, 61)
	store := &brokenStore{memoryStore: memoryStore{}}
	const size = recordOverhead + 100
	e := net.add(Config{Store: store, StoreBytes: 10 * size, RefreshInterval: quiet, RepublishInterval: quiet})
	e.records.near = func() int { return IDBits } // as if contacts were everywhere
	from := Contact{ID{1}, addr(1000)}
	stored := func(key ID, v Value) bool {
		t.Helper()
		a, ok := net.ask(from, e, wire.Request{Method: wire.Store, Target: wire.ID(key), Value: v.Raw()})
		if !ok {
			t.Fatal("STORE is not answered")
		}
		return a.Stored
	}
	for range 10 {
		if !stored(idAt(e.id, 0, net.rand), sized(size, 1)) {
			t.Fatal("a record is refused though there is room")
		}
	}
	before, was := maps.Clone(store.memoryStore), e.Stats()
	var held ID
	for held = range before {
		break
	}

	store.broken = true
	for name, key := range map[string]ID{"a nearer record": idAt(e.id, 9, net.rand), "a record that is held": held} {
		if stored(key, sized(size, 2)) {
			t.Errorf("%s: the STORE is acknowledged, the record was not saved", name)
		}
	}
	now := e.Stats()
	if !maps.Equal(store.memoryStore, before) || now.Records != was.Records || now.RecordBytes != was.RecordBytes {
		t.Errorf("%d records of %d bytes after failures to save, want the %d of %d bytes that were there",
			now.Records, now.RecordBytes, was.Records, was.RecordBytes)
	}
	if got := now.Refused - was.Refused; got != 2 {
		t.Errorf("%d refusals counted, want 2", got)
	}
	if _, held := e.records.get(e.clock.latest, held); !held {
		t.Error("the old value is no longer served")
	}

	store.broken = false
	if !stored(idAt(e.id, 9, net.rand), sized(size, 2)) || e.Stats().Records != 10 {
		t.Errorf("%d records once the store works again, want 10 with the nearer one", e.Stats().Records)
	}
	checkHoldings(t, &e.records)
}

// A record that is replaced counts once: with the size of its new value.
func TestReplacedRecordCountsOnce(t *testing.T) {
	net := newTestNet(t, 62)
	e := net.add(Config{RefreshInterval: quiet})
	for _, size := range []int{1000, 3000, 600} {
		net.set(e, Key("key"), sized(size, 1))
		if s := e.Stats(); s.Records != 1 || s.RecordBytes != int64(size) {
			t.Errorf("%d records of %d bytes, want 1 of %d", s.Records, s.RecordBytes, size)
		}
	}
}

// A lone node whose Store fails has stored nothing, and says so.
func TestSetOnFailingStore(t *testing.T) {
	net := newTestNet(t, 63)
	e := net.add(Config{Store: &brokenStore{memoryStore: memoryStore{}, broken: true}})
	if nodes, _, err := net.set(e, Key("key"), Int(1)); nodes != 0 || !errors.Is(err, ErrNotStored) {
		t.Errorf("Set = %d, %v, want 0, %v", nodes, err, ErrNotStored)
	}
	if s := e.Stats(); s.Refused != 1 || s.Records != 0 || s.RecordBytes != 0 {
		t.Errorf("%d refused, %d records of %d bytes, want 1 refusal and no more", s.Refused, s.Records, s.RecordBytes)
	}
}
