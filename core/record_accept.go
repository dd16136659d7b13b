package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// This file is the policy on the ages of records: how long they live, and how a
// STORE changes that.

// sameMoment is the largest difference between two times of publication that count
// as the same: ages travel in whole seconds. Of two such, the later STORE counts.
const sameMoment = 2 * time.Second

// acceptStore takes in a value from a STORE of another node, and reports whether it
// is kept.
//
// The trailer has the value's age, so that republishing does not lengthen its life.
// A value without one counts as published now, the rule of Python's kademlia.
func (e *Engine) acceptStore(now time.Duration, key ID, v Value, t wire.Trailer) bool {
	r := Record{Value: v, Published: e.clock.time(now), TTL: e.cfg.TTL}
	old, have := e.records.get(now, key)
	if t.Life {
		r.Published = r.Published.Add(-t.Age)
		r.TTL = min(t.TTL, MaxTTL)
		if have && old.Published.Sub(r.Published) > sameMoment {
			// A node republishes a value that has been replaced since.
			return old.Value == v
		}
	}
	e.limitToCopy(key, &r)
	if t.Life && have && old.Value == v && r.Published.Sub(old.Published) <= sameMoment {
		// The same publication. The rounding of its age must not change the life, nor
		// may a copy with a shorter life end it.
		r.Published = old.Published
		r.TTL = max(r.TTL, old.TTL)
	}
	return e.putRecord(now, key, r)
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
	expires := r.Expires().Sub(e.clock.epoch)
	if expires <= now {
		return false
	}
	x, err := e.records.put(key, r)
	if err != nil {
		e.stats.Refused++
		e.traceRecord(now, key, trace.RecordRefused, r.Value.Size())
		e.cfg.Log.Debug("value refused", "key", key, "bytes", r.Value.Size(), "error", err)
		return false
	}
	e.traceRecord(now, key, trace.RecordStored, r.Value.Size())
	x.expires = expires
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
