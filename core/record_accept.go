package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// This file is the policy on records: which of two values under a key counts, how
// long a record lives, and how a STORE changes that.

// sameMoment is the largest difference between two times of publication that count
// as the same: ages travel in whole seconds. Nodes of before version 0.2 send an age
// and no version.
const sameMoment = 2 * time.Second

// maxAhead is how far a version may be ahead of this node's clock. A version from the
// future would block later sets.
const maxAhead = 5 * time.Minute

// copyLife is the life of a copy that a lookup leaves on its path.
const copyLife = 2 * time.Minute

// recordOf returns the record that a STORE or an answer carries. Its Version is zero if
// the sender did not say anything about its age.
func (e *Engine) recordOf(now time.Duration, raw []byte, t wire.Trailer) Record {
	r := Record{Value: Value{raw: string(raw)}, Published: e.clock.time(now), TTL: e.cfg.TTL, Version: t.Version}
	if t.Life {
		r.Published = r.Published.Add(-t.Age)
		r.TTL = min(t.TTL, MaxTTL)
		if r.Version == 0 {
			r.Version = uint64(max(r.Published.UnixMilli(), 1))
		}
	}
	if t.Marks&wire.MarkDeleted != 0 {
		r.Value, r.Deleted = Value{}, true
	}
	return r
}

// acceptStore takes in the record of a STORE from another node, and reports whether
// this node has the value now.
//
// A record with a version replaces an older one, and never a newer one. A record
// without a version comes from a Python node. It replaces any other value, unless its
// value is one that was replaced or deleted here lately: Python nodes republish old
// values, and do not say that they are old.
func (e *Engine) acceptStore(now time.Duration, key ID, from Contact, raw []byte, t wire.Trailer) bool {
	r := e.recordOf(now, raw, t)
	if r.Version > e.clock.millis(now+maxAhead) {
		e.stats.Refused++
		return false
	}
	old, have := e.records.get(now, key)
	same := have && old.Value == r.Value && old.Deleted == r.Deleted
	if !e.meets(now, key, t.Condition) {
		return same && old.Version == r.Version // the STORE has come twice
	}
	switch {
	case r.Version == 0 && same:
		r.Version = old.Version
	case r.Version == 0:
		if e.replaced.has(now, key, r.Value) && e.hasVerified(from.ID, from.Addr) {
			return false
		}
		r.Version = max(e.clock.millis(now), old.Version+1)
	case same:
		r.Version = max(r.Version, old.Version)
	case have && t.Version == 0 && r.Published.Sub(old.Published) >= -sameMoment:
		r.Version = max(r.Version, old.Version+1)
	case have && old.newerThan(&r):
		return false
	}
	if t.Marks&wire.MarkCopy != 0 && have && !old.Cached && same {
		return true // this node is a holder already
	}
	e.limitToCopy(key, &r)
	if r.Cached && t.Marks&wire.MarkCopy != 0 {
		r.TTL = min(r.TTL, t.Age+copyLife)
	}
	if t.Life && same && t.Version <= old.Version {
		// The same publication: a STORE can make its life longer, not shorter.
		r.Published, r.TTL = longerLife(r, old)
	}
	return e.putRecord(now, key, r)
}

// meets reports whether the record under key meets a SetOptions.IfVersion.
func (e *Engine) meets(now time.Duration, key ID, condition uint64) bool {
	own, have := e.records.get(now, key)
	switch {
	case condition == 0:
		return true
	case condition == NoVersion:
		return !have || own.Deleted
	}
	return have && !own.Deleted && own.Version == condition
}

// longerLife returns the time of publication and the life of a record that has been
// stored twice. The rounding of ages does not lengthen the life.
func longerLife(r, old Record) (time.Time, time.Duration) {
	if d := r.Published.Sub(old.Published); d <= sameMoment && d >= -sameMoment {
		return old.Published, max(r.TTL, old.TTL)
	}
	if r.Expires().After(old.Expires()) {
		return r.Published, r.TTL
	}
	return old.Published, old.TTL
}

// adopt takes in a newer record that a Get has found, in place of an older one.
func (e *Engine) adopt(now time.Duration, key ID, r Record) {
	e.limitToCopy(key, &r)
	e.putRecord(now, key, r)
}

// limitToCopy makes r a cached copy if this node is not among the k nearest to key.
// The life of a copy is halved for each nearer node beyond the k that should hold
// the record (paper, section 2.3).
func (e *Engine) limitToCopy(key ID, r *Record) {
	beyond := e.table.countNearer(key) - e.cfg.K + 1
	r.Cached = beyond > 0
	if r.Cached {
		r.TTL >>= min(beyond, 60)
	}
}

// putRecord keeps a record, plans its republishing and its end, and reports whether
// there was room.
func (e *Engine) putRecord(now time.Duration, key ID, r Record) bool {
	if r.Version == 0 { // from a store of before version 0.2
		r.Version = uint64(max(r.Published.UnixMilli(), 1))
	}
	expires := r.Expires().Sub(e.clock.epoch)
	if expires <= now {
		return false
	}
	if old, ok := e.records.get(now, key); ok && !old.Deleted && (old.Value != r.Value || r.Deleted) {
		e.replaced.add(now, key, old.Value)
	}
	x, err := e.records.put(key, r)
	if err != nil {
		e.stats.Refused++
		e.traceRecord(now, key, trace.RecordRefused, r.Value.Size())
		e.cfg.Log.Debug("value refused", "key", key, "bytes", r.Value.Size(), "error", err)
		return false
	}
	e.traceRecord(now, key, trace.RecordStored, r.Value.Size())
	x.expires, x.confirmed = expires, now
	e.republish.postpone(now, x)
	return true
}

// demoteToCopy makes a copy of a record that most of the nodes nearest to it have
// just taken, if this node is no longer among the k nearest: a copy is neither
// republished nor returned without a lookup. sure means that k nearer nodes have
// acknowledged the record; otherwise the table decides.
func (e *Engine) demoteToCopy(now time.Duration, key ID, sure bool) {
	r, ok := e.records.get(now, key)
	if !ok {
		return
	}
	e.limitToCopy(key, &r)
	switch {
	case !r.Cached && !sure:
		return
	case !r.Cached: // the table lacks some of the nearer nodes
		r.Cached, r.TTL = true, r.TTL/2
	}
	if !e.putRecord(now, key, r) {
		e.removeRecord(now, key, r)
	}
}

// removeRecord forgets r, the record under key.
func (e *Engine) removeRecord(now time.Duration, key ID, r Record) {
	e.traceRecord(now, key, trace.RecordRemoved, r.Value.Size())
	e.records.remove(key)
}

// age returns the time since a record was published, in whole seconds, for a
// trailer. It is rounded up, except within the first second: on the way from node
// to node a life may become shorter, but not longer.
func (e *Engine) age(now time.Duration, r Record) time.Duration {
	d := e.clock.time(now).Sub(r.Published)
	if d < time.Second {
		return 0
	}
	return (d + time.Second - 1).Truncate(time.Second)
}
