package sim

import (
	"bytes"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/core/trace"
)

// op is one operation of a node's user, running or done.
type op struct {
	started  time.Duration
	took     time.Duration
	err      error
	found    core.Found
	nearest  []core.Contact
	nodes    int  // that acknowledged a set
	local    bool // done without a lookup
	hops     int  // of the lookup
	requests int  // of the lookup
	done     bool
}

// opKey is a lookup: a slot, and core's number for the lookup, unique in its engine.
type opKey struct {
	slot   int
	number uint64
}

// opTracker ties the lookups of a lane's engines to the operations that start them.
type opTracker struct {
	slot     int // of the engine being called
	starting *op // the operation started by this call; nil if none
	running  map[opKey]*op
}

// traceLookup is the core.Trace.Lookup of the lane's engines.
func (t *opTracker) traceLookup(l trace.Lookup) {
	key := opKey{t.slot, l.Lookup}
	if !l.Done {
		if t.starting != nil {
			t.starting.local = false
			t.running[key] = t.starting
		}
		return
	}
	if o := t.running[key]; o != nil {
		o.hops, o.requests = l.Hops, l.Requests
		delete(t.running, key)
	}
}

// traceContact is the core.Trace.Contact of the lane's engines. It counts evictions of
// present nodes.
func (l *lane) traceContact(_ time.Time, c trace.Contact, change trace.Change) {
	if change != trace.ContactRemoved {
		return
	}
	n := l.net
	if slot, ok := n.slotOf(c.Addr); ok && n.nodes[slot].pos != gone && n.nodes[slot].id == core.ID(c.ID) {
		l.Evicted++
	}
}

// start starts an operation of the engine in a slot. begin must arrange for a call of
// lane.end.
func (n *Network) start(slot int, begin func(l *lane, e *core.Engine, o *op)) *op {
	o := &op{started: n.now, local: true}
	l := n.laneOf(slot)
	n.drive(slot, func(e *core.Engine) {
		l.ops.starting = o
		begin(l, e, o)
		l.ops.starting = nil
	})
	return o
}

// end marks an operation as done.
func (l *lane) end(o *op, err error) {
	o.done, o.err, o.took = true, err, l.now-o.started
}

func (n *Network) get(slot int, key core.ID) *op {
	return n.start(slot, func(l *lane, e *core.Engine, o *op) {
		e.Get(n.time(), key, n.cfg.Gets, func(f core.Found, err error) {
			o.found = f
			l.end(o, err)
		})
	})
}

func (n *Network) set(slot int, key core.ID, v core.Value) *op {
	return n.start(slot, func(l *lane, e *core.Engine, o *op) {
		_, err := e.Set(n.time(), key, v, core.SetOptions{}, func(r core.SetResult, err error) {
			o.nodes = r.Nodes
			l.end(o, err)
		})
		if err != nil {
			l.end(o, err)
		}
	})
}

func (n *Network) lookup(slot int, target core.ID) *op {
	return n.start(slot, func(l *lane, e *core.Engine, o *op) {
		e.Lookup(n.time(), target, func(list []core.Contact) {
			o.nearest = list
			l.end(o, nil)
		})
	})
}

// opTimeout is the time to wait for unfinished operations, such as operations of nodes
// that have left. They count as failed.
const opTimeout = 2 * time.Minute

// each calls start count times, with a pause after each call, and waits until all
// operations are done or opTimeout has passed. It returns the operations without nils.
func (n *Network) each(count int, pause time.Duration, start func(i int) *op) []*op {
	var all []*op
	for i := range count {
		if o := start(i); o != nil {
			all = append(all, o)
		}
		n.Run(pause)
	}
	for end := n.now + opTimeout; n.now < end && slices.ContainsFunc(all, func(o *op) bool { return !o.done }); {
		n.Run(time.Second)
	}
	return all
}

// oracle finds the nearest nodes to an id by sight of the whole network.
type oracle struct{ ids []core.ID } // sorted

// newOracle returns an oracle of the present nodes for which counts is true.
func (n *Network) newOracle(counts func(slot int) bool) *oracle {
	var o oracle
	for _, slot := range n.alive {
		if counts(int(slot)) {
			o.ids = append(o.ids, n.nodes[slot].id)
		}
	}
	slices.SortFunc(o.ids, core.ID.Compare)
	return &o
}

// nearest returns the k ids nearest to target, in no order.
func (o *oracle) nearest(target core.ID, k int) []core.ID {
	ids := o.ids
	for bit := 0; len(ids) > 4*k; bit++ {
		near, far := halves(ids, bit, target)
		if len(near) < k {
			rest := slices.Clone(far)
			slices.SortFunc(rest, target.CompareDistance)
			return append(slices.Clone(near), rest[:min(len(rest), k-len(near))]...)
		}
		ids = near
	}
	list := slices.Clone(ids)
	slices.SortFunc(list, target.CompareDistance)
	return list[:min(len(list), k)]
}

// halves splits ids, sorted and equal in all bits before bit, into ids with target's
// value of the bit and the others.
func halves(ids []core.ID, bit int, target core.ID) (near, far []core.ID) {
	mask := byte(0x80) >> (bit % 8)
	mid, _ := slices.BinarySearchFunc(ids, mask, func(id core.ID, mask byte) int {
		return bytes.Compare([]byte{id[bit/8] & mask}, []byte{mask})
	})
	if target[bit/8]&mask == 0 {
		return ids[:mid], ids[mid:]
	}
	return ids[mid:], ids[:mid]
}

// recall returns the share of want that is in got.
func recall(got []core.Contact, want []core.ID) float64 {
	hits := 0
	for _, id := range want {
		if slices.ContainsFunc(got, func(c core.Contact) bool { return c.ID == id }) {
			hits++
		}
	}
	return float64(hits) / float64(max(len(want), 1))
}

// percentile returns the p-quantile of a sorted list, 0 <= p < 1; zero if the list is
// empty.
func percentile[T any](list []T, p float64) T {
	var zero T
	if len(list) == 0 {
		return zero
	}
	return list[min(int(p*float64(len(list))), len(list)-1)]
}
