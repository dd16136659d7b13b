package core

import (
	"slices"
	"time"
)

// timers is a queue of wakers: a binary heap in which wakers due at the same time
// keep their order. A waker that no longer waits stays in the heap until it comes
// to the front, or until a sweep: wakers that other nodes make this one add and
// drop again must not pile up.
type timers struct {
	heap []timer
	seq  uint64
	// sweepAt is the length at which the heap is swept next.
	sweepAt int
}

// minSweep is the length below which the heap is not swept.
const minSweep = 256

// minTimers is the capacity that the heap does not give back.
const minTimers = 16

type timer struct {
	at  time.Duration
	seq uint64
	w   waker
}

// waker is something to do later.
type waker interface {
	wake(e *Engine, now time.Duration)
	// waits reports whether the waker still wants to be woken at the time at.
	waits(at time.Duration) bool
}

// task is a function to call later. It can be cancelled.
type task struct{ f func(now time.Duration) }

func (t *task) wake(_ *Engine, now time.Duration) {
	if t.f != nil {
		t.f(now)
	}
}

func (t *task) waits(time.Duration) bool { return t.f != nil }

// cancel keeps the function from being called.
func (t *task) cancel() { t.f = nil }

// call calls f at the given time, unless the task is cancelled before.
func (t *timers) call(at time.Duration, f func(now time.Duration)) *task {
	x := &task{f}
	t.add(at, x)
	return x
}

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

// next returns when the first waker is due; ok is false if none waits. It removes
// wakers at the front that no longer wait.
func (t *timers) next() (at time.Duration, ok bool) {
	for len(t.heap) > 0 && !t.heap[0].w.waits(t.heap[0].at) {
		t.behead()
	}
	if len(t.heap) == 0 {
		return 0, false
	}
	return t.heap[0].at, true
}

// pop removes and returns the first waker if it is due.
func (t *timers) pop(now time.Duration) (waker, bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return nil, false
	}
	w := t.heap[0].w
	t.behead()
	return w, true
}

// behead removes the first timer.
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

// sweep removes the wakers that no longer wait. The next sweep comes when the heap
// has doubled, so that the cost per waker is small.
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
