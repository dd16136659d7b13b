package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// doubting is the care about records after a sleep. Their values may have been
// replaced while this node could not hear of it. A record in doubt is neither
// republished nor returned before other nodes were asked for it.
type doubting struct {
	e *Engine
	// since is the end of the last sleep, zero if there was none. A record that was
	// last stored or confirmed before is in doubt.
	since time.Duration
}

// woke tells the engine that it was not called for a time, or that its clock may be
// wrong: the machine was asleep, the process was stopped, or somebody has set the
// clock. The engine looks for its neighbours again, and asks other nodes for each
// record that it holds, before it relies on it.
func (e *Engine) woke(now time.Time) {
	t := e.clock.at(now)
	e.cfg.Log.Info("awake again: records are confirmed before they are used", "records", e.records.len())
	e.doubt.since = t
	if !e.cfg.Client {
		e.doubt.findNeighbours(t, t, rejoinFirst)
	}
}

// about reports whether the record under key is in doubt.
func (d *doubting) about(key ID) bool {
	if d.since == 0 {
		return false
	}
	x := d.e.records.index[key]
	return x != nil && x.confirmed < d.since
}

// findNeighbours looks up the node's own id and then has all records confirmed. After
// a sleep the network may need a moment: the lookup is repeated after pause, and
// after twice as long each time up to rejoinMax. Another sleep ends it.
func (d *doubting) findNeighbours(now, since, pause time.Duration) {
	if d.since != since {
		return
	}
	l := d.e.newLookup(now, d.e.id, trace.ForRefresh)
	l.onEnd = func(now time.Duration) {
		d.e.join.onLookupEnd(now, l)
		if l.met || l.list.requests() == 0 {
			d.confirmAll(now)
			return
		}
		d.e.timers.call(now+pause, func(now time.Duration) { d.findNeighbours(now, since, min(2*pause, rejoinMax)) })
	}
	l.start(now)
}

// confirmAll has each record in doubt confirmed that this node holds.
func (d *doubting) confirmAll(now time.Duration) {
	for _, list := range d.e.records.levels {
		for _, x := range list {
			if !x.cached && d.about(x.key) {
				d.e.republish.enqueue(now, doubtful(x.key))
			}
		}
	}
}

// doubtful is the key of a record to confirm.
type doubtful ID

func (k doubtful) run(e *Engine, now time.Duration) {
	if e.doubt.about(ID(k)) {
		e.republish.jobStarted()
		e.doubt.confirm(now, ID(k), e.republish.jobDone)
	}
}

// confirmFirst confirms a record that is due, and then republishes it if that is
// still right.
func (d *doubting) confirmFirst(now time.Duration, key ID) {
	r := &d.e.republish
	r.jobStarted()
	d.confirm(now, key, func(now time.Duration) {
		if x := d.e.records.index[key]; x != nil && !d.about(key) {
			r.enqueue(now, dueRecord{key, x.due})
		}
		r.jobDone(now)
	})
}

// confirming asks a few nodes for a record in doubt.
type confirming struct {
	waiting  int // nodes that may still answer
	answered int
	same     int           // nodes that returned the same value, or an older one
	newer    int           // nodes that returned a newer one
	newest   Record        // of these
	told     bool          // a node has said how old the same value is
	age      time.Duration // the smallest age told
}

// askedInDoubt is how many holders are asked for a record in doubt. They are drawn at
// random from the k nearest, and the majority counts: no node alone can choose to
// decide.
const askedInDoubt = 3

// confirm asks other nodes for a record, and then calls done. The record is certain
// unless more of them have a newer value than the same one; then the newest takes its
// place. Without an answer the record stays in doubt.
func (d *doubting) confirm(now time.Duration, key ID, done func(now time.Duration)) {
	e, c := d.e, new(confirming)
	for _, to := range d.drawHolders(key) {
		c.waiting++
		q := query{to: to, req: wire.Request{Method: wire.FindValue, Target: wire.ID(key)}, repeat: true}
		e.calls.ask(now, q, func(now time.Duration, a *wire.Answer) {
			if r, ok := e.records.get(now, key); ok && a != nil {
				c.count(r, e.recordOf(now, a.Value, a.Trailer), a)
			}
			if c.waiting--; c.waiting == 0 {
				d.judge(now, key, c)
				done(now)
			}
		})
	}
	if c.waiting == 0 { // nobody could know better
		c.answered++
		e.soon(now, func(now time.Duration) {
			d.judge(now, key, c)
			done(now)
		})
	}
}

// drawHolders returns a few of the k contacts nearest to key, in random order. If all
// contacts have failed, it returns some of these.
func (d *doubting) drawHolders(key ID) []Contact {
	e := d.e
	peers := e.table.closest(e.scratch.codec.peers[:0], key, e.cfg.K, func(p *peer) bool { return p.fails == 0 })
	if len(peers) == 0 {
		peers = e.table.closest(peers, key, e.cfg.K, func(*peer) bool { return true })
	}
	e.scratch.codec.peers = peers
	var list []Contact
	for n := len(peers); n > 0 && len(list) < askedInDoubt; n-- {
		i := int(e.cfg.Rand.Uint64() % uint64(n))
		list = append(list, e.table.contact(peers[i]))
		peers[i] = peers[n-1]
	}
	return list
}

// count takes in the answer of one node about r: the record theirs, or no value.
func (c *confirming) count(r, theirs Record, a *wire.Answer) {
	c.answered++
	switch {
	case a.Value == nil, a.Trailer.Marks&wire.MarkCopy != 0:
	case theirs.Value == r.Value && theirs.Deleted == r.Deleted:
		c.same++
		if a.Trailer.Life && (!c.told || a.Trailer.Age < c.age) {
			c.told, c.age = true, a.Trailer.Age
		}
	case !theirs.newerThan(&r):
		c.same++
	default:
		if c.newer++; c.newer == 1 || theirs.newerThan(&c.newest) {
			c.newest = theirs
		}
	}
}

// judge decides on a record in doubt.
func (d *doubting) judge(now time.Duration, key ID, c *confirming) {
	e := d.e
	r, ok := e.records.get(now, key)
	switch {
	case !ok || !d.about(key): // it has ended, or been stored anew meanwhile
	case c.newer > c.same:
		e.adopt(now, key, c.newest)
	case c.newer > 0 && c.newer == c.same, c.answered == 0:
	default:
		e.records.index[key].confirmed = now
		d.correctAge(now, key, r, c.age)
	}
}

// correctAge makes a record as old as its other holders say, if this node's clock has
// lost time.
func (d *doubting) correctAge(now time.Duration, key ID, r Record, age time.Duration) {
	if age-d.e.age(now, r) <= sameMoment {
		return
	}
	r.Published = d.e.clock.time(now - age)
	if !d.e.putRecord(now, key, r) {
		d.e.removeRecord(now, key, r)
	}
}
