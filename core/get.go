package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Found is the result of Get.
type Found struct {
	Value Value // of any kind: another node may have stored it
	// Holder is the first node that returned the value; the zero Contact if it was this
	// node itself.
	Holder Contact
	// Published is when the value was set, as far as its holder knows; the zero time
	// if the holder did not say.
	Published time.Time
	// Version is the version that the writer gave the value: see Record. Zero if no
	// holder said.
	Version uint64
	// Holders is how many holders have returned the value, this node included. Zero
	// means that only a copy was found.
	Holders int
}

// GetOptions are the options of a Get. The zero value is the default.
type GetOptions struct {
	// Quorum is how many holders must return the same value. Default 3. A Get in a
	// network with fewer holders succeeds with the holders that there are.
	Quorum int

	// MaxAge allows a copy that was made at most so long ago, and then one answer is
	// enough. Copies spread the load of a key that many nodes read. Default 0: no copy.
	MaxAge time.Duration
}

// defaultQuorum is how many holders must agree before a Get ends early: two that missed
// the last set together, or two liars, do not decide. A value that confirmed holders have
// returned may be given to others.
const (
	defaultQuorum = 3
	confirmed     = 2
)

// Get looks for the value under key (paper, section 2.3, FIND_VALUE), and calls done
// with it, with ErrNotFound, or with ErrNoAnswer if most nodes that were asked are silent.
//
// A cached copy is a hint: it may be older than the value of the holders. The lookup
// ends when Quorum holders have returned the same value and none a newer one, or when
// the k nearest nodes have answered. This node counts as a holder if it is one of the
// k nearest. A newer version that only one holder claims does not count while an older
// one has more. Nodes that returned an older version get the newer one (read repair), and
// the nearest node asked that had no value gets a copy.
//
// After a call of cancel, done is not called any more.
func (e *Engine) Get(now time.Time, key ID, o GetOptions, done func(Found, error)) (cancel func()) {
	t := e.clock.at(now)
	if o.Quorum <= 0 {
		o.Quorum = defaultQuorum
	}
	g := &getting{e: e, options: o, done: done}
	if own, have := e.records.get(t, key); have {
		s := source{record: own, copied: own.Cached || e.doubt.about(key) || e.table.countNearer(key) >= e.cfg.K}
		if g.sources = append(g.sources, s); g.freshEnough(t, s) {
			return e.soon(t, func(time.Duration) { g.tell(g.best()) }).cancel
		}
	}
	g.lookup = e.newLookup(t, key, trace.ForGet)
	g.lookup.onValue = g.onValue
	g.lookup.onEnd = g.onEnd
	g.lookup.start(t)
	return g.lookup.cancel
}

// getting is a Get under way.
type getting struct {
	e       *Engine
	lookup  *lookup
	options GetOptions
	sources []source // the nodes that have returned a value, this one first if it has
	done    func(Found, error)
}

// source is a value that one node has returned.
type source struct {
	contact  Contact // the zero Contact for this node
	record   Record  // with a zero Version if the node did not say
	copied   bool    // the node is not a holder
	extended bool    // the node reads versions
}

// claim is a value, and the sources that have returned it.
type claim struct {
	record  Record // the newest version and the longest life of the value
	from    Contact
	holders int
}

// freshEnough reports whether GetOptions.MaxAge lets s decide alone.
func (g *getting) freshEnough(now time.Duration, s source) bool {
	if g.options.MaxAge <= 0 {
		return false
	}
	if !s.copied {
		return true
	}
	left := s.record.Expires().Sub(g.e.clock.time(now))
	return copyLife-left <= g.options.MaxAge
}

// onValue takes in a value, and ends the lookup if enough holders agree.
func (g *getting) onValue(now time.Duration, from Contact, a *wire.Answer) (end bool) {
	s := source{
		contact:  from,
		record:   g.e.recordOf(now, a.Value, a.Trailer),
		copied:   a.Trailer.Marks&wire.MarkCopy != 0,
		extended: a.Trailer.Run != 0,
	}
	g.sources = append(g.sources, s)
	c, enough := g.decide()
	if !enough && g.freshEnough(now, s) {
		c, enough = g.claim(s.record), true
	}
	if !enough {
		return false
	}
	g.lookup.end(now, &c.from)
	g.finish(now, c)
	g.lookup.releaseList()
	return true
}

