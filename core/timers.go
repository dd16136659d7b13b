package core

import (
	"slices"
	"time"
)

// timers is a queue of what waits for its time: a binary heap, in which those of
// one moment keep their order. A waker that no longer waits stays in it until it is
// the first, or until there are so many that they are swept out: what other nodes can
// make this one plan and drop again must not add up.
type timers struct {
	heap []timer
	seq  uint64
	// sweepAt is the length at which the queue is swept next.
	sweepAt int
}

// minSweep is the length below which the queue is not swept.
const minSweep = 256

// minTimers is the space that the queue does not give back.
const minTimers = 16

type timer struct {
	at  time.Duration
	seq uint64
	w   waker
}

// waker is something that waits.
type waker interface {
	wake(e *Engine, now time.Duration)
	// waits reports whether it still wants to be woken at that time.
	waits(at time.Duration) bool
}

// wakerFunc is a waker that is a function.
type wakerFunc func(now time.Duration)

func (f wakerFunc) wake(_ *Engine, now time.Duration) { f(now) }
func (f wakerFunc) waits(time.Duration) bool          { return true }

// add wakes w at the given time.
func (t *timers) add(at time.Duration, w waker) {
	if len(t.heap) >= max(t.sweepAt, minSweep) {
		t.sweep()
	}
	t.seq++
	t.heap = append(t.heap, timer{at, t.seq, w})
	for i := len(t.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !t.heap[i].before(&t.heap[parent]) {
			break
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

// next returns when the first waker is due; ok is false if none waits. Those at the
// head that no longer wait leave the queue.
func (t *timers) next() (at time.Duration, ok bool) {
	for len(t.heap) > 0 && !t.heap[0].w.waits(t.heap[0].at) {
		t.behead()
	}
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// pop takes out the first waker if it is due.
func (t *timers) pop(now time.Duration) (waker, bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return nil, false
	}
	w := t.heap[0].w
	t.behead()
	return w, true
}

// behead takes out the first timer.
func (t *timers) behead() {
	last := len(t.heap) - 1
	t.heap[0] = t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	if 4*last < cap(t.heap) && cap(t.heap) > minTimers {
		t.heap = append(make([]timer, 0, cap(t.heap)/2), t.heap...)
	}
	t.sink(0)
}

// sweep takes out those that no longer wait. The next time is when as many again
// have come, so that it costs little for each.
func (t *timers) sweep() {
	t.heap = slices.DeleteFunc(t.heap, func(x timer) bool { return !x.w.waits(x.at) })
	for i := len(t.heap)/2 - 1; i >= 0; i-- {
		t.sink(i)
	}
	t.sweepAt = 2 * len(t.heap)
}

// sink moves the timer at i down to its place.
func (t *timers) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if child+1 < len(t.heap) && t.heap[child+1].before(&t.heap[child]) {
			child++
		}
		if !t.heap[child].before(&t.heap[i]) {
			return
		}
		t.heap[i], t.heap[child] = t.heap[child], t.heap[i]
		i = child
	}
}

func (t *timer) before(o *timer) bool {
	if t.at != o.at {
		return t.at < o.at
	}
	return t.seq < o.seq
}
