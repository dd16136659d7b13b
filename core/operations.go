package core

import (
	"errors"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Errors of operations.
var (
	// ErrNotFound: no node that was asked has a value under the key.
	ErrNotFound = errors.New("not found")
	// ErrNotStored: no node acknowledged the value.
	ErrNotStored = errors.New("stored on no node")
	// ErrNoAnswer: no answer came in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrUnreachable: no node can have the address, or its IP version is not one that
	// this node uses.
	ErrUnreachable = errors.New("no address that can be reached from here")
)

// Found is the result of Get.
type Found struct {
	Value Value // of any kind: another node may have stored it
	// Holder is the node that returned the value; the zero Contact if it was this
	// node itself.
	Holder Contact
	// Published is when the value was set, as far as its holder knows; the zero time
	// if the holder did not say.
	Published time.Time
}

// Get looks for the value under key (paper, section 2.3, FIND_VALUE), and calls
// done with it, with ErrNotFound, or with ErrNoAnswer if no node that was asked
// answers. A record that the node holds as one of the nodes nearest to key is
// returned without a lookup; a cached copy is returned if no other node has the
// value. The lookup ends with the first value, which is then cached at the nearest
// node asked that did not have it.
//
// After a call of cancel, done is not called any more.
func (e *Engine) Get(now time.Time, key ID, done func(Found, error)) (cancel func()) {
	t := e.clock.at(now)
	own, have := e.records.get(t, key)
	if have && !own.Cached && e.table.countNearer(key) < e.cfg.K {
		return e.soon(t, func(time.Duration) { done(Found{Value: own.Value, Published: own.Published}, nil) }).cancel
	}
	l := e.newLookup(t, key, trace.ForGet)
	l.onValue = func(now time.Duration, from Contact, a *wire.Answer) {
		f := Found{Value: Value{raw: string(a.Value)}, Holder: from}
		if a.Trailer.Life {
			f.Published = e.clock.time(now - a.Trailer.Age)
		}
		l.cacheOnPath(now, f.Value, a.Trailer)
		done(f, nil)
	}
	l.onEnd = func(now time.Duration) {
		if have {
			done(Found{Value: own.Value, Published: own.Published}, nil)
			return
		}
		e.join.onLookupEnd(now, l)
		if !l.met && l.list.requests() > 0 {
			done(Found{}, ErrNoAnswer)
			return
		}
		done(Found{}, ErrNotFound)
	}
	l.start(t)
	return l.cancel
}

// cacheOnPath stores a copy at the nearest node asked that did not have the value
// (paper, section 2.3). Only an extended node gets one: any other node would keep
// the copy for a week and republish it.
func (l *lookup) cacheOnPath(now time.Duration, v Value, t wire.Trailer) {
	if v.Size() > MaxValueSize {
		return
	}
	for _, c := range l.list.nearest() {
		if !l.list.isExtended(c) {
			continue
		}
		life := wire.Trailer{Life: true, Age: t.Age, TTL: t.TTL}
		if !t.Life {
			life.Age, life.TTL = 0, l.e.cfg.TTL
		}
		req := wire.Request{Method: wire.Store, Target: wire.ID(l.list.target), Value: []byte(v.raw), Trailer: life}
		l.e.calls.ask(now, query{to: c, req: req}, func(time.Duration, *wire.Answer) {})
		return
	}
}

// Lookup looks for the k nodes nearest to target (paper, section 2.3, FIND_NODE),
// and calls done with the nodes that answered, nearest first.
func (e *Engine) Lookup(now time.Time, target ID, done func([]Contact)) (cancel func()) {
	t := e.clock.at(now)
	l := e.newLookup(t, target, trace.ForLookup)
	l.onEnd = func(now time.Duration) {
		e.join.onLookupEnd(now, l)
		done(l.list.nearest())
	}
	l.start(t)
	return l.cancel
}

// Ping asks the node at addr for its id, and calls done with the id and the
// round-trip time, with ErrNoAnswer after Config.RPCTimeout, or with ErrUnreachable.
func (e *Engine) Ping(now time.Time, addr netip.AddrPort, done func(ID, time.Duration, error)) (cancel func()) {
	return e.askAddr(now, addr, wire.Ping, func(c *call, a *wire.Answer, err error) {
		if err != nil {
			done(ID{}, 0, err)
			return
		}
		done(ID(a.ID), c.rtt, nil)
	})
}

// ObservedAddr asks the node at addr under which address it sees this node (the
// stun procedure), and calls done with that address, with ErrNoAnswer after
// Config.RPCTimeout, or with ErrUnreachable.
func (e *Engine) ObservedAddr(now time.Time, addr netip.AddrPort, done func(netip.AddrPort, error)) (cancel func()) {
	return e.askAddr(now, addr, wire.Stun, func(_ *call, a *wire.Answer, err error) {
		if err != nil {
			done(netip.AddrPort{}, err)
			return
		}
		done(a.Addr, nil)
	})
}

// askAddr sends one request to addr and waits for the answer as long as
// Config.RPCTimeout allows. done gets an answer or an error.
func (e *Engine) askAddr(now time.Time, addr netip.AddrPort, m wire.Method, done func(*call, *wire.Answer, error)) (cancel func()) {
	t := e.clock.at(now)
	if !e.reaches(addr) {
		return e.soon(t, func(time.Duration) { done(nil, nil, ErrUnreachable) }).cancel
	}
	over := false
	q := query{to: Contact{Addr: addr}, req: wire.Request{Method: m}}
	e.calls.watch(t, q, func(_ time.Duration, c *call, stage trace.Stage, a *wire.Answer) {
		switch {
		case over:
		case stage == trace.Replied:
			done(c, a, nil)
		case stage == trace.Lost:
			done(c, nil, ErrNoAnswer)
		}
	})
	return func() { over = true }
}

// reaches reports whether there can be a node at addr that a datagram from here
// reaches.
func (e *Engine) reaches(addr netip.AddrPort) bool {
	addr = netaddr.Unmap(addr)
	return scopeOf(addr) != netaddr.ScopeNone && familyOf(addr)&e.caps != 0
}
