package core

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Node is a Kademlia node on a Conn. Its methods may be called by several
// goroutines at a time. It is the shell around an Engine: what the Engine leaves
// out, the clock, the socket and the goroutines, is here and only here.
type Node struct {
	conn Conn

	mu     sync.Mutex // guards what follows
	engine *Engine
	timer  *time.Timer
	wakeAt time.Time
	closed bool

	out     sync.Pool // of *sendBuffer
	unsent  atomic.Uint64
	done    chan struct{}
	sending sync.WaitGroup // what is about to use the Conn
	running sync.WaitGroup

	closing  sync.Once
	closeErr error
}

// ErrClosed is what operations on a closed Node return.
var ErrClosed = errors.New("node is closed")

// NewNode starts a node on conn, which it owns from then on. The node knows
// nobody and can be found by nobody until it has called Bootstrap, or another
// node has.
func NewNode(conn Conn, cfg Config) *Node {
	if cfg.Family == 0 {
		cfg.Family = familyOfConn(conn.LocalAddr().Addr())
	}
	now := time.Now()
	n := &Node{conn: conn, engine: NewEngine(now, cfg), done: make(chan struct{})}
	n.out.New = func() any { return new(sendBuffer) }
	n.mu.Lock() // the timer may go off at once
	defer n.mu.Unlock()
	n.wakeAt = n.engine.Next()
	n.timer = time.AfterFunc(n.wakeAt.Sub(now), n.tick)
	n.running.Go(n.read)
	return n
}

// familyOfConn returns what a conn that listens on ip can reach. The unspecified
// IPv6 address stands for both families.
func familyOfConn(ip netip.Addr) Family {
	switch {
	case ip.Is4():
		return FamilyIPv4
	case ip.Is6() && !ip.IsUnspecified():
		return FamilyIPv6
	}
	return FamilyBoth
}

// Close stops the node, ends what is under way with ErrClosed, and closes its
// Conn. It returns after all its goroutines have ended.
func (n *Node) Close() error {
	n.closing.Do(func() {
		n.mu.Lock()
		n.closed = true
		n.timer.Stop()
		close(n.done)
		n.mu.Unlock()
		n.sending.Wait()
		n.closeErr = n.conn.Close()
		n.running.Wait()
	})
	return n.closeErr
}

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

// Records calls yield for each record that the node keeps, in no order, until it
// returns false. The node is locked meanwhile: yield must not use it.
func (n *Node) Records(yield func(ID, Record) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.engine.Records(time.Now(), yield)
}

// Bootstrap joins the network through the nodes at seeds. It returns when the
// node knows its neighbours, or with an error that wraps ErrNoAnswer if none of
// the seeds answers; it then goes on trying by itself. See Engine.Bootstrap.
func (n *Node) Bootstrap(ctx context.Context, seeds ...netip.AddrPort) error {
	_, err := await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		return n.engine.Bootstrap(now, seeds, done), nil
	})
	if err != nil {
		return fmt.Errorf("bootstrap from %v: %w", seeds, err)
	}
	return nil
}

// Get returns the value called name: see Engine.Get.
func (n *Node) Get(ctx context.Context, name string) (Value, error) {
	f, err := n.Find(ctx, Key(name))
	if err != nil {
		return Value{}, fmt.Errorf("get %q: %w", name, err)
	}
	return f.Value, nil
}

// Find returns the value under key, and who had it: see Engine.Get.
func (n *Node) Find(ctx context.Context, key ID) (Found, error) {
	return await(ctx, n, func(now time.Time, done func(Found, error)) (func(), error) {
		return n.engine.Get(now, key, done), nil
	})
}

// Set stores v under name on the nodes nearest to its key, and returns how many
// acknowledged it: see Engine.Set.
func (n *Node) Set(ctx context.Context, name string, v Value) (int, error) {
	nodes, err := n.Store(ctx, Key(name), v)
	if err != nil {
		return nodes, fmt.Errorf("set %q: %w", name, err)
	}
	return nodes, nil
}

// Store stores v under key, and returns how many nodes acknowledged it: see
// Engine.Set.
func (n *Node) Store(ctx context.Context, key ID, v Value) (int, error) {
	return await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		return n.engine.Set(now, key, v, done)
	})
}

// Publish stores v under name as Set does, and then again from time to time, so
// that it does not end, until stop is called or the node is closed: see
// Engine.Publish. After an error the value is not kept published, and stop is nil.
func (n *Node) Publish(ctx context.Context, name string, v Value) (stop func(), nodes int, err error) {
	var end func()
	nodes, err = await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		var err error
		end, err = n.engine.Publish(now, Key(name), v, done)
		return end, err
	})
	if err != nil {
		return nil, nodes, fmt.Errorf("publish %q: %w", name, err)
	}
	return func() { n.do(func(time.Time) { end() }) }, nodes, nil
}

