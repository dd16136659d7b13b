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
	// ErrNotStored: no majority of the nodes nearest to the key acknowledged the value.
	ErrNotStored = errors.New("not stored on enough nodes")
	// ErrNoAnswer: no answer came in time.
	ErrNoAnswer = errors.New("no answer")
	// ErrOtherNetwork: the node has another Config.Network.
	ErrOtherNetwork = errors.New("the node belongs to another network")
	// ErrUnreachable: no node can have the address, or its IP version is not one that
	// this node uses.
	ErrUnreachable = errors.New("no address that can be reached from here")
)

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
		case stage == trace.Lost && a != nil && a.Trailer.Network != e.network:
			done(c, nil, ErrOtherNetwork)
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
