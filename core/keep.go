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
	if t.Life {
		r.Published = r.Published.Add(-t.Age)
		r.TTL = min(t.TTL, MaxTTL)
		if old, ok := e.holdings.get(now, key); ok && old.Published.Sub(r.Published) > sameMoment {
			// Somebody republishes what has been replaced since.
			return old.Value == v
		}
	}
	if beyond := e.table.countNearer(key) - e.cfg.K + 1; beyond > 0 {
		// A cached copy: its life is halved for each node that is nearer to the
		// key, beyond the k that should hold it (paper, section 2.3).
		r.Cached = true
		r.TTL >>= min(beyond, 60)
	}
	return e.put(now, key, r)
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
		e.cfg.Log.Debug("value refused", "key", key, "bytes", r.Value.Size(), "error", err)
		return false
	}
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
		e.holdings.remove(h.key)
		return
	}
	if !h.cached && h.due <= now {
		e.republish(now, h)
		h.due = now + e.jitter(e.cfg.RepublishInterval)
	}
	e.schedule(h)
}

// maxRepublishing is how many records are republished at a time.
const maxRepublishing = 4

// republish stores a record anew on the k nodes that are now nearest to it, or
// puts it on the list of those that wait for that.
func (e *Engine) republish(now time.Duration, h *holding) {
	u := &e.upkeep
	if u.republishing >= maxRepublishing {
		u.overdue = append(u.overdue, h.key)
		return
	}
	r, ok := e.holdings.get(now, h.key)
	if !ok || r.Value.Size() > MaxValueSize {
		// A longer value could be stored on a Python node, but would then keep
		// it from republishing any other.
		return
	}
	u.republishing++
	e.publish(now, h.key, r, func(now time.Duration, nodes int) {
		u.republishing--
		e.cfg.Log.Debug("value republished", "key", h.key, "nodes", nodes)
		for len(u.overdue) > 0 && u.republishing < maxRepublishing {
			next := e.holdings.index[u.overdue[0]]
			u.overdue = u.overdue[1:]
			if next != nil {
				e.republish(now, next)
			}
		}
	})
}

// age returns how long ago a record was published.
func (e *Engine) age(now time.Duration, r Record) time.Duration {
	return max(0, e.epoch.Add(now).Sub(r.Published))
}
