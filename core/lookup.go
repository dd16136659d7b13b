package core

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// walk is a lookup that is under way: it asks whom the lookup names, and feeds it
// with what comes back.
type lookup struct {
	e       *Engine
	number  uint64
	purpose Purpose
	list    shortlist
	method  wire.Method
	// deadline ends the walk with what it has, at the next thing that happens.
	deadline time.Duration
	over     bool
	// onValue is told of the value that a peer gives, with which the walk ends.
	onValue func(now time.Duration, from Contact, a *wire.Answer)
	// onEnd is told when the k nearest have answered, or time or budget is up.
	onEnd func(now time.Duration)
	// beyond is how many of the nearest were dead when somebody was last asked who
	// comes after them; asking says that there is no answer yet.
	beyond int
	asking bool
	met    bool // somebody has answered
}

// startPerK is how many contacts a lookup starts with, in multiples of k. Those
// beyond k take the places of peers that turn out to be dead: others who were
// asked name k contacts only, and not who comes after the dead ones.
const startPerK = 3

// walk prepares a lookup of target among the contacts known now.
func (e *Engine) newLookup(now time.Duration, target ID, purpose Purpose) *lookup {
	e.stats.Lookups++
	e.table.bucket(target).touched = now
	w := &lookup{e: e, number: e.stats.Lookups, purpose: purpose, list: newShortlist(target, e.cfg.K, e.cfg.Alpha)}
	w.list.list, e.codec.candidates = e.codec.candidates, nil
	w.method = wire.FindNode
	if purpose == ForGet {
		w.method = wire.FindValue
	}
	fits := func(p *peer) bool { return !p.backingOff(now) }
	peers := e.table.closest(e.codec.peers[:0], target, startPerK*e.cfg.K, fits)
	if len(peers) == 0 {
		peers = e.table.closest(peers, target, e.cfg.K, func(*peer) bool { return true })
	}
	for _, p := range peers {
		w.list.add(e.table.contact(p), 1)
	}
	e.codec.peers = peers
	return w
}

// start sets the walk going. If nobody is known to ask, it ends at once, which
// is told by a timer, not by this call.
func (w *lookup) start(now time.Duration) {
	w.deadline = now + w.e.cfg.LookupTimeout
	if trace := w.e.cfg.Trace.Lookup; trace != nil {
		trace(LookupTrace{At: w.e.epoch.Add(now), Lookup: w.number, Purpose: w.purpose, Target: w.list.target})
	}
	w.step(now)
	if w.list.done() {
		w.e.timers.add(now, wakerFunc(w.finish))
	}
}

// finish ends the walk with what it has.
func (w *lookup) finish(now time.Duration) {
	if w.over {
		return
	}
	w.over = true
	w.traceEnd(now, nil)
	w.e.table.markComplete(now, w.list.target, w.list.nearest())
	if w.onEnd != nil {
		w.onEnd(now)
	}
	w.putAway()
}

// maxSpare bounds the list of candidates that is kept for the next lookup, in multiples
// of k: a node at rest is to be small.
const maxSpare = 8

// putAway leaves the list of candidates to the next lookup.
func (w *lookup) putAway() {
	if cap(w.list.list) <= maxSpare*w.list.k {
		w.e.codec.candidates = w.list.list[:0]
	}
	w.list.list = nil
}

// cancel ends the walk without a word to who wanted it.
func (w *lookup) cancel() {
	if !w.over {
		w.over = true
		w.traceEnd(w.e.latest, nil)
		w.putAway()
	}
}

// traceEnd tells of the end of a walk, with who had the value, if somebody had.
func (w *lookup) traceEnd(now time.Duration, holder *Contact) {
	trace := w.e.cfg.Trace.Lookup
	if trace == nil {
		return
	}
	t := LookupTrace{
		At: w.e.epoch.Add(now), Lookup: w.number, Purpose: w.purpose, Target: w.list.target,
		Done: true, Found: holder != nil, Requests: w.list.requests(),
	}
	if holder != nil {
		t.Hops = int(w.list.hops(*holder))
	} else if c, ok := w.list.best(); ok {
		t.Hops = int(c.hops)
	}
	trace(t)
}

