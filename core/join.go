package core

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// upkeep is what a node does by itself: join and rejoin, refresh its buckets,
// republish records and hand them to newcomers, ask strangers who they are.
type upkeep struct {
	proving []proving // maxProving at most

	// seeds are the bootstrap addresses, kept to join again.
	seeds     []netip.AddrPort
	rejoining bool
	backoff   time.Duration

	republishing int
	overdue      []job // in their order
	// published are the values that the node's user keeps published.
	published map[ID]*publication

	newcomers []*newcomer // that wait to be handed records
}

// A node that knows nobody tries its bootstrap addresses again after
// rejoinFirst, then after twice as long each time, up to rejoinMax.
const (
	rejoinFirst = time.Second
	rejoinMax   = 5 * time.Minute
)

func (e *Engine) startUpkeep() {
	for _, h := range e.records.load(e.epoch) {
		h.due = e.jitter(e.cfg.RepublishInterval)
		e.schedule(h)
	}
	e.timers.add(e.cfg.RefreshInterval, wakerFunc(e.refreshDue))
}

// Bootstrap joins the network through the nodes at seeds (paper, section 2.3):
// it looks up its own id, starting from those that answer, and calls done with
// how many those are so far, or with ErrNoAnswer if there is none, which is
// ErrUnreachable if none of the addresses can be. It goes on to
// refresh the buckets farther away than its nearest neighbour. The seeds are
// remembered, and tried again whenever the node finds itself alone. A client only
// waits for the first seed to answer.
func (e *Engine) Bootstrap(now time.Time, seeds []netip.AddrPort, done func(seeds int, err error)) (cancel func()) {
	t := e.at(now)
	given := len(seeds)
	seeds = slices.DeleteFunc(slices.Clone(seeds), func(s netip.AddrPort) bool { return !e.reaches(s) })
	e.upkeep.remember(seeds)
	j := &joining{e: e, done: done, waiting: len(seeds), err: ErrNoAnswer}
	if given > 0 && len(seeds) == 0 {
		j.err = ErrUnreachable
	}
	for _, s := range seeds {
		e.call(t, Contact{Addr: s}, wire.Request{Method: wire.Ping}, j.report)
	}
	if len(seeds) == 0 {
		e.timers.add(t, wakerFunc(j.failed))
	}
	return func() { j.over = true }
}

// maxSeeds bounds the bootstrap addresses that are remembered: the last ones are.
const maxSeeds = 64

func (u *upkeep) remember(seeds []netip.AddrPort) {
	for _, s := range seeds {
		u.forget(s)
		u.seeds = append(u.seeds, s)
	}
	u.seeds = slices.Delete(u.seeds, 0, max(0, len(u.seeds)-maxSeeds))
}

func (u *upkeep) forget(seed netip.AddrPort) {
	u.seeds = slices.DeleteFunc(u.seeds, func(s netip.AddrPort) bool { return s == seed })
}

// joining is a bootstrap under way.
type joining struct {
	e       *Engine
	lookup  *lookup
	waiting int // seeds of which nothing is known yet
	reached int
	over    bool
	err     error // what it is if there is nobody
	done    func(seeds int, err error)
}

// report takes in what became of a ping to a seed. The first that answers starts
// the lookup of the own id, later ones join in. A seed may be the only one, so
// that a lost datagram is sent again.
func (j *joining) report(now time.Duration, c *call, stage Stage, a *wire.Answer) {
	if stage < RequestReplied {
		j.e.resend(now, c)
		return
	}
	j.waiting--
	switch {
	case stage == RequestReplied:
		j.reached++
		j.join(now, Contact{ID: ID(a.ID), Addr: c.to.Addr})
		return
	case a != nil:
		j.e.cfg.Log.Info("bootstrap address is this node itself", "addr", c.to.Addr)
		j.e.upkeep.forget(c.to.Addr)
	default:
		j.e.cfg.Log.Warn("bootstrap node does not answer", "addr", c.to.Addr)
	}
	if j.waiting == 0 && j.reached == 0 {
		j.failed(now)
	}
}

