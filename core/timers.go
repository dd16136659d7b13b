package core

import "time"

// timers is a queue of what waits for its time: a binary heap, in which those of
// one moment keep their order. Nothing is taken out before its time; a waker
// that is no longer needed does nothing when it is woken.
type timers struct {
	heap []timer
	seq  uint64
}

type timer struct {
	at  time.Duration
	seq uint64
	w   waker
}

// waker is something that waits.
type waker interface {
	wake(e *Engine, now time.Duration)
}

// wakerFunc is a waker that is a function.
type wakerFunc func(now time.Duration)

func (f wakerFunc) wake(_ *Engine, now time.Duration) { f(now) }

// add wakes w at the given time.
func (t *timers) add(at time.Duration, w waker) {
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

// next returns when the first waker is due; ok is false if none waits.
func (t *timers) next() (at time.Duration, ok bool) {
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
	last := len(t.heap) - 1
	t.heap[0] = t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	t.sink()
	return w, true
}

func (t *timers) sink() {
	for i := 0; ; {
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
