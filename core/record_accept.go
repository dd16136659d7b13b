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
// Whoever of the holders is first replacements the others the work, if they hear of it
// before their time has come (paper, section 2.5).
const jitterShare = 6

// keep takes in a value that another node wants to have stored, and reports
// whether it is kept.
//
// The trailer says how old the value is, so that to republish it does not make it
// live longer. Without one it counts as published now, as Python's kademlia has
// it.
func (e *Engine) acceptStore(now time.Duration, key ID, v Value, t wire.Trailer) bool {
	r := Record{Value: v, Published: e.epoch.Add(now), TTL: e.cfg.TTL}
	old, have := e.records.get(now, key)
	if t.Life {
		r.Published = r.Published.Add(-t.Age)
		r.TTL = min(t.TTL, MaxTTL)
		if have && old.Published.Sub(r.Published) > sameMoment {
			// Somebody republishes what has been replaced since.
			return old.Value == v
		}
	}
	e.limitToCopy(key, &r)
	if t.Life && have && old.Value == v && r.Published.Sub(old.Published) <= sameMoment {
		// The same publication. That the age came in whole seconds must not change
		// the life, nor a copy with a shorter one end it.
		r.Published = old.Published
		r.TTL = max(r.TTL, old.TTL)
	}
	return e.putRecord(now, key, r)
}

// limitToCopy makes r a cached copy if the node is not among the k nearest to key:
// its life is halved for each node that is nearer, beyond the k that should hold
// it (paper, section 2.3).
func (e *Engine) limitToCopy(key ID, r *Record) {
	beyond := e.table.countNearer(key) - e.cfg.K + 1
	r.Cached = beyond > 0
	if r.Cached {
		r.TTL >>= min(beyond, 60)
	}
}

