package core

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// maxLeaving is how long a node takes to leave the network in order.
const maxLeaving = 2 * time.Second

// A leaving node says farewell to maxFarewells contacts. Of the records that it hands on,
// leaveWindow are in flight at a time.
const (
	leaveWindow  = 32
	maxFarewells = 512
)

// Leave takes the node out of the network in order: the contacts of the table get a
// farewell, and then the records of which this node is a holder go to the nodes that are
// holders without it. It calls done at the end, after maxLeaving (2 s) at most. The
// engine is of no use afterwards.
//
// A farewell is a ping with CapLeaving. An extended node that knows the sender pings it,
// and drops it from the table once the answer says the same: nobody can say farewell for
// another node. Other nodes notice only the silence.
func (e *Engine) Leave(now time.Time, done func()) {
	t := e.clock.at(now)
	l := &leaving{e: e, done: done}
	e.timers.call(t+maxLeaving, l.finish)
	e.soon(t, l.sayFarewell)
}

// leaving is a Leave under way.
type leaving struct {
	e        *Engine
	keys     []ID // of the records that are still to be handed on
	inFlight int
	handed   int
	done     func()
}

// handOn sends the next records. After the last one, the node has left.
func (l *leaving) handOn(now time.Duration) {
	for len(l.keys) > 0 && l.inFlight < leaveWindow && l.done != nil {
		key := l.keys[len(l.keys)-1]
		l.keys = l.keys[:len(l.keys)-1]
		r, ok := l.e.records.get(now, key)
		if !ok || r.Value.Size() > MaxValueSize {
			continue
		}
		for _, to := range l.heirs(key) {
			if !l.e.table.takes(to.ID, &r) {
				continue
			}
			l.inFlight++
			l.e.calls.ask(now, l.e.storeQuery(now, to, key, r), func(now time.Duration, a *wire.Answer) {
				l.inFlight--
				if a != nil {
					l.handed++
				}
				l.handOn(now)
			})
		}
	}
	if len(l.keys) == 0 && l.inFlight == 0 {
		l.finish(now)
	}
}

// heirs returns the nodes that should get the record under key. With k other nodes or
// more, that is the k-th nearest. With fewer, all of them should have it already, and
// the two nearest get it to be sure.
func (l *leaving) heirs(key ID) []Contact {
	e := l.e
	nearest := e.table.closest(e.scratch.codec.peers[:0], key, e.cfg.K, func(p *peer) bool { return p.fails == 0 })
	e.scratch.codec.peers = nearest
	from, to := e.cfg.K-1, e.cfg.K
	if len(nearest) < e.cfg.K {
		from, to = 0, min(2, len(nearest))
	}
	var list []Contact
	for _, p := range nearest[from:to] {
		list = append(list, e.table.contact(p))
	}
	return list
}

// sayFarewell pings all contacts, and waits for the pings that they send to make sure.
func (l *leaving) sayFarewell(now time.Duration) {
	e := l.e
	var peers []*peer
	if !e.cfg.Client {
		e.caps |= wire.CapLeaving
		peers = e.table.closest(nil, e.id, maxFarewells, func(p *peer) bool { return p.fails == 0 })
	}
	if len(peers) == 0 {
		l.finish(now)
		return
	}
	for key, x := range e.records.index {
		if !x.cached {
			l.keys = append(l.keys, key)
		}
	}
	sortIDs(l.keys) // a map has no order
	e.cfg.Log.Info("leaving", "records", len(l.keys))
	for _, p := range peers {
		q := query{to: e.table.contact(p), req: wire.Request{Method: wire.Ping}}
		e.calls.ask(now, q, func(time.Duration, *wire.Answer) {})
	}
	e.timers.call(now+min(max(4*e.calls.rtt.mean, 50*time.Millisecond), maxLeaving/4), l.handOn)
}

func (l *leaving) finish(time.Duration) {
	if l.done == nil {
		return
	}
	l.e.cfg.Log.Debug("left", "handed on", l.handed, "not handed on", len(l.keys)+l.inFlight)
	done := l.done
	l.done = nil
	done()
}
