package sim

import (
	"math/rand/v2"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// lane is an equal share of a network's nodes, with their events. It is a logical
// process of a parallel simulation with lookahead: no datagram takes less than
// minLatency, so that all lanes can run for a window of that length at the same time.
// Datagrams for other lanes are handed over between windows, in the order of lanes. A
// run depends on the number of lanes, but not on the number of processors.
type lane struct {
	net      *Network
	number   int // index in Network.lanes
	now      time.Duration
	rand     *rand.Rand  // for losses and delays of its links
	core     core.Config // of its engines; core.Rand also draws for its other peers
	out      core.Outbox // of the engine that was called last
	codec    codec
	inbox    inbox
	outbound outbound
	ops      opTracker
	digest   digest
	Traffic
}

// codec reads and writes the datagrams of peers that are no engines.
type codec struct {
	parse *wire.Parser
	write *wire.Writer
}

// inbox holds the events of a lane's nodes, and the memory of the datagrams among them.
type inbox struct {
	queue
	pool pool
}

// add adds ev, the arrival of a datagram, and copies the datagram.
func (in *inbox) add(ev event, datagram []byte) {
	ev.data = in.pool.put(datagram)
	in.push(ev)
}

// outbound holds a lane's datagrams for other lanes, a batch for each. One of the two
// sets of batches is filled in a window, while the lanes empty the other.
type outbound struct {
	batches [2][]batch    // by windows.side and by lane.number
	soonest time.Duration // first arrival in the set being filled; never if it is empty
}

// batch is arrivals of datagrams in one lane. data has the datagrams, one after the
// other.
type batch struct {
	events []event
	data   []byte
}

// add adds the arrival of a datagram to the batch for a lane, and copies the datagram.
func (o *outbound) add(side, lane int, ev event, datagram []byte) {
	b := &o.batches[side][lane]
	b.events = append(b.events, ev)
	b.data = append(b.data, datagram...)
	o.soonest = min(o.soonest, ev.at)
}

func newLane(n *Network, number int) *lane {
	source := func(sequence int) *rand.PCG { return rand.NewPCG(n.cfg.Seed, uint64(2*number+sequence)) }
	l := &lane{
		net: n, number: number, rand: rand.New(source(3)), core: n.cfg.Core,
		codec:    codec{wire.NewParser(), wire.NewWriter()},
		outbound: outbound{soonest: never},
		ops:      opTracker{running: make(map[opKey]*op)},
	}
	for side := range l.outbound.batches {
		l.outbound.batches[side] = make([]batch, max(n.cfg.Lanes, 1))
	}
	l.core.Rand, l.core.Scratch = source(4), core.NewScratch()
	l.core.Trace.Lookup = l.ops.traceLookup
	if n.cfg.WatchContacts {
		l.core.Trace.Contact = l.traceContact
	}
	return l
}

// laneOf returns the lane of a slot.
func (n *Network) laneOf(slot int) *lane { return n.lanes[slot%len(n.lanes)] }

// moveTo sets the lane's time. It panics if time would run backwards.
func (l *lane) moveTo(at time.Duration) {
	if at < l.now {
		panic("sim: a datagram arrives before the present time of its lane")
	}
	l.now = at
}

// run handles all events before stop.
func (l *lane) run(stop time.Duration) {
	l.receiveBatches()
	for l.inbox.next() < stop {
		ev := l.inbox.pop()
		l.moveTo(ev.at)
		l.Events++
		if ev.data != 0 {
			l.deliver(ev)
		} else {
			l.wakeUp(ev)
		}
	}
}

// receiveBatches takes the datagrams that lanes have sent here in the last window.
func (l *lane) receiveBatches() {
	l.outbound.soonest = never
	for _, from := range l.net.lanes {
		b := &from.outbound.batches[1-l.net.windows.side][l.number]
		data := b.data
		for _, ev := range b.events {
			l.inbox.add(ev, data[:ev.size])
			data = data[ev.size:]
		}
		b.events, b.data = b.events[:0], b.data[:0]
	}
}

// schedule schedules the arrival of a datagram, here or in another lane, and copies it.
func (l *lane) schedule(ev event, datagram []byte) {
	if other := l.net.laneOf(int(ev.to)); other != l {
		l.outbound.add(l.net.windows.side, other.number, ev, datagram)
	} else {
		l.inbox.add(ev, datagram)
	}
}

func (l *lane) time() time.Time { return epoch.Add(l.now) }

// deliver gives a datagram to its node, unless the node has left or its link is down.
func (l *lane) deliver(ev event) {
	to := int(ev.to)
	if x := &l.net.nodes[to]; x.pos != gone && !x.down {
		l.ops.slot = to
		x.Receive(l.time(), addrOf(int(ev.from)), l.inbox.pool.block(ev.data)[:ev.size])
		l.flush(to)
	}
	l.inbox.pool.release(ev.data)
}

// wakeUp advances a node whose timer is due. It ignores events that an earlier wake-up
// has replaced.
func (l *lane) wakeUp(ev event) {
	slot := int(ev.to)
	x := &l.net.nodes[slot]
	if x.pos == gone || x.wake != ev.at {
		return
	}
	x.wake, x.later = x.later, never
	l.ops.slot = slot
	x.Advance(l.time())
	l.flush(slot)
}

// flush sends a node's outgoing datagrams and schedules its next wake-up.
func (l *lane) flush(slot int) {
	l.net.nodes[slot].Flush(&l.out)
	for i := range l.out.Len() {
		to, d := l.out.At(i)
		l.send(slot, to, d)
	}
	l.rearm(slot)
}

// rearm schedules a node's next wake-up, unless one is scheduled no later.
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
		l.inbox.push(event{at: at, to: int32(slot)})
	}
}
