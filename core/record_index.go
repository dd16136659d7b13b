package core

import (
	"slices"
	"time"
)

// recordIndex has, for each record in the Store, when it ends, when to republish it,
// and its place in the order of eviction.
type recordIndex struct {
	self  ID
	store Store
	limit int64 // in bytes
	// near returns the level from which on all records are equal: k contacts share as
	// many bits. The sender of a STORE chooses the key, and must not displace other
	// records by a key next to the node's id.
	near  func() int
	bytes int64
	index map[ID]*indexEntry
	// levels[n] lists the records whose keys share n leading bits with self.
	levels [][]*indexEntry
	// evicted, if not nil, is called for each record that makes room for another.
	evicted func(*indexEntry)
}

// indexEntry is one record.
type indexEntry struct {
	key     ID
	size    int64
	cached  bool
	expires time.Duration
	// confirmed is when it was last stored here, or confirmed by other nodes.
	confirmed time.Duration
	// due is when to republish it.
	due time.Duration
	// scheduled is when the engine is woken for it next; zero if no timer is set.
	scheduled time.Duration
	level     int
	pos       int // in its level
}

func newRecordIndex(self ID, store Store, limit int64, near func() int) recordIndex {
	return recordIndex{self: self, store: store, limit: limit, near: near}
}

// get returns the record under key, if there is one and it has not expired.
func (h *recordIndex) get(now time.Duration, key ID) (Record, bool) {
	if x := h.index[key]; x == nil || x.expires <= now {
		return Record{}, false
	}
	return h.store.Load(key)
}

// put keeps r under key. If room is short it evicts records that are farther away,
// and refuses r if they do not free enough. After an error nothing has changed.
func (h *recordIndex) put(key ID, r Record) (*indexEntry, error) {
	x := h.index[key]
	need := int64(r.Value.Size()) + recordOverhead
	level := PrefixLen(h.self, key)
	free := h.limit - h.bytes
	if x != nil {
		free += x.size
	}
	var victims []*indexEntry
	if free < need {
		var ok bool
		if victims, ok = h.victims(need-free, min(level, h.near())); !ok {
			return nil, errStoreFull
		}
	}
	if err := h.store.Save(key, r); err != nil {
		return nil, err
	}
	h.evict(victims)
	if x == nil {
		x = h.add(key, level)
	}
	h.bytes += need - x.size
	x.size, x.cached = need, r.Cached
	return x, nil
}

// victims returns records of levels below the given one, the lowest first, that take
// up at least the given number of bytes. ok is false if all of them are not enough.
func (h *recordIndex) victims(bytes int64, level int) (list []*indexEntry, ok bool) {
	for l := 0; l < min(level, len(h.levels)) && bytes > 0; l++ {
		for _, x := range h.levels[l] {
			list = append(list, x)
			if bytes -= x.size; bytes <= 0 {
				break
			}
		}
	}
	return list, bytes <= 0
}

// evict forgets records to make room.
func (h *recordIndex) evict(victims []*indexEntry) {
	for _, x := range victims {
		if h.evicted != nil {
			h.evicted(x)
		}
		h.remove(x.key)
	}
}

func (h *recordIndex) add(key ID, level int) *indexEntry {
	if h.index == nil {
		h.index = make(map[ID]*indexEntry)
	}
	for len(h.levels) <= level {
		h.levels = append(h.levels, nil)
	}
	x := &indexEntry{key: key, level: level, pos: len(h.levels[level])}
	h.levels[level] = append(h.levels[level], x)
	h.index[key] = x
	return x
}

// remove forgets the record under key.
func (h *recordIndex) remove(key ID) {
	x := h.index[key]
	if x == nil {
		return
	}
	h.store.Delete(key)
	x.scheduled = 0
	h.bytes -= x.size
	delete(h.index, key)
	list := h.levels[x.level]
	last := list[len(list)-1]
	list[x.pos], last.pos = last, x.pos
	list[len(list)-1] = nil
	h.levels[x.level] = list[:len(list)-1]
}

// load indexes the records that the store holds already, and returns them by key. If
// they take up more than the limit, it evicts some.
func (h *recordIndex) load(epoch time.Time) []*indexEntry {
	type item struct {
		key ID
		r   Record
	}
	var items []item
	h.store.All(func(key ID, r Record) bool {
		items = append(items, item{key, r})
		return true
	})
	slices.SortFunc(items, func(a, b item) int { return a.key.Compare(b.key) })
	all := make([]*indexEntry, 0, len(items))
	for _, it := range items {
		x := h.add(it.key, PrefixLen(h.self, it.key))
		x.size = int64(it.r.Value.Size()) + recordOverhead
		x.cached = it.r.Cached
		x.expires = it.r.Expires().Sub(epoch)
		h.bytes += x.size
		all = append(all, x)
	}
	if h.bytes <= h.limit {
		return all
	}
	h.trim()
	return slices.DeleteFunc(all, func(x *indexEntry) bool { return h.index[x.key] != x })
}

// trim brings the records to the limit at the start of the node. Records that have
// expired go first, then others in the order of eviction. No contacts are known yet,
// so the levels are not limited by near.
func (h *recordIndex) trim() {
	var expired []*indexEntry
	for _, list := range h.levels {
		for _, x := range list {
			if x.expires <= 0 {
				expired = append(expired, x)
			}
		}
	}
	h.evict(expired)
	victims, _ := h.victims(h.bytes-h.limit, len(h.levels))
	h.evict(victims)
}

// len returns the number of records.
func (h *recordIndex) len() int { return len(h.index) }
