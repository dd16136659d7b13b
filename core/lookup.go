package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// lookup is a node lookup under way (paper, section 2.3). It asks the contacts that
// its shortlist names, and adds the contacts of their answers to the shortlist.
type lookup struct {
	e       *Engine
	number  uint64
	purpose trace.Purpose
	list    shortlist
	// deadline ends the lookup with the result so far, at the next event.
	deadline time.Duration
	over     bool
	met      bool // some node has answered
	// newest is the newest version under the target that a node has named. Versions
	// from the future do not count.
	newest uint64
	beyond beyond
	// onValue gets a value that a peer returns. It reports whether it has ended the
	// lookup.
	onValue func(now time.Duration, from Contact, a *wire.Answer) (ended bool)
	// onEnd is called when the k nearest have answered, or time or budget is up.
	onEnd func(now time.Duration)
}

// beyond is the search for nodes behind the nearest ones, if some of these are dead.
type beyond struct {
	dead   int // dead nodes among the nearest at the last search
	asking int // requests of the search that are under way
}

// startPerK is how many contacts a lookup starts with, in multiples of k. The
// contacts beyond k take the places of dead ones: an answer names k contacts only,
// and not the nodes behind its dead ones.
const startPerK = 3

// newLookup prepares a lookup of target among the contacts known now.
func (e *Engine) newLookup(now time.Duration, target ID, purpose trace.Purpose) *lookup {
	e.stats.Lookups++
	e.table.bucket(target).touched = now
	l := &lookup{e: e, number: e.stats.Lookups, purpose: purpose, list: newShortlist(target, e.cfg.K, e.cfg.Alpha)}
	codec := &e.scratch.codec
	l.list.candidates, codec.candidates = codec.candidates, nil
	peers := e.table.closest(codec.peers[:0], target, startPerK*e.cfg.K, func(p *peer) bool { return !p.backingOff(now) })
	if len(peers) == 0 {
		peers = e.table.closest(peers, target, e.cfg.K, func(*peer) bool { return true })
	}
	for _, p := range peers {
		l.list.add(e.table.contact(p), 1)
	}
	codec.peers = peers
	return l
}

// start starts the lookup. If there is no contact to ask, the lookup ends at the
// next Advance.
func (l *lookup) start(now time.Duration) {
	l.deadline = now + l.e.cfg.LookupTimeout
	if hook := l.e.cfg.Trace.Lookup; hook != nil {
		hook(trace.Lookup{At: l.e.clock.time(now), Lookup: l.number, Purpose: l.purpose, Target: l.list.target})
	}
	l.step(now)
	if l.list.done() {
		l.e.soon(now, l.finish)
	}
}

// finish ends the lookup with the result so far.
func (l *lookup) finish(now time.Duration) {
	if l.over {
		return
	}
	l.over = true
	l.traceEnd(now, nil)
	l.e.table.markComplete(now, l.list.target, l.list.nearest())
	if l.onEnd != nil {
		l.onEnd(now)
	}
	l.releaseList()
}

// end ends the lookup with the value of holder. Its list stays, for the caller to
// release.
func (l *lookup) end(now time.Duration, holder *Contact) {
	l.over = true
	l.traceEnd(now, holder)
}

// cancel ends the lookup without a result.
func (l *lookup) cancel() {
	if !l.over {
		l.over = true
		l.traceEnd(l.e.clock.latest, nil)
		l.releaseList()
	}
}

// maxReused bounds the list of candidates that is kept for the next lookup, in
// multiples of k: a node at rest is small.
const maxReused = 8

// releaseList leaves the memory of the shortlist to the next lookup.
func (l *lookup) releaseList() {
	if cap(l.list.candidates) <= maxReused*l.list.k {
		l.e.scratch.codec.candidates = l.list.candidates[:0]
	}
	l.list.candidates = nil
}

// traceEnd reports the end of the lookup, and the holder of the value if there is
// one.
func (l *lookup) traceEnd(now time.Duration, holder *Contact) {
	hook := l.e.cfg.Trace.Lookup
	if hook == nil {
		return
	}
	t := trace.Lookup{
		At: l.e.clock.time(now), Lookup: l.number, Purpose: l.purpose, Target: l.list.target,
		Done: true, Found: holder != nil, Requests: l.list.requests(),
	}
	if holder != nil {
		t.Hops = int(l.list.hops(*holder))
	} else if c, ok := l.list.best(); ok {
		t.Hops = int(c.hops)
	}
	hook(t)
}

