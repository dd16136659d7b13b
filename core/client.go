package core

import (
	"errors"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Errors of operations.
var (
	// ErrNotFound: no node that was asked has a value under the key.
	ErrNotFound = errors.New("not found")
	// ErrNotStored: no node acknowledged the value.
	ErrNotStored = errors.New("stored on no node")
	// ErrNoAnswer: nobody answered in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrUnreachable: no node can have the address, or it is of an IP version that
	// this node does not use.
	ErrUnreachable = errors.New("no address that can be reached from here")
)

// Found is what Get finds.
type Found struct {
	Value Value
	// Holder is who had it; the zero Contact if it was the node itself.
	Holder Contact
	// Published is when the value was set, as far as its holder knows; the zero
	// time if it did not say.
	Published time.Time
}

// Get looks for the value under key (paper, section 2.3, FIND_VALUE), and calls
// done with it or with ErrNotFound, or ErrNoAnswer if none of those asked answers.
// What the node itself holds as one of the nodes nearest to key it takes for
// granted; a copy that it only cached is used if nobody else has the value. The
// lookup ends with the first value, which is then cached at the nearest node asked
// that did not have it.
//
// It returns a function that gives up: after it, done is not called any more.
func (e *Engine) Get(now time.Time, key ID, done func(Found, error)) (cancel func()) {
	t := e.at(now)
	own, have := e.holdings.get(t, key)
	if have && !own.Cached && e.table.countNearer(key) < e.cfg.K {
		over := false
		e.timers.add(t, wakerFunc(func(time.Duration) {
			if !over {
				done(Found{Value: own.Value, Published: own.Published}, nil)
			}
		}))
		return func() { over = true }
	}
	w := e.walk(t, key, ForGet)
	w.onValue = func(now time.Duration, from Contact, a *wire.Answer) {
		f := Found{Value: Value{raw: string(a.Value)}, Holder: from}
		if a.Trailer.Life {
			f.Published = e.epoch.Add(now - a.Trailer.Age)
		}
		e.cachePath(now, w, f.Value, a.Trailer)
		done(f, nil)
	}
	w.onEnd = func(now time.Duration) {
		if have {
			done(Found{Value: own.Value, Published: own.Published}, nil)
			return
		}
		e.lonely(now, w)
		if !w.met && w.lookup.requests() > 0 {
			done(Found{}, ErrNoAnswer)
			return
		}
		done(Found{}, ErrNotFound)
	}
	w.start(t)
	return w.cancel
}

// cachePath leaves a copy at the nearest node asked that did not have the value
// (paper, section 2.3). It does so only at nodes that will not keep it for long:
// a node without our trailer would keep it for a week and republish it.
func (e *Engine) cachePath(now time.Duration, w *walk, v Value, t wire.Trailer) {
	if v.Size() > MaxValueSize {
		return
	}
	for _, c := range w.lookup.nearest() {
		if !w.lookup.isCurrent(c) {
			continue
		}
		life := wire.Trailer{Life: true, Age: t.Age, TTL: t.TTL}
		if !t.Life {
			life.Age, life.TTL = 0, e.cfg.TTL
		}
		req := wire.Request{Method: wire.Store, Target: wire.ID(w.lookup.target), Value: []byte(v.raw), Trailer: life}
		e.call(now, c, req, func(time.Duration, *call, Stage, *wire.Answer) {})
		return
	}
}

// Lookup looks for the k nodes nearest to target (paper, section 2.3, FIND_NODE),
// and calls done with those that answered, nearest first.
func (e *Engine) Lookup(now time.Time, target ID, done func([]Contact)) (cancel func()) {
	t := e.at(now)
	w := e.walk(t, target, ForLookup)
	w.onEnd = func(now time.Duration) {
		e.lonely(now, w)
		done(w.lookup.nearest())
	}
	w.start(t)
	return w.cancel
}

// Ping asks whoever is at addr for its id, and calls done with it and the round
// trip time, or with ErrNoAnswer after Config.RPCTimeout, or with ErrUnreachable.
func (e *Engine) Ping(now time.Time, addr netip.AddrPort, done func(ID, time.Duration, error)) (cancel func()) {
	over := false
	t := e.at(now)
	if !e.reaches(addr) {
		e.timers.add(t, wakerFunc(func(time.Duration) {
			if !over {
				done(ID{}, 0, ErrUnreachable)
			}
		}))
		return func() { over = true }
	}
	e.call(t, Contact{Addr: addr}, wire.Request{Method: wire.Ping}, func(now time.Duration, c *call, stage Stage, a *wire.Answer) {
		switch {
		case over:
		case stage == RequestReplied:
			done(ID(a.ID), c.rtt, nil)
		case stage == RequestLost:
			done(ID{}, 0, ErrNoAnswer)
		}
	})
	return func() { over = true }
}

// Observe asks the node at addr under which address it sees this one (the stun
// procedure), and calls done with that, or with ErrNoAnswer or ErrUnreachable.
func (e *Engine) Observe(now time.Time, addr netip.AddrPort, done func(netip.AddrPort, error)) (cancel func()) {
	over := false
	t := e.at(now)
	if !e.reaches(addr) {
		e.timers.add(t, wakerFunc(func(time.Duration) {
			if !over {
				done(netip.AddrPort{}, ErrUnreachable)
			}
		}))
		return func() { over = true }
	}
	e.call(t, Contact{Addr: addr}, wire.Request{Method: wire.Stun}, func(_ time.Duration, _ *call, stage Stage, a *wire.Answer) {
		switch {
		case over:
		case stage == RequestReplied:
			done(a.Addr, nil)
		case stage == RequestLost:
			done(netip.AddrPort{}, ErrNoAnswer)
		}
	})
	return func() { over = true }
}

// reaches reports whether there can be a node at addr to which a datagram gets
// from here.
func (e *Engine) reaches(addr netip.AddrPort) bool {
	addr = netaddr.Unmap(addr)
	return scopeOf(addr) != netaddr.ScopeNone && familyOf(addr)&e.caps != 0
}