// put keeps a record, plans what is to become of it, and reports whether there
// was room.
func (e *Engine) putRecord(now time.Duration, key ID, r Record) bool {
	expires := r.Expires().Sub(e.epoch)
	if expires <= now {
		return false
	}
	h, err := e.records.put(key, r)
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
func (e *Engine) postpone(now time.Duration, h *indexEntry) {
	h.due = now + e.jitter(e.cfg.RepublishInterval)
	e.schedule(h)
}

// jitter returns d and up to a jitterShare of it.
func (e *Engine) jitter(d time.Duration) time.Duration {
	return d + time.Duration(e.cfg.Rand.Uint64()%uint64(d/jitterShare+1))
}

// schedule makes sure that the engine looks at a record when its time comes.
func (e *Engine) schedule(h *indexEntry) {
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
func (h *indexEntry) wake(e *Engine, now time.Duration) {
	if e.records.index[h.key] != h || h.scheduled > now {
		return
	}
	h.scheduled = 0
	if h.expires <= now {
		e.traceRecord(now, h.key, RecordExpired, int(h.size-RecordOverhead))
		e.records.remove(h.key)
		return
	}
	if !h.cached && h.due <= now {
		h.due = now + e.jitter(e.cfg.RepublishInterval)
		e.enqueue(now, overdueRecord{h.key, h.due})
	}
	e.schedule(h)
}

func (h *indexEntry) waits(at time.Duration) bool { return h.scheduled == at }

// maxRepublishing is how many records are republished at a time.
const maxRepublishing = 4

// turn is something that is to be published anew, and may have to wait for that.
type job interface {
	run(e *Engine, now time.Duration)
}

// enqueue lets t take its turn, now or when others have had theirs.
func (e *Engine) enqueue(now time.Duration, j job) {
	u := &e.upkeep
	if u.republishing >= maxRepublishing {
		u.overdue = append(u.overdue, j)
		return
	}
	j.run(e, now)
}

// jobDone lets those follow who wait.
func (e *Engine) jobDone(now time.Duration) {
	u := &e.upkeep
	u.republishing--
	for len(u.overdue) > 0 && u.republishing < maxRepublishing {
		j := u.overdue[0]
		u.overdue = u.overdue[1:]
		j.run(e, now)
	}
}

// overdueRecord is a record that is due. If its time is another one when its turn
// comes, somebody else has republished it.
type overdueRecord struct {
	key ID
	due time.Duration
}

func (o overdueRecord) run(e *Engine, now time.Duration) {
	if h := e.records.index[o.key]; h != nil && h.due == o.due {
		e.republish(now, h)
	}
}

// republish stores a record anew on the k nodes that are now nearest to it.
func (e *Engine) republish(now time.Duration, h *indexEntry) {
	r, ok := e.records.get(now, h.key)
	if !ok || r.Value.Size() > MaxValueSize {
		// A longer value could be stored on a Python node, but would then keep
		// it from republishing any other.
		return
	}
	e.upkeep.republishing++
	key := h.key
	anew := func(now time.Duration) {
		e.storeAnew(now, key, r, func(now time.Duration, nodes int) {
			e.cfg.Log.Debug("value republished", "key", key, "nodes", nodes)
			e.jobDone(now)
		})
	}
	if e.table.countNearer(key) < e.cfg.K {
		anew(now)
		return
	}
	// Newcomers have taken this node's place. They spare it the hourly STORE, so
	// that it has to ask whether they do the work.
	e.askHolder(now, key, r, func(now time.Duration, has bool) {
		if !has {
			anew(now)
			return
		}
		e.demoteToCopy(now, key, false)
		e.jobDone(now)
	})
}

// askHolder asks one of the k contacts nearest to key whether it has r, or the same
// value published later, and tells then. Which one is drawn, so that nobody can choose
// to be it.
func (e *Engine) askHolder(now time.Duration, key ID, r Record, then func(now time.Duration, has bool)) {
	peers := e.table.closest(e.codec.peers[:0], key, e.cfg.K, func(p *peer) bool { return p.fails == 0 })
	e.codec.peers = peers
	holder := e.table.contact(peers[e.cfg.Rand.Uint64()%uint64(len(peers))])
	e.ask(now, 0, holder, wire.Request{Method: wire.FindValue, Target: wire.ID(key)}, true, func(now time.Duration, a *wire.Answer) {
		has := a != nil && string(a.Value) == r.Value.raw && a.Trailer.Life
		then(now, has && a.Trailer.Age <= e.age(now, r)+sameMoment)
	})
}

// storeAnew stores r on the k nodes that are now nearest to key. If it is known
// who these are, they need not be looked for (paper, section 2.5).
func (e *Engine) storeAnew(now time.Duration, key ID, r Record, done func(now time.Duration, nodes int)) {
	if nodes := e.nearestFromTable(now, key); nodes != nil {
		s := &storing{e: e, key: key, again: true, known: true, done: done}
		s.start(now, nodes)
		return
	}
	e.publish(now, key, r, ForRepublish, done)
}

// giveUp forgets r, which most of the nodes nearest to key have a newer value in
// place of, unless it has been replaced here as well.
func (e *Engine) giveUp(now time.Duration, key ID, r Record) {
	if own, ok := e.records.get(now, key); ok && own.Published.Sub(r.Published) <= sameMoment {
		e.traceRecord(now, key, RecordRemoved, r.Value.Size())
		e.records.remove(key)
	}
}

// demoteToCopy leaves a record to the nodes nearest to it, most of which have just taken
// it, if this one is no longer among them: as a copy it is neither republished nor
// taken for granted. It is sure to be none of them if k nearer ones have taken it;
// else the table has to say so.
func (e *Engine) demoteToCopy(now time.Duration, key ID, sure bool) {
	r, ok := e.records.get(now, key)
	if !ok {
		return
	}
	e.limitToCopy(key, &r)
	switch {
	case !r.Cached && !sure:
		return
	case !r.Cached: // the table does not have all the nearer ones
		r.Cached, r.TTL = true, r.TTL/2
	}
	if !e.putRecord(now, key, r) {
		e.traceRecord(now, key, RecordRemoved, r.Value.Size())
		e.records.remove(key)
	}
}

// age returns how long ago a record was published, in whole seconds, as it travels.
// It is rounded up, but for what is new: from node to node a life may become
// shorter, not longer.
func (e *Engine) age(now time.Duration, r Record) time.Duration {
	d := e.epoch.Add(now).Sub(r.Published)
	if d < time.Second {
		return 0
	}
	return (d + time.Second - 1).Truncate(time.Second)
}