// step asks the contacts that the shortlist names.
func (l *lookup) step(now time.Duration) {
	req := wire.Request{Method: wire.FindNode, Target: wire.ID(l.list.target)}
	if l.purpose == trace.ForGet {
		req.Method = wire.FindValue
	}
	for {
		c, ok := l.list.next()
		if !ok {
			return
		}
		l.e.calls.watch(now, query{to: c, req: req, lookup: l.number}, l.onStage)
	}
}

// onStage watches a request of the lookup.
func (l *lookup) onStage(now time.Duration, c *call, stage trace.Stage, a *wire.Answer) {
	if stage == trace.Late && !(l.over && l.purpose == trace.ForGet) {
		// One lost datagram must not make a node dead. But a value is wanted once only.
		l.e.calls.resend(now, c)
	}
	if l.over {
		return
	}
	switch stage {
	case trace.Late:
		l.list.set(c.to, late)
	case trace.Overdue:
		l.list.set(c.to, overdue)
	case trace.Lost:
		l.list.set(c.to, failed)
	case trace.Replied:
		if l.onReply(now, c, a) {
			return
		}
	}
	l.proceed(now)
}

// proceed asks the next contacts. It ends the lookup if its time is up or no answer
// is missing.
func (l *lookup) proceed(now time.Duration) {
	if now >= l.deadline {
		l.finish(now)
		return
	}
	l.step(now)
	if l.list.done() && l.beyond.asking == 0 && !l.searchBeyond(now) {
		l.finish(now)
	}
}

// searchBeyond asks for the nodes behind the nearest ones, if some of these turned
// out to be dead, and reports whether it did. A node asked for the target names the
// k nearest that it knows, dead ones among them. The last node that answered knows
// the nodes around itself.
func (l *lookup) searchBeyond(now time.Duration) bool {
	switch {
	case l.purpose == trace.ForGet:
		return l.askReturned(now)
	case l.purpose == trace.ForRefresh || l.list.budget == 0:
		return false
	}
	dead, last := l.list.deadAmong(l.list.k + l.beyond.dead)
	if dead <= l.beyond.dead || last == (Contact{}) {
		return false
	}
	l.beyond = beyond{dead: dead, asking: 1}
	l.list.budget--
	req := wire.Request{Method: wire.FindNode, Target: wire.ID(last.ID)}
	l.e.calls.ask(now, query{to: last, req: req, lookup: l.number, repeat: true}, func(now time.Duration, a *wire.Answer) {
		if l.over {
			return
		}
		l.beyond.asking--
		if a != nil {
			l.addAnswer(now, last, a)
		}
		l.proceed(now)
	})
	return true
}

// askReturned asks nodes that have returned the value for the nodes nearest to its key:
// an answer with a value names none. It is for a reader that knows few nodes, and
// reports whether it has asked.
func (l *lookup) askReturned(now time.Duration) bool {
	for _, to := range l.list.unnamed() {
		l.beyond.asking++
		req := wire.Request{Method: wire.FindNode, Target: wire.ID(l.list.target)}
		l.e.calls.ask(now, query{to: to, req: req, lookup: l.number, repeat: true}, func(now time.Duration, a *wire.Answer) {
			if l.over {
				return
			}
			l.beyond.asking--
			if a != nil {
				l.addAnswer(now, to, a)
			}
			l.proceed(now)
		})
	}
	return l.beyond.asking > 0
}

// onReply takes in an answer, and reports whether it ended the lookup.
func (l *lookup) onReply(now time.Duration, c *call, a *wire.Answer) bool {
	l.met = true
	l.list.noteTrailer(c.to, &a.Trailer)
	if v := a.Trailer.Version; v <= l.e.clock.millis(now+maxAhead) {
		l.newest = max(l.newest, v)
	}
	if a.Value != nil && l.onValue != nil {
		l.list.noteValue(c.to)
		return l.onValue(now, c.to, a)
	}
	l.addAnswer(now, c.to, a)
	return false
}

// addAnswer adds the contacts of an answer to the shortlist. Contacts of the table
// whose back-off has not ended count as failed in this lookup too.
func (l *lookup) addAnswer(now time.Duration, from Contact, a *wire.Answer) {
	contacts := l.e.calls.usable(from, a)
	l.list.addAnswer(from, contacts)
	if now >= l.e.table.backoffsEnd {
		return
	}
	for _, c := range contacts {
		if p := l.e.table.get(c.ID); p != nil && p.backingOff(now) && l.e.table.addr(p) == c.Addr {
			l.list.markFailed(c)
		}
	}
}
