package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// watching looks at the network around the node, with one small request at a time. It
// notices neighbours that have gone, whose records need a new holder, and a larger
// network that a bootstrap address belongs to and this node does not.
type watching struct {
	e        *Engine
	interval time.Duration // until the next request
	ticks    int           // requests at the slow pace
}

// While all neighbours answer, there are watchShare requests in Config.RefreshInterval:
// by default one each 30 s. Each neighbour that does not answer makes the next ping come
// sooner, down to watchFast.
const (
	watchShare = 120
	watchFast  = time.Second
)

// slow returns the time between two requests in a network at rest.
func (w *watching) slow() time.Duration { return max(w.e.cfg.RefreshInterval/watchShare, watchFast) }

// start begins to watch at a time of the node's own, so that nodes that started
// together do not ask together.
func (w *watching) start() {
	if w.e.cfg.Client {
		return
	}
	w.interval = w.slow()
	phase := time.Duration(w.e.cfg.Rand.Uint64() % uint64(w.interval))
	w.e.timers.call(phase, w.tick)
}

// tick asks a bootstrap address or pings a neighbour, in turn.
func (w *watching) tick(now time.Duration) {
	w.ticks++
	if w.interval == w.slow() && w.ticks%2 == 0 && w.seedsDue() {
		w.askSeed(now)
	} else {
		w.pingNeighbour(now)
	}
	w.e.timers.call(now+w.interval, w.tick)
}

// seedsDue reports whether it is this node's turn to ask a bootstrap address. The nodes
// of a large network share the work: together they ask about once a second.
func (w *watching) seedsDue() bool {
	if contacts, _ := w.e.table.size(); contacts == 0 || len(w.e.join.seeds) == 0 {
		return false // a node without a contact joins again anyway: see membership
	}
	every := 1 << min(max(w.e.table.sharedByK()-1, 0), 16)
	return w.ticks/2%every == 0
}

// pingNeighbour pings one of the k nearest contacts. If it does not answer, it is asked
// once more, and the next neighbour soon. A contact that failed before is pinged too,
// after its back-off: a network that was cut finds together again.
func (w *watching) pingNeighbour(now time.Duration) {
	e := w.e
	peers := e.table.closest(e.scratch.codec.peers[:0], e.id, e.cfg.K, func(p *peer) bool { return !p.backingOff(now) })
	e.scratch.codec.peers = peers
	if len(peers) == 0 {
		return
	}
	p := peers[e.cfg.Rand.Uint64()%uint64(len(peers))]
	if c := e.table.contact(p); p.fails > 0 {
		w.ping(now, c, 1, w.slow()) // it may be back
	} else {
		w.ping(now, c, goneAfter, max(w.interval/4, watchFast))
	}
}

// ping pings c, as often as given until it answers. If it does not, faster is the time
// until the next request.
func (w *watching) ping(now time.Duration, c Contact, times int, faster time.Duration) {
	q := query{to: c, req: wire.Request{Method: wire.Ping}, repeat: true}
	w.e.calls.ask(now, q, func(now time.Duration, a *wire.Answer) {
		switch {
		case a != nil:
			w.interval = min(2*w.interval, w.slow())
		case times > 1:
			w.ping(now, c, times-1, faster)
		default:
			w.interval = min(w.interval, faster)
		}
	})
}

// askSeed asks a bootstrap address, drawn at random, for the nodes nearest to this one.
// If it names nodes that should be in the table and are not, this node joins again
// through it.
func (w *watching) askSeed(now time.Duration) {
	e := w.e
	seed := Contact{Addr: e.join.seeds[e.cfg.Rand.Uint64()%uint64(len(e.join.seeds))]}
	q := query{to: seed, req: wire.Request{Method: wire.FindNode, Target: wire.ID(e.id)}}
	e.calls.ask(now, q, func(now time.Duration, a *wire.Answer) {
		if a == nil {
			return
		}
		unknown := slices.DeleteFunc(e.calls.usable(seed, a), func(c Contact) bool {
			return e.table.get(c.ID) != nil || !e.table.hasRoom(c.ID)
		})
		if len(unknown) == 0 {
			return
		}
		e.cfg.Log.Info("joining again: a bootstrap node knows unknown nodes", "addr", seed.Addr)
		l := e.newLookup(now, e.id, trace.ForJoin)
		for _, c := range unknown {
			l.list.add(c, 1)
		}
		l.onEnd = e.refresh.far
		l.start(now)
	})
}
