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
