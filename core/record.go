package core

import (
	"errors"
	"time"
)

// Record is a value with its life.
type Record struct {
	Value Value
	// Published is when the value was set, as far as this node knows.
	Published time.Time
	// TTL is how long it lives from then.
	TTL time.Duration
	// Cached says that the node is not one of those which should hold the value,
	// but was on the way of a lookup for it (paper, section 2.3).
	Cached bool
}

// Expires returns when the record's life ends.
func (r *Record) Expires() time.Time { return r.Published.Add(r.TTL) }

// Store keeps records, and knows nothing of their lives or of quotas: the engine
// takes care of those. It is used under the node's lock only, and so should be
// quick.
type Store interface {
	// Load returns the record under key, if there is one.
	Load(key ID) (Record, bool)
	// Save keeps r under key in place of what was there. After an error, what
	// was there is still there.
	Save(key ID, r Record) error
	// Delete forgets what is under key, if there is something.
	Delete(key ID) error
	// All calls yield for each record, in any order, until it returns false.
	// The engine calls it once, when it starts.
	All(yield func(ID, Record) bool)
}

// MemoryStore is a Store that is gone when the program ends.
type MemoryStore map[ID]Record

// NewMemoryStore returns an empty store.
func NewMemoryStore() MemoryStore { return MemoryStore{} }

// Load implements Store.
func (m MemoryStore) Load(key ID) (Record, bool) {
	r, ok := m[key]
	return r, ok
}

// Save implements Store. It never fails.
func (m MemoryStore) Save(key ID, r Record) error {
	m[key] = r
	return nil
}

// Delete implements Store. It never fails.
func (m MemoryStore) Delete(key ID) error {
	delete(m, key)
	return nil
}

// All implements Store.
func (m MemoryStore) All(yield func(ID, Record) bool) {
	for key, r := range m {
		if !yield(key, r) {
			return
		}
	}
}

// RecordOverhead is what each record is counted with besides its encoded value,
// in bytes, when Config.StoreBytes is shared out: about what it takes in memory.
const RecordOverhead = 384

var errStoreFull = errors.New("store is full of values that are nearer")
