package core

import (
	"errors"
	"time"
)

// Record is a value with its life.
type Record struct {
	Value Value // of any kind, at most 65 kB
	// Published is when the value was set, as far as this node knows.
	Published time.Time
	// TTL is how long it lives from then.
	TTL time.Duration
	// Version orders the values under a key: see newerThan. It is the time at which the
	// writer set the value, in milliseconds since 1970, or a little more.
	Version uint64
	// Deleted marks a deletion: there is no value, and older ones must not come back.
	Deleted bool
	// Cached marks a copy: the node is not one of the k nearest, which should hold the
	// value. A lookup leaves copies on its path (paper, section 2.3), and a holder that
	// newcomers have displaced keeps one.
	Cached bool
}

// newerThan reports whether r replaces o. The larger version is newer. Of two values
// with the same version, set by two writers at once, the larger encoding counts as
// newer, and a deletion counts as newer than any value: all nodes choose the same.
func (r *Record) newerThan(o *Record) bool {
	switch {
	case r.Version != o.Version:
		return r.Version > o.Version
	case r.Deleted != o.Deleted:
		return r.Deleted
	}
	return r.Value.raw > o.Value.raw
}

// Expires returns when the record's life ends.
func (r *Record) Expires() time.Time { return r.Published.Add(r.TTL) }

// Store keeps records. The engine takes care of their lives and of quotas. A Store
// is used under the node's lock only, and so should be quick.
type Store interface {
	// Load returns the record under key, if there is one.
	Load(key ID) (Record, bool)
	// Save keeps r under key in place of the record there. After an error, the old
	// record is still there.
	Save(key ID, r Record) error
	// Delete forgets the record under key, if there is one.
	Delete(key ID) error
	// All calls yield for each record, in any order, until it returns false.
	// The engine calls it once, when it starts.
	All(yield func(ID, Record) bool)
}

// memoryStore is a Store that is gone when the program ends.
type memoryStore map[ID]Record

// NewMemoryStore returns an empty Store that is gone when the program ends.
func NewMemoryStore() Store { return memoryStore{} }

func (m memoryStore) Load(key ID) (Record, bool) {
	r, ok := m[key]
	return r, ok
}

func (m memoryStore) Save(key ID, r Record) error {
	m[key] = r
	return nil
}

func (m memoryStore) Delete(key ID) error {
	delete(m, key)
	return nil
}

func (m memoryStore) All(yield func(ID, Record) bool) {
	for key, r := range m {
		if !yield(key, r) {
			return
		}
	}
}

// recordOverhead is added to the size of each encoded value when records are counted
// against Config.StoreBytes, in bytes: about the memory that a record takes besides.
const recordOverhead = 384

var errStoreFull = errors.New("store is full of values that are nearer")
