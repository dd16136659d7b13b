package core

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// ID returns the node's id.
func (n *Node) ID() ID { return n.engine.ID() }

// Addr returns the address of the node's Conn.
func (n *Node) Addr() netip.AddrPort { return n.conn.LocalAddr() }

// Stats returns the node's counters and sizes.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.engine.Stats()
	s.Unsent = n.unsent.Load()
	return s
}

// Contacts returns all contacts in the node's routing table, nearest first.
func (n *Node) Contacts() []Contact {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.engine.Contacts()
}

// Table returns the node's whole routing table: see Engine.Table.
func (n *Node) Table() []TableEntry {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.engine.Table()
}

// Records calls yield for each record that the node keeps, in no order, until yield
// returns false. The node is locked meanwhile: yield must not use it.
func (n *Node) Records(yield func(ID, Record) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.engine.Records(n.clock.now(), yield)
}

// Bootstrap joins the network through the nodes at seeds. It returns when the node
// knows its neighbours. Its error wraps ErrNoAnswer if no seed answers, and
// ErrUnreachable if no address is usable; after the first the node goes on trying. See
// Engine.Bootstrap.
func (n *Node) Bootstrap(ctx context.Context, seeds ...netip.AddrPort) error {
	_, err := await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		return n.engine.Bootstrap(now, seeds, done), nil
	})
	return wrap(err, "bootstrap from %v", seeds)
}

// Get returns the value under name. Its error wraps ErrNotFound if no node that was
// asked has one, and ErrNoAnswer if none answers. See Engine.Get.
func (n *Node) Get(ctx context.Context, name string) (Value, error) {
	f, err := n.find(ctx, Key(name), GetOptions{})
	return f.Value, wrap(err, "get %q", name)
}

// GetKey returns the value under key, in the way of Get.
func (n *Node) GetKey(ctx context.Context, key ID) (Value, error) {
	f, err := n.find(ctx, key, GetOptions{})
	return f.Value, wrap(err, "get %v", key)
}

// Find is Get with options, and returns all that is known of the value.
func (n *Node) Find(ctx context.Context, key ID, o GetOptions) (Found, error) {
	f, err := n.find(ctx, key, o)
	return f, wrap(err, "find %v", key)
}

func (n *Node) find(ctx context.Context, key ID, o GetOptions) (Found, error) {
	return await(ctx, n, func(now time.Time, done func(Found, error)) (func(), error) {
		return n.engine.Get(now, key, o, done), nil
	})
}

// Set stores v under name on the nodes nearest to its key, and returns how many
// acknowledged it. Its error wraps ErrNotStored if no majority of them did, and
// ErrValueType, ErrNotUTF8 or ErrTooLong if the network cannot carry v. See Engine.Set.
func (n *Node) Set(ctx context.Context, name string, v Value) (nodes int, err error) {
	r, err := n.set(ctx, Key(name), v, SetOptions{})
	return r.Nodes, wrap(err, "set %q", name)
}

// SetKey stores v under key, in the way of Set.
func (n *Node) SetKey(ctx context.Context, key ID, v Value) (nodes int, err error) {
	r, err := n.set(ctx, key, v, SetOptions{})
	return r.Nodes, wrap(err, "set %v", key)
}

// Store is Set with options, and returns all that is known of the outcome. Its error
// wraps ErrConflict if SetOptions.IfVersion is not met.
func (n *Node) Store(ctx context.Context, key ID, v Value, o SetOptions) (SetResult, error) {
	r, err := n.set(ctx, key, v, o)
	return r, wrap(err, "store %v", key)
}

func (n *Node) set(ctx context.Context, key ID, v Value, o SetOptions) (SetResult, error) {
	return await(ctx, n, func(now time.Time, done func(SetResult, error)) (func(), error) {
		return n.engine.Set(now, key, v, o, done)
	})
}

// Delete removes the value under name from the nodes nearest to its key. See
// Engine.Delete for its limits.
func (n *Node) Delete(ctx context.Context, name string) (nodes int, err error) {
	r, err := n.delete(ctx, Key(name), SetOptions{})
	return r.Nodes, wrap(err, "delete %q", name)
}

// DeleteKey removes the value under key, in the way of Delete.
func (n *Node) DeleteKey(ctx context.Context, key ID, o SetOptions) (SetResult, error) {
	r, err := n.delete(ctx, key, o)
	return r, wrap(err, "delete %v", key)
}

func (n *Node) delete(ctx context.Context, key ID, o SetOptions) (SetResult, error) {
	return await(ctx, n, func(now time.Time, done func(SetResult, error)) (func(), error) {
		return n.engine.Delete(now, key, o, done), nil
	})
}

// Publish stores v under name in the way of Set, and stores it again from time to
// time, so that it does not expire, until stop is called or the node is closed. After
// an error the value is not kept published, and stop is nil. See Engine.Publish.
func (n *Node) Publish(ctx context.Context, name string, v Value) (stop func(), nodes int, err error) {
	stop, r, err := n.publish(ctx, Key(name), v, SetOptions{})
	return stop, r.Nodes, wrap(err, "publish %q", name)
}

// PublishKey publishes v under key, in the way of Publish.
func (n *Node) PublishKey(ctx context.Context, key ID, v Value, o SetOptions) (stop func(), r SetResult, err error) {
	stop, r, err = n.publish(ctx, key, v, o)
	return stop, r, wrap(err, "publish %v", key)
}

func (n *Node) publish(ctx context.Context, key ID, v Value, o SetOptions) (stop func(), r SetResult, err error) {
	var end func()
	r, err = await(ctx, n, func(now time.Time, done func(SetResult, error)) (func(), error) {
		var err error
		end, err = n.engine.Publish(now, key, v, o, done)
		return end, err
	})
	if err != nil {
		return nil, r, err
	}
	return func() { n.do(func(time.Time) { end() }) }, r, nil
}

// Lookup returns the k nodes nearest to target that answer, nearest first. See
// Engine.Lookup.
func (n *Node) Lookup(ctx context.Context, target ID) ([]Contact, error) {
	nodes, err := await(ctx, n, func(now time.Time, done func([]Contact, error)) (func(), error) {
		return n.engine.Lookup(now, target, func(list []Contact) { done(list, nil) }), nil
	})
	return nodes, wrap(err, "look up %v", target)
}

// Ping returns the id of the node at addr and the round-trip time. Its error wraps
// ErrNoAnswer or ErrUnreachable.
func (n *Node) Ping(ctx context.Context, addr netip.AddrPort) (ID, time.Duration, error) {
	type pong struct {
		id  ID
		rtt time.Duration
	}
	p, err := await(ctx, n, func(now time.Time, done func(pong, error)) (func(), error) {
		return n.engine.Ping(now, addr, func(id ID, rtt time.Duration, err error) { done(pong{id, rtt}, err) }), nil
	})
	return p.id, p.rtt, wrap(err, "ping %v", addr)
}

// ObservedAddr returns the address under which the node at addr sees this node. Its
// error wraps ErrNoAnswer or ErrUnreachable.
func (n *Node) ObservedAddr(ctx context.Context, addr netip.AddrPort) (netip.AddrPort, error) {
	seen, err := await(ctx, n, func(now time.Time, done func(netip.AddrPort, error)) (func(), error) {
		return n.engine.ObservedAddr(now, addr, done), nil
	})
	return seen, wrap(err, "ask %v for this node's address", addr)
}

// wrap adds the operation and its object to an error, if there is one.
func wrap(err error, operation string, object any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(operation+": %w", object, err)
}