// onEnd decides by the values of all nodes that have answered.
func (g *getting) onEnd(now time.Duration) {
	g.e.join.onLookupEnd(now, g.lookup)
	switch {
	case len(g.sources) > 0:
		g.finish(now, g.best())
	case !g.lookup.met && g.lookup.list.requests() > 0, g.lookup.list.mostlySilent():
		g.done(Found{}, ErrNoAnswer)
	default:
		g.done(Found{}, ErrNotFound)
	}
}

// holds reports whether s counts as a holder: a node that is not one of the k nearest may
// keep a value that the holders have replaced, and not know that it is none of them.
func (g *getting) holds(s *source) bool {
	return !s.copied && (s.contact == Contact{} || g.lookup == nil || g.lookup.list.amongNearest(s.contact))
}

// claim returns the claim of r's value, over all sources.
func (g *getting) claim(r Record) claim {
	c := claim{record: r}
	first := true
	for i := range g.sources {
		s := &g.sources[i]
		if s.record.Value != r.Value || s.record.Deleted != r.Deleted {
			continue
		}
		if first {
			c.from, first = s.contact, false
		}
		if g.holds(s) {
			c.holders++
		}
		c.record.Version = max(c.record.Version, s.record.Version)
		if s.record.Expires().After(c.record.Expires()) {
			c.record.Published, c.record.TTL = s.record.Published, s.record.TTL
		}
	}
	return c
}

// newest returns the newest claim of at least the given number of holders.
func (g *getting) newest(holders int) (best claim, found bool) {
	for _, s := range g.sources {
		if c := g.claim(s.record); c.holders >= holders && (!found || c.record.newerThan(&best.record)) {
			best, found = c, true
		}
	}
	return best, found
}

// moreDoubt is how many holders beyond the quorum are heard before a newer version
// that one of them alone has claimed is left aside.
const moreDoubt = 2

// decide reports whether enough holders have returned the newest value. Copies count
// only as a sign that there may be a newer one.
func (g *getting) decide() (c claim, enough bool) {
	c, found := g.newest(g.options.Quorum)
	if !found {
		return claim{}, false
	}
	newer, holders := false, 0
	for i := range g.sources {
		s := &g.sources[i]
		newer = newer || s.record.newerThan(&c.record) && s.record.Value != c.record.Value
		if g.holds(s) {
			holders++
		}
	}
	return c, !newer || holders >= g.options.Quorum+moreDoubt
}

// best returns the claim to believe when there is nothing more to ask.
func (g *getting) best() claim {
	for _, holders := range [...]int{min(g.options.Quorum, confirmed), 1} {
		if c, found := g.newest(holders); found {
			return c
		}
	}
	c, _ := g.newest(0)
	return c
}

// finish repairs the nodes that returned another version, and tells the result.
func (g *getting) finish(now time.Duration, c claim) {
	if c.holders >= confirmed {
		g.repair(now, c)
		g.lookup.cacheOnPath(now, c.record)
	}
	g.tell(c)
}

func (g *getting) tell(c claim) {
	if c.record.Deleted {
		g.done(Found{}, ErrNotFound)
		return
	}
	f := Found{Value: c.record.Value, Holder: c.from, Version: c.record.Version, Holders: c.holders}
	if c.record.Version != 0 {
		f.Published = c.record.Published
	}
	g.done(f, nil)
}

// repair sends the record of c to the sources that returned an older one.
func (g *getting) repair(now time.Duration, c claim) {
	if c.record.Version == 0 {
		return // Python nodes only: none of them can tell old from new
	}
	for _, s := range g.sources {
		if s.record.Value == c.record.Value && s.record.Deleted == c.record.Deleted || !c.record.newerThan(&s.record) {
			continue
		}
		switch {
		case s.contact == (Contact{}):
			g.e.adopt(now, g.lookup.list.target, c.record)
		case s.extended:
			g.e.calls.ask(now, g.e.storeQuery(now, s.contact, g.lookup.list.target, c.record), func(time.Duration, *wire.Answer) {})
		}
	}
}

// cacheOnPath stores a copy of r at the nearest node asked that did not have the value
// (paper, section 2.3). Only an extended node gets one: any other node would keep the
// copy for a week and republish it.
func (l *lookup) cacheOnPath(now time.Duration, r Record) {
	if r.Deleted || r.Value.Size() > MaxValueSize {
		return
	}
	for i := range l.list.candidates {
		c := &l.list.candidates[i]
		if c.state == answered && c.extended && !c.returned {
			q := l.e.storeQuery(now, c.Contact, l.list.target, r)
			q.req.Trailer.Marks |= wire.MarkCopy
			l.e.calls.ask(now, q, func(time.Duration, *wire.Answer) {})
			return
		}
	}
}
