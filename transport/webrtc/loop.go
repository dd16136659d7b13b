package webrtc

import (
	"sync"
	"sync/atomic"
	"time"
)

// loop runs an engine: it has the lock, the clock and the timer, and performs the
// engine's actions.
type loop struct {
	perform func(*action) // is called without the lock

	noPeers   atomic.Bool // the engine has no peers: datagrams need not pass it
	offersOut atomic.Bool // own offers wait for answers

	mu         sync.Mutex // guards the fields below
	engine     *engine
	timer      *time.Timer
	wakeAt     time.Time // of timer; zero if it is not set
	actions    []action  // not performed yet, oldest first
	busy       bool      // a goroutine performs actions
	closed     bool
	performing sync.WaitGroup // calls of do
}

func newLoop(e *engine, perform func(*action)) *loop {
	l := &loop{engine: e, perform: perform}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// do calls f with the engine, and performs the resulting actions. After close it does
// nothing.
func (l *loop) do(f func(e *engine, now time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.performing.Add(1)
	defer l.performing.Done()
	now := time.Now()
	f(l.engine, now)
	l.collect(now)
	l.performAll()
}

// doQuickly calls f with the engine, and leaves the resulting actions to the timer.
func (l *loop) doQuickly(f func(e *engine, now time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	f(l.engine, now)
	l.collect(now)
	if len(l.actions) > 0 {
		l.wakeAt = now
		l.timer.Reset(0)
	}
}

// collect takes the engine's actions and sets the timer. The caller holds l.mu.
func (l *loop) collect(now time.Time) {
	e := l.engine
	l.actions = append(l.actions, e.takeActions()...)
	l.noPeers.Store(len(e.peers.list) == 0)
	l.offersOut.Store(len(e.channels.byOffer) > 0)
	if next := e.next(); !next.Equal(l.wakeAt) {
		l.wakeAt = next
		if next.IsZero() {
			l.timer.Stop()
		} else {
			l.timer.Reset(next.Sub(now))
		}
	}
}

// tick runs when the timer fires.
func (l *loop) tick() {
	l.do(func(e *engine, now time.Time) {
		l.wakeAt = time.Time{}
		e.advance(now)
	})
}

// performAll performs actions one after the other. If another goroutine is at it, that
// one performs the new actions, too. The caller holds l.mu, which is released during
// each action.
func (l *loop) performAll() {
	if l.busy {
		return
	}
	l.busy = true
	for len(l.actions) > 0 && !l.closed {
		list := l.actions
		l.actions = nil
		l.mu.Unlock()
		for i := range list {
			l.perform(&list[i])
		}
		l.mu.Lock()
	}
	l.busy = false
}

// close makes do a no-op, and returns when all of its calls have ended.
func (l *loop) close() {
	l.mu.Lock()
	l.closed = true
	l.timer.Stop()
	l.mu.Unlock()
	l.performing.Wait()
}
