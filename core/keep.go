package core

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// This file is all policy about the ages of records: how long they live, when
// they are republished, and what a STORE changes of that.

// sameMoment is how far apart two publications may lie to count as made at the
// same time: ages travel in whole seconds. Of two such, the later STORE holds.
const sameMoment = 2 * time.Second

// jitterShare is the share of the republish interval that is added at random.
// Whoever of the holders is first spares the others the work, if they hear of it
// before their time has come (paper, section 2.5).
const jitterShare = 6

// keep takes in a value that another node wants to have stored, and reports
// whether it is kept.
//
// The trailer says how old the value is, so that to republish it does not make it
// live longer. Without one it counts as published now, as Python's kademlia has
// it.
func (e *Engine) keep(now time.Duration, key ID, v Value, t wire.Trailer) bool {
	r := Record{Value: v, Published: e.epoch.Add(now), TTL: e.cfg.TTL}
	old, have := e.holdings.get(now, key)
	if t.Life {
		r.Published = r.Published.Add(-t.Age)
		r.TTL = min(t.TTL, MaxTTL)
		if have && old.Published.Sub(r.Published) > sameMoment {
			// Somebody republishes what has been replaced since.
			return old.Value == v
		}
	}
	e.cutToCopy(key, &r)
	if t.Life && have && old.Value == v && r.Published.Sub(old.Published) <= sameMoment {
		// The same publication. That the age was cut to seconds on its way here
		// must not lengthen the life, nor a copy with a shorter one end it.
		r.Published = earlier(r.Published, old.Published)
		r.TTL = max(r.TTL, old.TTL)
	}
	return e.put(now, key, r)
}

// cutToCopy makes r a cached copy if the node is not among the k nearest to key:
// its life is halved for each node that is nearer, beyond the k that should hold
// it (paper, section 2.3).
func (e *Engine) cutToCopy(key ID, r *Record) {
	beyond := e.table.countNearer(key) - e.cfg.K + 1
	r.Cached = beyond > 0
	if r.Cached {
		r.TTL >>= min(beyond, 60)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// put keeps a record, plans what is to become of it, and reports whether there
// was room.
func (e *Engine) put(now time.Duration, key ID, r Record) bool {
	expires := r.Expires().Sub(e.epoch)
	if expires <= now {
		return false
	}
	h, err := e.holdings.put(key, r)
	if err != nil {
		e.stats.Refused++
		e.traceRecord(now, key, RecordRefused, r.Value.Size())
		e.cfg.Log.Debug("value refused", "key", key, "bytes", r.Value.Size(), "error", err)
		return false
	}
	e.traceRecord(now, key, RecordStored, r.Value.Size())
	h.expires = expires
	e.postpone(now, h)
	return true
}

// postpone puts off a record's republishing by one interval, since somebody has
// just stored it on the nodes nearest to it.
func (e *Engine) postpone(now time.Duration, h *holding) {
	h.due = now + e.jitter(e.cfg.RepublishInterval)
	e.schedule(h)
}

// jitter returns d and up to a jitterShare of it.
func (e *Engine) jitter(d time.Duration) time.Duration {
	return d + time.Duration(e.cfg.Rand.Uint64()%uint64(d/jitterShare+1))
}

// schedule makes sure that the engine looks at a record when its time comes.
func (e *Engine) schedule(h *holding) {
	next := h.expires
	if !h.cached {
		next = min(next, h.due)
	}
	if h.scheduled == 0 || next < h.scheduled {
		h.scheduled = next
		e.timers.add(next, h)
	}
}

// wake looks after a record: it may have expired, be due, or neither.
func (h *holding) wake(e *Engine, now time.Duration) {
	if e.holdings.index[h.key] != h || h.scheduled > now {
		return
	}
	h.scheduled = 0
	if h.expires <= now {
		e.traceRecord(now, h.key, RecordExpired, int(h.size-RecordOverhead))
		e.holdings.remove(h.key)
		return
	}
	if !h.cached && h.due <= now {
		h.due = now + e.jitter(e.cfg.RepublishInterval)
		e.republish(now, h)
	}
	e.schedule(h)
}

func (h *holding) waits(at time.Duration) bool { return h.scheduled == at }

// maxRepublishing is how many records are republished at a time.
const maxRepublishing = 4

// overdueRecord is a record that waits to be republished. If its time is no longer due
// when its turn comes, somebody else has republished it.
type overdueRecord struct {
	key ID
	due time.Duration
}

// republish stores a record anew on the k nodes that are now nearest to it, or
// puts it on the list of those that wait for that.
func (e *Engine) republish(now time.Duration, h *holding) {
	u := &e.upkeep
	if u.republishing >= maxRepublishing {
		u.overdue = append(u.overdue, overdueRecord{h.key, h.due})
		return
	}
	r, ok := e.holdings.get(now, h.key)
	if !ok || r.Value.Size() > MaxValueSize {
		// A longer value could be stored on a Python node, but would then keep
		// it from republishing any other.
		return
	}
	u.republishing++
	e.publish(now, h.key, r, ForRepublish, func(now time.Duration, nodes int) {
		u.republishing--
		e.cfg.Log.Debug("value republished", "key", h.key, "nodes", nodes)
		if nodes >= e.cfg.K {
			e.handOver(now, h.key)
		}
		for len(u.overdue) > 0 && u.republishing < maxRepublishing {
			o := u.overdue[0]
			u.overdue = u.overdue[1:]
			if next := e.holdings.index[o.key]; next != nil && next.due == o.due {
				e.republish(now, next)
			}
		}
	})
}

// handOver leaves a record to the k nodes that now hold it, if this one is no
// longer among them: as a copy it is neither republished nor taken for granted.
func (e *Engine) handOver(now time.Duration, key ID) {
	r, ok := e.holdings.get(now, key)
	if !ok {
		return
	}
	if e.cutToCopy(key, &r); r.Cached && !e.put(now, key, r) {
		e.traceRecord(now, key, RecordRemoved, r.Value.Size())
		e.holdings.remove(key)
	}
}

// age returns how long ago a record was published.
func (e *Engine) age(now time.Duration, r Record) time.Duration {
	return max(0, e.epoch.Add(now).Sub(r.Published))
}
