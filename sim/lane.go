package sim

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// lane is a part of a network: some of the nodes, and all that happens to them. A
// datagram takes a while, so that lanes can run for a short window of time without
// regard to each other, each on a processor of its own: what they send across is
// handed over between two windows, in the order of the lanes. So the run depends on
// how many lanes there are, but not on how many of them run at a time.
type lane struct {
	net    *Network
	number int
	now    time.Duration
	rand   *rand.Rand  // what links draw from
	ids    rand.Source // what nodes draw from
	core   core.Config // of its engines
	queue  queue
	pool   pool
	out    core.Outbox
	parse  *wire.Parser // of those that are no engines
	write  *wire.Writer

	current int // the node that is being driven
	op      *op // that the node is being told to start
	ops     map[opKey]*op
	digest  digest

	// parcels are the datagrams for each lane, of this window and of the one before;
	// soonest is when the first of those arrives that have not been taken yet.
	parcels [2][]parcels
	soonest time.Duration

	Traffic
}

// parcels are datagrams for another lane, one behind the other.
type parcels struct {
	events []event
	data   []byte
}

func newLane(n *Network, number int) *lane {
	l := &lane{
		net: n, number: number, soonest: never,
		rand:  rand.New(rand.NewPCG(n.cfg.Seed, uint64(2*number+3))),
		ids:   rand.NewPCG(n.cfg.Seed, uint64(2*number+4)),
		core:  n.cfg.Core,
		parse: wire.NewParser(),
		write: wire.NewWriter(),
		ops:   make(map[opKey]*op),
	}
	for side := range l.parcels {
		l.parcels[side] = make([]parcels, max(n.cfg.Lanes, 1))
	}
	l.core.Rand, l.core.Scratch = l.ids, core.NewScratch()
	l.core.Trace.Lookup = l.traceLookup
	if n.cfg.WatchContacts {
		l.core.Trace.Contact = l.traceContact
	}
	return l
}

func (n *Network) laneOf(slot int) *lane { return n.lanes[slot%len(n.lanes)] }

// manyEvents is what makes it worth while to wake another processor.
const manyEvents = 200

// window has all lanes run until just before stop.
func (n *Network) window(stop time.Duration) {
	n.side = 1 - n.side
	workers := min(runtime.GOMAXPROCS(0), len(n.lanes))
	if !n.busy {
		workers = 1
	}
	var turn atomic.Int32
	work := func() {
		for {
			i := int(turn.Add(1)) - 1
			if i >= len(n.lanes) {
				return
			}
			n.lanes[i].run(stop)
		}
	}
	var others sync.WaitGroup
	for range workers - 1 {
		others.Go(work)
	}
	work()
	others.Wait()

	before := n.Events
	n.sum()
	n.busy = n.Events-before >= n.many
	if n.Events-n.shown >= progressEvery {
		n.shown = n.Events
		if n.cfg.Progress != nil {
			n.cfg.Progress(Progress{len(n.alive), n.now, n.Events})
		}
	}
}

// moveTo sets the lane's time, which does not run backwards.
func (l *lane) moveTo(at time.Duration) {
	if at < l.now {
		panic("a datagram has come to a lane that was past its time")
	}
	l.now = at
}

// run lets happen what happens before stop.
func (l *lane) run(stop time.Duration) {
	l.take()
	for l.queue.next() < stop {
		ev := l.queue.pop()
		l.moveTo(ev.at)
		l.Events++
		if ev.data != 0 {
			l.deliver(ev)
		} else {
			l.wakeUp(ev)
		}
	}
}

// take takes in what the lanes have sent across before this window.
func (l *lane) take() {
	l.soonest = never
	for _, from := range l.net.lanes {
		p := &from.parcels[1-l.net.side][l.number]
		data := p.data
		for _, ev := range p.events {
			ev.data = l.pool.put(data[:ev.size])
			data = data[ev.size:]
			l.queue.push(ev)
		}
		p.events, p.data = p.events[:0], p.data[:0]
	}
}

// post has a datagram arrive.
func (l *lane) post(ev event, datagram []byte) {
	if other := l.net.laneOf(int(ev.to)); other != l {
		p := &l.parcels[l.net.side][other.number]
		p.events = append(p.events, ev)
		p.data = append(p.data, datagram...)
		l.soonest = min(l.soonest, ev.at)
		return
	}
	ev.data = l.pool.put(datagram)
	l.queue.push(ev)
}

func (l *lane) time() time.Time { return epoch.Add(l.now) }

func (l *lane) deliver(ev event) {
	to := int(ev.to)
	if x := &l.net.nodes[to]; x.pos != noNode && !x.down {
		l.current = to
		x.Receive(l.time(), addrOf(int(ev.from)), l.pool.block(ev.data)[:ev.size])
		l.flush(to)
	}
	l.pool.release(ev.data)
}

func (l *lane) wakeUp(ev event) {
	slot := int(ev.to)
	x := &l.net.nodes[slot]
	if x.pos == noNode || x.wake != ev.at {
		return // it has been woken since, for something sooner
	}
	x.wake, x.later = x.later, never
	l.current = slot
	x.Advance(l.time())
	l.flush(slot)
}

// flush sends what a node wants to send, and notes when it wants to be woken.
func (l *lane) flush(slot int) {
	l.net.nodes[slot].Flush(&l.out)
	for i := range l.out.Len() {
		to, d := l.out.At(i)
		l.send(slot, to, d)
	}
	l.rearm(slot)
}

// rearm queues an event for when a node wants to be woken.
func (l *lane) rearm(slot int) {
	x := &l.net.nodes[slot]
	at := max(x.Next().Sub(epoch), l.now)
	if x.tick > 0 {
		at = (at + x.tick - 1) / x.tick * x.tick
	}
	if at < x.wake {
		if x.later == never {
			x.later = x.wake
		}
		x.wake = at
		l.queue.push(event{at: at, to: int32(slot)})
	}
}
