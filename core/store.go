package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// storeOnNearest stores r on the k nodes nearest to key (paper, section 2.3), and
// calls done with the outcome. A condition other than zero is a SetOptions.IfVersion.
func (e *Engine) storeOnNearest(now time.Duration, key ID, r Record, purpose trace.Purpose, condition uint64, done func(now time.Duration, t storeTally)) (cancel func()) {
	l := e.newLookup(now, key, purpose)
	s := &storing{e: e, job: storeJob{
		key: key, record: r, lookup: l.number, condition: condition, republish: purpose == trace.ForRepublish, done: done,
	}}
	l.onEnd = func(now time.Duration) {
		e.join.onLookupEnd(now, l)
		if purpose == trace.ForSet && condition == 0 {
			s.job.record.Version = max(r.Version, l.newest+1)
		}
		nodes := l.list.nearest()
		if !l.met {
			s.tally.asked = l.list.requests() // other nodes are known, and none answers
		} else if r.Deleted {
			all := len(nodes)
			if nodes = slices.DeleteFunc(nodes, func(c Contact) bool { return !l.list.isVersioned(c) }); len(nodes) == 0 {
				s.tally.asked = all // none of them can delete
			}
		}
		s.start(now, nodes)
		s.sendToSilent(now, l.list.silentAmongNearest())
	}
	l.start(now)
	return func() {
		l.cancel()
		s.over = true
	}
}

// storeOnKnown republishes the record under key on nodes that the table knows to be
// the nearest, nearest first.
func (e *Engine) storeOnKnown(now time.Duration, key ID, nodes []Contact, done func(now time.Duration, t storeTally)) {
	s := &storing{e: e, job: storeJob{key: key, republish: true, fromTable: true, done: done}}
	s.start(now, nodes)
}

// storing is a record on its way to the nodes nearest to its key.
type storing struct {
	e     *Engine
	job   storeJob
	tally storeTally
	next  []Contact // nodes farther away than those that got the record
	over  bool
}

// storeJob says what to store. It does not change once the first STORE is sent.
type storeJob struct {
	key       ID
	record    Record
	lookup    uint64 // the number of the lookup that found the nodes, or 0
	republish bool   // this node holds the record
	fromTable bool   // the nodes were found without a lookup
	condition uint64 // a SetOptions.IfVersion, or 0
	done      func(now time.Duration, t storeTally)
}

// storeTally counts what became of the STOREs.
type storeTally struct {
	waiting int    // nodes that may still answer in time
	overdue int    // nodes that may still answer late
	asked   int    // other nodes that were sent the record
	acks    int    // nodes that keep the record
	full    int    // nodes that answered and keep neither
	own     int    // 1 if this node is one of them
	nearer  int    // nodes that keep it and are nearer to its key than this one
	newer   int    // nodes that keep a newer value
	version uint64 // of the record
	missing int    // nodes without an answer and without a substitute
}

// start sends the record to the first k of nodes, which are the nearest ones. This
// node keeps it in place of the last of these if it is nearer. For each node that
// does not answer, the next one gets the record.
func (s *storing) start(now time.Duration, nodes []Contact) {
	e, k := s.e, s.e.cfg.K
	if s.job.republish {
		// The record may have ended, been replaced, or come into doubt during the lookup.
		r, ok := e.records.get(now, s.job.key)
		if !ok || r.Cached || e.doubt.about(s.job.key) {
			s.job.republish = false
			s.finish(now)
			return
		}
		s.job.record = r
	}
	if !e.cfg.Client && (len(nodes) < k || s.job.key.CompareDistance(e.id, nodes[k-1].ID) < 0) && s.keepOwn(now) {
		s.tally.acks, s.tally.own = 1, 1
		k--
	}
	s.tally.waiting = min(len(nodes), k)
	s.next = nodes[s.tally.waiting:]
	for _, c := range nodes[:s.tally.waiting] {
		s.send(now, c)
	}
	s.check(now)
}

// keepOwn stores the record at this node, unless a value set here meanwhile is newer.
func (s *storing) keepOwn(now time.Duration) bool {
	own, have := s.e.records.get(now, s.job.key)
	if have && own.newerThan(&s.job.record) || !s.e.meets(now, s.job.key, s.job.condition) {
		s.tally.newer = 1
		return false
	}
	return s.e.putRecord(now, s.job.key, s.job.record)
}

// send sends the record to one node, and once more if the answer is late.
func (s *storing) send(now time.Duration, to Contact) {
	wasOverdue := false
	q := s.e.storeQuery(now, to, s.job.key, s.job.record)
	q.lookup = s.job.lookup
	q.req.Trailer.Condition = s.job.condition
	s.tally.asked++
	s.e.calls.watch(now, q, func(now time.Duration, c *call, stage trace.Stage, a *wire.Answer) {
		switch {
		case stage == trace.Late:
			if own, ok := s.e.records.get(now, s.job.key); !ok || !own.newerThan(&s.job.record) {
				s.e.calls.resend(now, c)
			}
			return
		case stage == trace.Overdue:
			wasOverdue = true
			s.tally.waiting--
			s.tally.overdue++
			s.sendToNext(now)
		case wasOverdue:
			s.tally.overdue--
		default:
			s.tally.waiting--
			if stage == trace.Lost {
				s.sendToNext(now)
			}
		}
		if stage == trace.Replied {
			got := s.e.receiptOf(now, a, s.job.record)
			if got == refused && s.unmet(&a.Trailer) {
				got = outdated
			}
			s.count(to, got)
		}
		s.check(now)
	})
}