// Lookup returns the nodes nearest to target that answer, nearest first: see
// Engine.Lookup.
func (n *Node) Lookup(ctx context.Context, target ID) ([]Contact, error) {
	return await(ctx, n, func(now time.Time, done func([]Contact, error)) (func(), error) {
		return n.engine.Lookup(now, target, func(list []Contact) { done(list, nil) }), nil
	})
}

// Ping returns the id of the node at addr and the round trip time.
func (n *Node) Ping(ctx context.Context, addr netip.AddrPort) (ID, time.Duration, error) {
	type pong struct {
		id  ID
		rtt time.Duration
	}
	p, err := await(ctx, n, func(now time.Time, done func(pong, error)) (func(), error) {
		return n.engine.Ping(now, addr, func(id ID, rtt time.Duration, err error) { done(pong{id, rtt}, err) }), nil
	})
	if err != nil {
		return ID{}, 0, fmt.Errorf("ping %v: %w", addr, err)
	}
	return p.id, p.rtt, nil
}

// ObservedAddr returns the address under which the node at addr sees this one.
func (n *Node) ObservedAddr(ctx context.Context, addr netip.AddrPort) (netip.AddrPort, error) {
	seen, err := await(ctx, n, func(now time.Time, done func(netip.AddrPort, error)) (func(), error) {
		return n.engine.ObservedAddr(now, addr, done), nil
	})
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("ask %v for the own address: %w", addr, err)
	}
	return seen, nil
}

// await starts an operation of the engine and waits for its result, for ctx, or
// for the node to be closed. Results are handed over through a channel, so that
// the callback never waits.
func await[T any](ctx context.Context, n *Node, start func(time.Time, func(T, error)) (cancel func(), err error)) (T, error) {
	type outcome struct {
		result T
		err    error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	results := make(chan outcome, 1)
	var cancel func()
	var err error
	if !n.do(func(now time.Time) {
		cancel, err = start(now, func(r T, err error) { results <- outcome{r, err} })
	}) {
		return none, ErrClosed
	}
	if err != nil {
		return none, err
	}
	select {
	case o := <-results:
		return o.result, o.err
	case <-ctx.Done():
		n.do(func(time.Time) { cancel() })
		return none, ctx.Err()
	case <-n.done:
		return none, ErrClosed
	}
}

// do lets f use the engine, sends what came of it, and sets the timer. It does
// nothing and returns false if the node is closed. Close waits for it.
func (n *Node) do(f func(now time.Time)) bool {
	out := n.out.Get().(*sendBuffer)
	defer n.out.Put(out)
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return false
	}
	n.sending.Add(1)
	defer n.sending.Done()
	now := time.Now()
	f(now)
	n.engine.Flush(&out.box)
	if next := n.engine.Next(); !next.Equal(n.wakeAt) {
		n.wakeAt = next
		n.timer.Reset(next.Sub(now))
	}
	n.mu.Unlock()
	if unsent := out.send(n.conn); unsent > 0 {
		n.unsent.Add(uint64(unsent))
	}
	return true
}

// tick is called by the timer.
func (n *Node) tick() {
	n.do(func(now time.Time) {
		n.wakeAt = time.Time{}
		n.engine.Advance(now)
	})
}

// readBatch is how many datagrams are taken from the Conn at a time.
const readBatch = 32

// maxDatagram is what is provided for each.
const maxDatagram = 65536

// read hands the engine what comes in, until the node is closed.
func (n *Node) read() {
	bufs := make([][]byte, readBatch)
	space := make([]byte, readBatch*maxDatagram)
	for i := range bufs {
		bufs[i] = space[i*maxDatagram : (i+1)*maxDatagram]
	}
	sizes := make([]int, readBatch)
	from := make([]netip.AddrPort, readBatch)
	for {
		count, err := n.conn.ReadBatch(bufs, sizes, from)
		if err != nil && count == 0 {
			n.pause()
		}
		if !n.do(func(now time.Time) {
			for i := range count {
				n.engine.Receive(now, from[i], bufs[i][:sizes[i]])
			}
			// A browser may hold back the timers of a hidden tab, but not what
			// comes in.
			n.engine.Advance(now)
		}) {
			return
		}
	}
}

// readPause keeps a Conn that only returns errors from taking up a processor.
const readPause = 10 * time.Millisecond

// pause ends early when the node is closed.
func (n *Node) pause() {
	select {
	case <-time.After(readPause):
	case <-n.done:
	}
}

// sendBuffer is what it takes to send an Outbox as one batch.
type sendBuffer struct {
	box  Outbox
	bufs [][]byte
	to   []netip.AddrPort
}

// send returns how many datagrams the conn could not send. They are lost, as
// datagrams can be.
func (s *sendBuffer) send(conn Conn) (unsent int) {
	if s.box.Len() == 0 {
		return 0
	}
	s.bufs, s.to = s.bufs[:0], s.to[:0]
	for i := range s.box.Len() {
		to, b := s.box.At(i)
		s.bufs, s.to = append(s.bufs, b), append(s.to, to)
	}
	sent, _ := conn.WriteBatch(s.bufs, s.to)
	return len(s.bufs) - sent
}