// step asks whoever is next.
func (w *lookup) step(now time.Duration) {
	for {
		c, ok := w.list.next()
		if !ok {
			return
		}
		w.e.callFor(now, w.number, c, wire.Request{Method: w.method, Target: w.list.target}, w.report)
	}
}

// report takes in what became of a request.
func (w *lookup) report(now time.Duration, c *call, stage Stage, a *wire.Answer) {
	if stage == RequestLate && !(w.over && w.purpose == ForGet) {
		// One lost datagram must not make a node dead. But nobody wants a value twice.
		w.e.resend(now, c)
	}
	if w.over {
		return
	}
	switch stage {
	case RequestLate:
		w.list.set(c.to, slow)
	case RequestOverdue:
		w.list.set(c.to, overdue)
	case RequestLost:
		w.list.set(c.to, failed)
	case RequestReplied:
		if w.answered(now, c, a) {
			return
		}
	}
	w.proceed(now)
}

// proceed asks whoever is next, and ends the walk if its time is up or there is
// nobody to wait for.
func (w *lookup) proceed(now time.Duration) {
	if now >= w.deadline {
		w.finish(now)
		return
	}
	w.step(now)
	if w.list.done() && !w.asking && !w.askBeyond(now) {
		w.finish(now)
	}
}

// askBeyond asks who comes after the nearest nodes, if some of these turned out to
// be dead, and reports whether it did. Whoever was asked for target has named the k
// nearest that it knows, dead ones among them. The last that answered knows those
// around itself.
func (w *lookup) askBeyond(now time.Duration) bool {
	if w.purpose == ForGet || w.purpose == ForRefresh || w.list.budget == 0 {
		return false
	}
	dead, last := w.list.deadAmong(w.list.k + w.beyond)
	if dead <= w.beyond || last == (Contact{}) {
		return false
	}
	w.beyond, w.asking = dead, true
	w.list.budget--
	w.e.ask(now, w.number, last, wire.Request{Method: wire.FindNode, Target: wire.ID(last.ID)}, true, func(now time.Duration, a *wire.Answer) {
		if w.over {
			return
		}
		w.asking = false
		if a != nil {
			w.heard(now, last, a)
		}
		w.proceed(now)
	})
	return true
}

// answered takes in an answer, and reports whether it ended the walk.
func (w *lookup) answered(now time.Duration, c *call, a *wire.Answer) bool {
	w.met = true
	w.list.noteExtended(c.to, a.Trailer.Present)
	if a.Value != nil && w.onValue != nil {
		w.over = true
		w.traceEnd(now, &c.to)
		w.onValue(now, c.to, a)
		w.putAway()
		return true
	}
	w.heard(now, c.to, a)
	return false
}

// heard feeds the lookup with the contacts of an answer. Those of the table that
// failed so recently that they are not to be asked have failed in this lookup too.
func (w *lookup) heard(now time.Duration, from Contact, a *wire.Answer) {
	list := w.e.usable(from, a)
	w.list.heard(from, list)
	if now >= w.e.table.backoffsEnd {
		return
	}
	for _, c := range list {
		if p := w.e.table.get(c.ID); p != nil && p.backingOff(now) && w.e.table.addr(p) == c.Addr {
			w.list.markFailed(c)
		}
	}
}

// usable returns the contacts of an answer that can be reached. It is valid until
// the next use.
func (e *Engine) usable(from Contact, a *wire.Answer) []Contact {
	e.stats.Skipped += uint64(a.Skipped)
	list := e.codec.heard[:0]
	for _, c := range a.Contacts {
		id := ID(c.ID)
		switch {
		case id == e.id:
		case !mayTell(c.Addr, from.Addr), familyOf(c.Addr)&e.caps == 0:
			e.stats.Skipped++
		default:
			list = append(list, Contact{ID: id, Addr: c.Addr})
		}
	}
	e.codec.heard = list
	return list
}
