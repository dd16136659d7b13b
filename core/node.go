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
// goroutines at a time. It is the shell around an Engine: the clock, the socket and
// the goroutines are here and only here.
type Node struct {
	conn Conn

	mu     sync.Mutex // guards the fields up to closed
	engine *Engine
	timer  *time.Timer
	wakeAt time.Time
	closed bool

	out    sync.Pool // of *sendBuffer
	unsent atomic.Uint64
	done   chan struct{}
	// sending counts the users of conn, reading the goroutine that reads from it.
	sending, reading sync.WaitGroup

	close func() error
}

// ErrClosed is the error of operations on a closed Node.
var ErrClosed = errors.New("node is closed")

// NewNode starts a node on conn. The node owns conn from then on, and closes it in
// Close. It has no contacts, and no other node can find it, until it has called
// Bootstrap or another node has joined through it. NewNode panics if conn is nil.
func NewNode(conn Conn, cfg Config) *Node {
	if conn == nil {
		panic("core.NewNode: conn is nil: a node needs a Conn, such as one from udp.Listen")
	}
	if cfg.Family == 0 {
		cfg.Family = familyOfConn(conn.LocalAddr().Addr())
	}
	now := time.Now()
	n := &Node{conn: conn, engine: NewEngine(now, cfg), done: make(chan struct{})}
	n.close = sync.OnceValue(n.stop)
	n.out.New = func() any { return new(sendBuffer) }
	n.mu.Lock() // the timer may fire at once
	defer n.mu.Unlock()
	n.wakeAt = n.engine.Next()
	n.timer = time.AfterFunc(n.wakeAt.Sub(now), n.tick)
	n.reading.Go(n.read)
	return n
}

// familyOfConn returns the families that a conn listening on ip can reach. The
// unspecified IPv6 address stands for both.
func familyOfConn(ip netip.Addr) Family {
	switch {
	case ip.Is4():
		return FamilyIPv4
	case ip.Is6() && !ip.IsUnspecified():
		return FamilyIPv6
	}
	return FamilyBoth
}

// Close stops the node, ends operations under way with ErrClosed, and closes the
// Conn. It returns after all goroutines of the node have ended.
func (n *Node) Close() error { return n.close() }

func (n *Node) stop() error {
	n.mu.Lock()
	n.closed = true
	n.timer.Stop()
	close(n.done)
	n.mu.Unlock()
	n.sending.Wait()
	err := n.conn.Close()
	n.reading.Wait()
	return err
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

// Records calls yield for each record that the node keeps, in no order, until yield
// returns false. The node is locked meanwhile: yield must not use it.
func (n *Node) Records(yield func(ID, Record) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.engine.Records(time.Now(), yield)
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
	f, err := n.find(ctx, Key(name))
	return f.Value, wrap(err, "get %q", name)
}

// GetKey returns the value under key, in the way of Get.
func (n *Node) GetKey(ctx context.Context, key ID) (Value, error) {
	f, err := n.find(ctx, key)
	return f.Value, wrap(err, "get %v", key)
}

// Find returns the value under key, its holder and its time of publication, in the
// way of Get.
func (n *Node) Find(ctx context.Context, key ID) (Found, error) {
	f, err := n.find(ctx, key)
	return f, wrap(err, "find %v", key)
}

func (n *Node) find(ctx context.Context, key ID) (Found, error) {
	return await(ctx, n, func(now time.Time, done func(Found, error)) (func(), error) {
		return n.engine.Get(now, key, done), nil
	})
}

// Set stores v under name on the nodes nearest to its key, and returns how many
// acknowledged it. Its error wraps ErrNotStored if none did, and ErrValueType,
// ErrNotUTF8 or ErrTooLong if the network cannot carry v. See Engine.Set.
func (n *Node) Set(ctx context.Context, name string, v Value) (nodes int, err error) {
	nodes, err = n.set(ctx, Key(name), v)
	return nodes, wrap(err, "set %q", name)
}

// SetKey stores v under key, in the way of Set.
func (n *Node) SetKey(ctx context.Context, key ID, v Value) (nodes int, err error) {
	nodes, err = n.set(ctx, key, v)
	return nodes, wrap(err, "set %v", key)
}

func (n *Node) set(ctx context.Context, key ID, v Value) (int, error) {
	return await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		return n.engine.Set(now, key, v, done)
	})
}

// Publish stores v under name in the way of Set, and stores it again from time to
// time, so that it does not expire, until stop is called or the node is closed. After
// an error the value is not kept published, and stop is nil. See Engine.Publish.
func (n *Node) Publish(ctx context.Context, name string, v Value) (stop func(), nodes int, err error) {
	stop, nodes, err = n.publish(ctx, Key(name), v)
	return stop, nodes, wrap(err, "publish %q", name)
}

// PublishKey publishes v under key, in the way of Publish.
func (n *Node) PublishKey(ctx context.Context, key ID, v Value) (stop func(), nodes int, err error) {
	stop, nodes, err = n.publish(ctx, key, v)
	return stop, nodes, wrap(err, "publish %v", key)
}

func (n *Node) publish(ctx context.Context, key ID, v Value) (stop func(), nodes int, err error) {
	var end func()
	nodes, err = await(ctx, n, func(now time.Time, done func(int, error)) (func(), error) {
		var err error
		end, err = n.engine.Publish(now, key, v, done)
		return end, err
	})
	if err != nil {
		return nil, nodes, err
	}
	return func() { n.do(func(time.Time) { end() }) }, nodes, nil
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

// await starts an operation of the engine and waits for its result, for ctx, or for
// the node to be closed. The result comes through a channel, so that the engine's
// callback never waits.
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

// do calls f, which may use the engine, sends the datagrams in its outbox, and sets
// the timer. It does nothing and returns false if the node is closed. Close waits for
// it.
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

// readBatch is how many datagrams are read from the Conn at a time.
const readBatch = 32

// maxDatagram is the size of the buffer for each, in bytes.
const maxDatagram = 65536

// read passes incoming datagrams to the engine, until the node is closed.
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
			// A browser may hold back the timers of a hidden tab, but not its incoming
			// datagrams.
			n.engine.Advance(now)
		}) {
			return
		}
	}
}

// readPause keeps a Conn that only returns errors from using up a processor.
const readPause = 10 * time.Millisecond

// pause ends early when the node is closed.
func (n *Node) pause() {
	select {
	case <-time.After(readPause):
	case <-n.done:
	}
}

// sendBuffer has an Outbox, and the slices to send it as one batch.
type sendBuffer struct {
	box  Outbox
	bufs [][]byte
	to   []netip.AddrPort
}

// send sends the datagrams and returns how many the conn could not send. These are
// lost.
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