func (j *joining) join(now time.Duration, seed Contact) {
	switch {
	case j.e.cfg.Client:
		// It has nobody to be found by.
		j.joined(now)
	case j.lookup == nil:
		j.lookup = j.e.newLookup(now, j.e.id, ForJoin)
		j.lookup.onEnd = j.joined
		j.lookup.list.add(seed, 1)
		j.lookup.start(now)
	case !j.lookup.over:
		j.lookup.list.add(seed, 1)
		j.lookup.step(now)
	}
}

func (j *joining) joined(now time.Duration) {
	j.e.upkeep.backoff = 0
	if !j.e.cfg.Client {
		j.e.cfg.Log.Info("joined", "neighbours", len(j.lookup.list.nearest()))
		j.e.refreshFar(now)
	}
	if !j.over {
		j.over = true
		j.done(j.reached, nil)
	}
}

func (j *joining) failed(now time.Duration) {
	j.e.rejoinLater(now)
	if !j.over {
		j.over = true
		j.done(0, j.err)
	}
}

// lonely tries to join again if a lookup has met nobody.
func (e *Engine) lonely(now time.Duration, w *lookup) {
	if !w.met {
		e.rejoinLater(now)
	}
}

// rejoinLater plans to try the bootstrap addresses again, if it turns out that
// the node is alone.
func (e *Engine) rejoinLater(now time.Duration) {
	u := &e.upkeep
	if u.rejoining || len(u.seeds) == 0 {
		return
	}
	u.rejoining = true
	u.backoff = min(max(2*u.backoff, rejoinFirst), rejoinMax)
	e.timers.add(now+u.backoff, wakerFunc(func(now time.Duration) {
		w := e.newLookup(now, e.id, ForJoin)
		w.onEnd = func(now time.Duration) {
			u.rejoining = false
			if w.met {
				u.backoff = 0
				return
			}
			e.cfg.Log.Info("joining again", "seeds", len(u.seeds))
			e.Bootstrap(e.epoch.Add(now), slices.Clone(u.seeds), func(int, error) {})
		}
		w.start(now)
	}))
}

// refreshFar refreshes the ranges that are farther away than the k nearest
// contacts, one for each length of the prefix shared with those, one after the
// other. The paper has it begin beyond the nearest one (section 2.3). But all that
// is nearer than the k-th was met by the lookup of the own id, and a stranger who
// chose an id next to this one could make it 160 lookups.
func (e *Engine) refreshFar(now time.Duration) {
	nearest := e.table.closest(e.codec.peers[:0], e.id, e.cfg.K, func(*peer) bool { return true })
	e.codec.peers = nearest
	if n := len(nearest); n > 0 {
		e.refreshLevel(now, 0, PrefixLen(e.id, e.table.id(nearest[n-1]))+1)
	}
}

func (e *Engine) refreshLevel(now time.Duration, level, end int) {
	if level >= end {
		return
	}
	target := e.id
	target.flip(level)
	target.keepPrefix(level+1, randomID(e.cfg.Rand))
	w := e.newLookup(now, target, ForRefresh)
	w.onEnd = func(now time.Duration) { e.refreshLevel(now, level+1, end) }
	w.start(now)
}

// refreshDue refreshes, one after the other, the buckets that no lookup has
// touched for Config.RefreshInterval, by looking for a random id in their range
// (paper, section 2.3).
func (e *Engine) refreshDue(now time.Duration) {
	next := now + e.cfg.RefreshInterval
	for i := range e.table.buckets {
		b := &e.table.buckets[i]
		due := b.touched + e.cfg.RefreshInterval
		if due <= now {
			target := b.prefix
			target.keepPrefix(b.depth, randomID(e.cfg.Rand))
			w := e.newLookup(now, target, ForRefresh)
			w.onEnd = func(now time.Duration) {
				e.lonely(now, w)
				e.refreshDue(now)
			}
			w.start(now)
			return
		}
		next = min(next, due)
	}
	e.timers.add(next, wakerFunc(e.refreshDue))
}
