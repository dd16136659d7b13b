package core

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// publish stores r on the k nodes nearest to key.
func (e *Engine) publish(now time.Duration, key ID, r Record, purpose Purpose, done func(now time.Duration, nodes int)) (cancel func()) {
	w := e.newLookup(now, key, purpose)
	s := &storing{e: e, lookup: w.number, key: key, r: r, again: purpose == ForRepublish, done: done}
	w.onEnd = func(now time.Duration) {
		e.lonely(now, w)
		s.start(now, w.list.nearest())
	}
	w.start(now)
	return func() {
		w.cancel()
		s.over = true
	}
}

// storing is a record on its way to the nodes that shall hold it.
type storing struct {
	e       *Engine
	lookup  uint64 // that found the nodes
	key     ID
	r       Record
	again   bool // the own node has it, and stores it anew
	waiting int  // nodes that may still answer in time
	slow    int  // nodes that may still answer
	acks    int
	own     int       // of acks
	newer   int       // nodes that have a newer value
	next    []Contact // who comes after those that it was sent to
	short   int       // nodes that did not answer, and nobody came after them
	nearer  int       // nodes that keep it and are nearer than the own one
	known   bool      // the nodes were not looked for
	over    bool
	done    func(now time.Duration, nodes int)
}

// start sends the record to the first k of nodes, which are the nearest ones, and
// keeps it in place of the last of these if the own node is nearer. For each that
// does not answer, the next one gets it.
func (s *storing) start(now time.Duration, nodes []Contact) {
	e := s.e
	k := e.cfg.K
	if s.again {
		// While these were looked for, it may have ended, or been replaced.
		r, ok := e.records.get(now, s.key)
		if !ok || r.Cached {
			s.again = false
			s.finish(now)
			return
		}
		s.r = r
	}
	if !e.cfg.Client && (len(nodes) < k || s.key.CompareDistance(e.id, nodes[k-1].ID) < 0) {
		// What was set here meanwhile stays.
		own, have := e.records.get(now, s.key)
		if newer := have && own.Published.Sub(s.r.Published) > sameMoment; !newer && e.putRecord(now, s.key, s.r) {
			s.acks, s.own = 1, 1
			k--
		}
	}
	s.waiting = min(len(nodes), k)
	s.next = nodes[s.waiting:]
	for _, c := range nodes[:s.waiting] {
		s.store(now, c)
	}
	s.check(now)
}

// store sends the record to one node, once more if the answer takes long.
func (s *storing) store(now time.Duration, to Contact) {
	slow := false
	s.e.store(now, s.lookup, to, s.key, s.r, func(now time.Duration, c *call, stage Stage, r receipt) {
		switch {
		case stage == RequestLate:
			if own, ok := s.e.records.get(now, s.key); !ok || !own.Published.After(s.r.Published) {
				s.e.resend(now, c)
			}
			return
		case stage == RequestOverdue:
			slow = true
			s.waiting--
			s.slow++
			s.instead(now)
		case slow:
			s.slow--
		default:
			s.waiting--
			if stage == RequestLost {
				s.instead(now)
			}
		}
		switch r {
		case kept:
			s.acks++
			if s.key.CompareDistance(to.ID, s.e.id) < 0 {
				s.nearer++
			}
		case outdated:
			s.newer++
		}
		s.check(now)
	})
}

// instead sends the record to the node that comes next, if there is one.
func (s *storing) instead(now time.Duration) {
	if len(s.next) == 0 || s.over {
		s.short++
		return
	}
	to := s.next[0]
	s.next = s.next[1:]
	s.waiting++
	s.store(now, to)
}

// check ends the storing if there is nobody to wait for. As long as nobody else has
// acknowledged, that is also who takes longer than usual.
func (s *storing) check(now time.Duration) {
	if s.waiting == 0 && (s.acks > s.own || s.slow == 0) {
		s.finish(now)
	}
}

func (s *storing) finish(now time.Duration) {
	if s.over {
		return
	}
	s.over = true
	switch {
	case !s.again:
	case s.newer > s.acks: // one liar must not be able to say so
		s.e.giveUp(now, s.key, s.r)
	case s.known && s.short > 0: // too many of those who were known are gone
		s.e.publish(now, s.key, s.r, ForRepublish, s.done)
		return
	case 2*s.acks > s.e.cfg.K:
		s.e.demoteToCopy(now, s.key, s.nearer >= s.e.cfg.K)
	}
	s.done(now, s.acks)
}

// receipt is what a node answers to a record.
type receipt uint8

const (
	refused  receipt = iota // there is no room, or no answer
	kept                    // it keeps the value
	outdated                // it keeps a newer one
)

// store sends a record to one node, after that lookup, and reports what becomes of
// it.
func (e *Engine) store(now time.Duration, lookup uint64, to Contact, key ID, r Record, report func(now time.Duration, c *call, stage Stage, r receipt)) {
	req := wire.Request{Method: wire.Store, Target: wire.ID(key), Value: []byte(r.Value.raw)}
	req.Trailer.Life, req.Trailer.Age, req.Trailer.TTL = true, e.age(now, r), r.TTL
	e.callFor(now, lookup, to, req, func(now time.Duration, c *call, stage Stage, a *wire.Answer) {
		receipt := refused
		switch {
		case stage != RequestReplied:
		case a.Stored:
			receipt = kept
		case a.Trailer.Life && e.age(now, r)-a.Trailer.Age > sameMoment:
			receipt = outdated
		}
		report(now, c, stage, receipt)
	})
}
