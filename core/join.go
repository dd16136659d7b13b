package core

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// membership keeps the node in the network: it remembers the bootstrap addresses,
// and joins again through them when the node is alone.
type membership struct {
	e         *Engine
	seeds     []netip.AddrPort // bootstrap addresses, at most maxSeeds
	rejoining bool
	joined    bool // at least once
	backoff   time.Duration
}

// A node without a living contact tries its bootstrap addresses again after
// rejoinFirst, then after twice as long each time, up to rejoinMax.
const (
	rejoinFirst = time.Second
	rejoinMax   = 5 * time.Minute
)

// maxSeeds bounds the bootstrap addresses that are remembered: the last ones are.
const maxSeeds = 64

// Bootstrap joins the network through the nodes at seeds (paper, section 2.3). It
// looks up the node's own id, starting from the seeds that answer, and then calls
// done with the number of seeds that have answered so far; with ErrNoAnswer if none
// did; with ErrOtherNetwork if one did that has another Config.Network; or with
// ErrUnreachable if no address is usable. It goes on to refresh the
// buckets farther away than the nearest neighbour. The seeds are remembered, and
// tried again whenever the node finds itself alone. A client only waits for the
// first seed to answer.
func (e *Engine) Bootstrap(now time.Time, seeds []netip.AddrPort, done func(seeds int, err error)) (cancel func()) {
	return e.join.bootstrap(e.clock.at(now), seeds, done)
}

func (m *membership) bootstrap(now time.Duration, seeds []netip.AddrPort, done func(int, error)) (cancel func()) {
	e := m.e
	given := len(seeds)
	seeds = slices.DeleteFunc(slices.Clone(seeds), func(s netip.AddrPort) bool { return !e.reaches(s) })
	m.remember(seeds)
	j := &joining{e: e, done: done, waiting: len(seeds), err: ErrNoAnswer}
	if given > 0 && len(seeds) == 0 {
		j.err = ErrUnreachable
	}
	for _, s := range seeds {
		e.calls.watch(now, query{to: Contact{Addr: s}, req: wire.Request{Method: wire.Ping}}, j.onStage)
	}
	if len(seeds) == 0 {
		e.soon(now, j.fail)
	}
	return func() { j.over = true }
}

func (m *membership) remember(seeds []netip.AddrPort) {
	for _, s := range seeds {
		m.forget(s)
		m.seeds = append(m.seeds, s)
	}
	m.seeds = slices.Delete(m.seeds, 0, max(0, len(m.seeds)-maxSeeds))
}

func (m *membership) forget(seed netip.AddrPort) {
	m.seeds = slices.DeleteFunc(m.seeds, func(s netip.AddrPort) bool { return s == seed })
}

// joining is a bootstrap under way.
type joining struct {
	e        *Engine
	lookup   *lookup // of the node's own id; nil until the first seed answers
	waiting  int     // seeds that may still answer
	answered int     // seeds that have answered
	over     bool
	ks       []int // the bucket sizes that seeds have stated, sorted
	err      error // the result if no seed answers
	done     func(seeds int, err error)
}

// onStage watches the ping of a seed. The first seed that answers starts the lookup
// of the node's own id; later ones are added to it. The ping is repeated when it is
// late, because a seed may be the only one.
func (j *joining) onStage(now time.Duration, c *call, stage trace.Stage, a *wire.Answer) {
	if stage < trace.Replied {
		j.e.calls.resend(now, c)
		return
	}
	j.waiting--
	switch {
	case stage == trace.Replied:
		j.answered++
		j.adoptK(int(a.Trailer.K))
		j.add(now, Contact{ID: ID(a.ID), Addr: c.to.Addr})
		return
	case a != nil && a.Trailer.Network != j.e.network:
		j.e.cfg.Log.Warn("bootstrap node belongs to another network", "addr", c.to.Addr)
		j.err = ErrOtherNetwork
	case a != nil:
		j.e.cfg.Log.Info("bootstrap address is this node itself", "addr", c.to.Addr)
		j.e.join.forget(c.to.Addr)
	default:
		j.e.cfg.Log.Warn("bootstrap node does not answer", "addr", c.to.Addr)
	}
	if j.waiting == 0 && j.answered == 0 {
		j.fail(now)
	}
}

// adoptK takes the bucket size from the network: the median of those that the seeds have
// stated so far. It is fixed once the node has joined.
func (j *joining) adoptK(k int) {
	e := j.e
	if !e.ownK || e.join.joined || k < 1 || k > maxAdoptedK {
		return
	}
	j.ks = append(j.ks, k)
	slices.Sort(j.ks)
	e.cfg.K = j.ks[(len(j.ks)-1)/2]
	e.table.k = e.cfg.K
}

// maxAdoptedK is the largest bucket size that a node takes from the network.
const maxAdoptedK = 64

func (j *joining) add(now time.Duration, seed Contact) {
	switch {
	case j.e.cfg.Client:
		j.succeed(now) // a client is not to be found, so it needs no neighbours
	case j.lookup == nil:
		j.lookup = j.e.newLookup(now, j.e.id, trace.ForJoin)
		j.lookup.onEnd = j.succeed
		j.lookup.list.add(seed, 1)
		j.lookup.start(now)
	case !j.lookup.over:
		j.lookup.list.add(seed, 1)
		j.lookup.step(now)
	}
}

func (j *joining) succeed(now time.Duration) {
	j.e.join.backoff, j.e.join.joined = 0, true
	if !j.e.cfg.Client {
		j.e.cfg.Log.Info("joined", "neighbours", len(j.lookup.list.nearest()))
		j.e.refresh.far(now)
	}
	if !j.over {
		j.over = true
		j.done(j.answered, nil)
	}
}

func (j *joining) fail(now time.Duration) {
	j.e.join.rejoinLater(now)
	if !j.over {
		j.over = true
		j.done(0, j.err)
	}
}

// onLookupEnd plans to join again if no node has answered a lookup.
func (m *membership) onLookupEnd(now time.Duration, l *lookup) {
	if !l.met {
		m.rejoinLater(now)
	}
}

// rejoinLater plans to try the bootstrap addresses again. When the time has come, a
// lookup finds out whether the node is alone.
func (m *membership) rejoinLater(now time.Duration) {
	if m.rejoining || len(m.seeds) == 0 {
		return
	}
	m.rejoining = true
	m.backoff = min(max(2*m.backoff, rejoinFirst), rejoinMax)
	m.e.timers.call(now+m.backoff, func(now time.Duration) {
		l := m.e.newLookup(now, m.e.id, trace.ForJoin)
		l.onEnd = func(now time.Duration) {
			m.rejoining = false
			if l.met {
				m.backoff = 0
				return
			}
			m.e.cfg.Log.Info("joining again", "seeds", len(m.seeds))
			m.bootstrap(now, slices.Clone(m.seeds), func(int, error) {})
		}
		l.start(now)
	})
}