// sendToSilent sends the record to nodes among the nearest that did not answer the
// lookup, and waits for none of them: a node that is silent for a moment, or for this
// node only, would keep an older value for the readers that it does answer.
func (s *storing) sendToSilent(now time.Duration, nodes []Contact) {
	if s.over && s.tally.acks == 0 {
		return
	}
	for _, to := range nodes {
		if !s.e.table.takes(to.ID, &s.job.record) {
			continue
		}
		q := s.e.storeQuery(now, to, s.job.key, s.job.record)
		q.lookup, q.repeat = s.job.lookup, true
		q.req.Trailer.Condition = s.job.condition
		s.e.calls.ask(now, q, func(time.Duration, *wire.Answer) {})
	}
}

// unmet reports whether the answer of a node that refused the record says that the node
// does not meet the condition.
func (s *storing) unmet(t *wire.Trailer) bool {
	switch s.job.condition {
	case 0:
		return false
	case NoVersion:
		return t.Life && t.Marks&wire.MarkDeleted == 0
	}
	return t.Run != 0 && t.Version != s.job.condition
}

// count adds a receipt to the tally.
func (s *storing) count(from Contact, r receipt) {
	switch r {
	case kept:
		s.tally.acks++
		if s.job.key.CompareDistance(from.ID, s.e.id) < 0 {
			s.tally.nearer++
		}
	case outdated:
		s.tally.newer++
	case refused:
		s.tally.full++
	}
}

// sendToNext sends the record to the next nearest node, if there is one.
func (s *storing) sendToNext(now time.Duration) {
	if len(s.next) == 0 || s.over || s.job.republish && s.e.doubt.about(s.job.key) {
		s.tally.missing++
		return
	}
	to := s.next[0]
	s.next = s.next[1:]
	s.tally.waiting++
	s.send(now, to)
}

// check ends the storing once no answer is awaited. Until another node than this
// one, and a majority, have acknowledged, late answers are awaited as well.
func (s *storing) check(now time.Duration) {
	if s.tally.waiting == 0 && (s.tally.majority(s.e.cfg.K) || s.tally.overdue == 0) {
		s.finish(now)
	}
}

// majority reports whether enough nodes have the record or a newer one: more than half
// of k, or of all nodes if there are fewer, and another node than this one if any is
// known.
func (t *storeTally) majority(k int) bool {
	have, all := t.acks+t.newer, t.asked+t.own
	return 2*have > min(k, all) && (have > t.own || t.asked == 0)
}

func (s *storing) finish(now time.Duration) {
	if s.over {
		return
	}
	s.over = true
	switch {
	case !s.job.republish:
	case s.tally.newer > max(1, s.tally.acks+s.tally.full): // the word of a single liar must not be enough
		s.e.republish.giveUp(now, s.job.key, s.job.record)
	case s.job.fromTable && s.tally.missing > 0: // too many of the known nodes are gone
		s.e.storeOnNearest(now, s.job.key, s.job.record, trace.ForRepublish, 0, s.job.done)
		return
	case 2*s.tally.acks > s.e.cfg.K:
		s.e.demoteToCopy(now, s.job.key, s.tally.nearer >= s.e.cfg.K)
	}
	s.tally.version = s.job.record.Version
	s.job.done(now, s.tally)
}

// receipt is the meaning of an answer to a STORE.
type receipt uint8

const (
	refused  receipt = iota // the node has no room, or there was no answer
	kept                    // the node keeps the value
	outdated                // the node keeps a newer value
)

// storeQuery returns the STORE of r for one node.
func (e *Engine) storeQuery(now time.Duration, to Contact, key ID, r Record) query {
	req := wire.Request{Method: wire.Store, Target: wire.ID(key), Value: r.encoded()}
	e.describe(now, r, &req.Trailer)
	req.Trailer.Marks &^= wire.MarkCopy // the receiver is to be a holder
	return query{to: to, req: req}
}

// receiptOf reads the answer to a STORE of r; nil stands for none.
func (e *Engine) receiptOf(now time.Duration, a *wire.Answer, r Record) receipt {
	switch {
	case a == nil:
	case a.Stored:
		return kept
	case a.Trailer.Version != 0:
		if a.Trailer.Version > r.Version {
			return outdated
		}
	case a.Trailer.Life && e.age(now, r)-a.Trailer.Age > sameMoment:
		return outdated
	}
	return refused
}
