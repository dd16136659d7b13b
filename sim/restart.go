package sim

import (
	"maps"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// restart puts a new engine, without contacts and records, into the slot of a node that
// has left, and gives it the id of the node.
func (n *Network) restart(slot int) {
	x := &n.nodes[slot]
	if x.pos != gone {
		return
	}
	l := n.laneOf(slot)
	maps.DeleteFunc(l.ops.running, func(k opKey, _ *op) bool { return k.slot == slot })
	cfg := l.core
	cfg.ID = x.id
	*x = node{peer: core.NewEngine(n.time(), cfg), id: x.id, wake: never, later: never, pos: int32(len(n.alive))}
	n.alive = append(n.alive, int32(slot))
	l.rearm(slot)
}

// leaveTime is longer than an engine takes to leave in order. leaveLook is the time
// between two looks whether it has left.
const (
	leaveTime = 3 * time.Second
	leaveLook = 10 * time.Millisecond
)

// startLeaving makes an engine leave in order, and removes its node at the end.
func (n *Network) startLeaving(slot int) {
	left := false
	n.drive(slot, func(e *core.Engine) { e.Leave(n.time(), func() { left = true }) })
	var look func()
	look = func() {
		if left {
			n.Kill(slot)
		} else {
			n.After(leaveLook, look)
		}
	}
	n.After(leaveLook, look)
}

// leave is startLeaving, and waits until the node is gone.
func (n *Network) leave(slot int) {
	n.startLeaving(slot)
	for n.nodes[slot].pos != gone {
		n.Run(leaveLook)
	}
}

// finish waits until an operation is done, or opTimeout has passed.
func (n *Network) finish(o *op) {
	for end := n.now + opTimeout; n.now < end && !o.done; {
		n.Run(10 * time.Millisecond)
	}
}

// records returns how many records of all nodes have a value, cached copies included.
func (n *Network) records(value string) (count int) {
	for _, slot := range n.alive {
		if e := n.engine(int(slot)); e != nil {
			e.Records(n.time(), func(_ core.ID, rec core.Record) bool {
				if rec.Value == core.String(value) {
					count++
				}
				return true
			})
		}
	}
	return count
}
