package core

import (
	"context"
	"errors"
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

	mu      sync.Mutex // guards the fields up to stopped
	engine  *Engine
	clock   nodeClock
	timer   *time.Timer
	stopped bool

	out    sync.Pool // of *sendBuffer
	unsent atomic.Uint64
	closing
	// sending counts the users of conn, reading the goroutine that reads from it.
	sending, reading sync.WaitGroup
}

// closing is the state of Close.
type closing struct {
	begun    atomic.Bool
	done     chan struct{} // closed when Close begins: operations end
	closed   chan struct{} // closed when Close has ended
	closeErr error
}

// ErrClosed is the error of operations on a closed Node.
var ErrClosed = errors.New("node is closed")

// NewNode starts a node on conn. The node owns conn from then on, and closes it in
// Close. It has no contacts, and no other node can find it, until it has called
// Bootstrap or another node has joined through it. NewNode panics if conn is nil.
func NewNode(conn Conn, cfg Config) *Node {
	return newNode(conn, cfg, newNodeClock(readClocks, suspended))
}

func newNode(conn Conn, cfg Config, clock nodeClock) *Node {
	if conn == nil {
		panic("core.NewNode: conn is nil: a node needs a Conn, such as one from udp.Listen")
	}
	if cfg.Family == 0 {
		cfg.Family = familyOfConn(conn.LocalAddr().Addr())
	}
	now := clock.now()
	n := &Node{conn: conn, engine: NewEngine(now, cfg), clock: clock}
	n.done, n.closed = make(chan struct{}), make(chan struct{})
	n.out.New = func() any { return new(sendBuffer) }
	n.mu.Lock() // the timer may fire at once
	defer n.mu.Unlock()
	n.timer = time.AfterFunc(maxAsleep, n.tick)
	n.setTimer(now)
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

// Close takes the node out of the network in order, for which it needs 2 s at most: see
// Engine.Leave. It ends operations under way with ErrClosed, closes the Conn, and returns
// after all goroutines of the node have ended.
func (n *Node) Close() error {
	if n.begun.CompareAndSwap(false, true) {
		close(n.done)
		n.closeErr = n.stop()
		close(n.closed)
	}
	<-n.closed
	return n.closeErr
}

func (n *Node) stop() error {
	left := make(chan struct{})
	n.do(func(now time.Time) { n.engine.Leave(now, func() { close(left) }) })
	<-left
	n.mu.Lock()
	n.stopped = true
	n.timer.Stop()
	n.mu.Unlock()
	n.sending.Wait()
	err := n.conn.Close()
	n.reading.Wait()
	return err
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
	select {
	case <-n.done:
		return none, ErrClosed
	default:
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
	if n.stopped {
		n.mu.Unlock()
		return false
	}
	n.sending.Add(1)
	defer n.sending.Done()
	now := n.clock.now()
	if n.clock.jumped {
		n.clock.jumped, n.clock.wakeAt = false, time.Time{}
		n.engine.woke(now)
	}
	f(now)
	n.engine.Flush(&out.box)
	n.setTimer(now)
	n.mu.Unlock()
	if unsent := out.send(n.conn); unsent > 0 {
		n.unsent.Add(uint64(unsent))
	}
	return true
}

// setTimer makes the timer fire when the engine wants to be called, or after
// maxAsleep. A timer that fires before that time and soon enough stays.
func (n *Node) setTimer(now time.Time) {
	next := n.engine.Next()
	if next.Sub(now) > maxAsleep {
		if n.clock.wakeAt.After(now) {
			return
		}
		next = now.Add(maxAsleep)
	}
	if !next.Equal(n.clock.wakeAt) {
		n.clock.wakeAt = next
		n.timer.Reset(next.Sub(now))
	}
}

// maxLate is how late the timer fires in a process that runs. One that was stopped for
// longer may have missed values.
const maxLate = 2 * time.Second

// tick is called by the timer.
func (n *Node) tick() {
	n.do(func(now time.Time) {
		if late := now.Sub(n.clock.wakeAt); !n.clock.wakeAt.IsZero() && late > maxLate {
			n.engine.woke(now)
		}
		n.clock.wakeAt = time.Time{}
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
			time.Sleep(readPause)
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
