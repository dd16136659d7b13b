package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// republishing stores each record again on the k nodes nearest to it, once in
// Config.RepublishInterval (paper, section 2.5), a few at a time.
type republishing struct {
	e      *Engine
	active int   // jobs under way
	queue  []job // jobs that wait, the oldest first
}

// job is something to publish again. To run it is to start it, between jobStarted and
// jobDone, or to find that there is no more need.
type job interface {
	run(e *Engine, now time.Duration)
}

// maxRepublishing is how many jobs are under way at a time.
const maxRepublishing = 4

// jitterShare is the share of an interval that is added to it at random. The first
// holder to republish a record spares the others the work, if they hear of it before
// their own time has come (paper, section 2.5).
const jitterShare = 6

// jitter returns d plus up to a jitterShare-th of it.
func (e *Engine) jitter(d time.Duration) time.Duration {
	return d + time.Duration(e.cfg.Rand.Uint64()%uint64(d/jitterShare+1))
}

// start plans the republishing of the records that the store holds already.
func (r *republishing) start() {
	for _, x := range r.e.records.load(r.e.clock.epoch) {
		x.due = r.e.jitter(r.e.cfg.RepublishInterval)
		r.schedule(x)
	}
}

// postpone puts off the republishing of a record by one interval, because a node
// has just stored it on the nodes nearest to it.
func (r *republishing) postpone(now time.Duration, x *indexEntry) {
	x.due = now + r.e.jitter(r.e.cfg.RepublishInterval)
	r.schedule(x)
}

// schedule makes sure that x is woken when its next time comes.
func (r *republishing) schedule(x *indexEntry) {
	next := x.expires
	if !x.cached {
		next = min(next, x.due)
	}
	if x.scheduled == 0 || next < x.scheduled {
		x.scheduled = next
		r.e.timers.add(next, x)
	}
}

// wake removes a record that has expired, and republishes one that is due. It may
// also be early for both.
func (x *indexEntry) wake(e *Engine, now time.Duration) {
	if e.records.index[x.key] != x || x.scheduled > now {
		return
	}
	x.scheduled = 0
	if x.expires <= now {
		e.traceRecord(now, x.key, trace.RecordExpired, int(x.size-recordOverhead))
		e.records.remove(x.key)
		return
	}
	if !x.cached && x.due <= now {
		x.due = now + e.jitter(e.cfg.RepublishInterval)
		e.republish.enqueue(now, dueRecord{x.key, x.due})
	}
	e.republish.schedule(x)
}

func (x *indexEntry) waits(at time.Duration) bool { return x.scheduled == at }

// enqueue runs j, now or after the jobs before it.
func (r *republishing) enqueue(now time.Duration, j job) {
	if r.active >= maxRepublishing {
		r.queue = append(r.queue, j)
		return
	}
	j.run(r.e, now)
}

// jobStarted counts a job as active until jobDone.
func (r *republishing) jobStarted() { r.active++ }

// jobDone ends an active job, and runs the jobs that wait for its place.
func (r *republishing) jobDone(now time.Duration) {
	r.active--
	for len(r.queue) > 0 && r.active < maxRepublishing {
		j := r.queue[0]
		r.queue = r.queue[1:]
		j.run(r.e, now)
	}
}

// dueRecord is a record that is due at a certain time. If the record has another
// time when the job runs, a different holder has republished it meanwhile.
type dueRecord struct {
	key ID
	due time.Duration
}

func (d dueRecord) run(e *Engine, now time.Duration) {
	if x := e.records.index[d.key]; x != nil && x.due == d.due {
		e.republish.republish(now, x)
	}
}

// republish stores a record on the k nodes that are now nearest to it.
func (r *republishing) republish(now time.Duration, x *indexEntry) {
	e, key := r.e, x.key
	rec, ok := e.records.get(now, key)
	if !ok || rec.Value.Size() > MaxValueSize {
		// A Python node would take a longer value, but could then not republish any
		// other.
		return
	}
	if e.doubt.about(key) {
		e.doubt.confirmFirst(now, key)
		return
	}
	r.jobStarted()
	if e.table.countNearer(key) < e.cfg.K {
		r.store(now, key, rec)
		return
	}
	// Newcomers have taken this node's place among the nearest. They spare it the
	// hourly STORE, so it has to ask whether they hold the record.
	r.askHolder(now, key, rec, func(now time.Duration, has bool) {
		if !has {
			r.store(now, key, rec)
			return
		}
		e.demoteToCopy(now, key, false)
		r.jobDone(now)
	})
}

// askHolder asks one of the k contacts nearest to key whether it has rec, or the
// same value published later. The contact is drawn at random, so that no node can
// choose to be it.
func (r *republishing) askHolder(now time.Duration, key ID, rec Record, then func(now time.Duration, has bool)) {
	e := r.e
	peers := e.table.closest(e.scratch.codec.peers[:0], key, e.cfg.K, func(p *peer) bool { return p.fails == 0 })
	e.scratch.codec.peers = peers
	holder := e.table.contact(peers[e.cfg.Rand.Uint64()%uint64(len(peers))])
	q := query{to: holder, req: wire.Request{Method: wire.FindValue, Target: wire.ID(key)}, repeat: true}
	e.calls.ask(now, q, func(now time.Duration, a *wire.Answer) {
		if a == nil || a.Value == nil || a.Trailer.Marks&wire.MarkCopy != 0 {
			then(now, false)
			return
		}
		theirs := e.recordOf(now, a.Value, a.Trailer)
		same := theirs.Value == rec.Value && theirs.Deleted == rec.Deleted && a.Trailer.Life
		then(now, same && a.Trailer.Age <= e.age(now, rec)+sameMoment)
	})
}

// store stores rec on the k nodes that are now nearest to key. If the table knows
// them, no lookup is needed (paper, section 2.5).
func (r *republishing) store(now time.Duration, key ID, rec Record) {
	e := r.e
	done := func(now time.Duration, t storeTally) {
		e.cfg.Log.Debug("value republished", "key", key, "nodes", t.acks)
		r.jobDone(now)
	}
	if nodes := r.nearestFromTable(now, key); nodes != nil {
		nodes = slices.DeleteFunc(nodes, func(c Contact) bool { return !e.table.takes(c.ID, &rec) })
		e.storeOnKnown(now, key, nodes, done)
		return
	}
	e.storeOnNearest(now, key, rec, trace.ForRepublish, 0, done)
}

// nearestFromTable returns at least k contacts, nearest to key first, if the table is
// known to have the nearest nodes; else nil.
func (r *republishing) nearestFromTable(now time.Duration, key ID) []Contact {
	e := r.e
	fits := func(p *peer) bool { return !p.backingOff(now) && !p.stale() }
	n := e.table.knownClosest(key, now-e.cfg.RepublishInterval, fits)
	if n < e.cfg.K {
		return nil
	}
	peers := e.table.closest(e.scratch.codec.peers[:0], key, min(n, startPerK*e.cfg.K), fits)
	e.scratch.codec.peers = peers
	list := make([]Contact, len(peers))
	for i, p := range peers {
		list[i] = e.table.contact(p)
	}
	return list
}

// giveUp forgets rec, in place of which most of the nodes nearest to key have a
// newer value, unless it has been replaced here as well.
func (r *republishing) giveUp(now time.Duration, key ID, rec Record) {
	if own, ok := r.e.records.get(now, key); ok && !own.newerThan(&rec) {
		r.e.removeRecord(now, key, rec)
	}
}
