package wsrelay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Conn carries the datagrams of a node over a relay. Its address is lent by the relay.
// When the WebSocket breaks, the Conn connects again, and gets the same address if the
// relay still holds it.
//
// One goroutine connects and receives, a second one sends. Close ends both.
type Conn struct {
	cfg    Config
	in     *queue // from the relay to ReadBatch
	out    *queue // from WriteBatch to the relay
	counts counters
	relays relays // used by run only until ended is closed

	wakes chan struct{} // holds a token if Wake was called
	ready chan struct{} // closed when the first address is lent
	ended chan struct{} // closed when run has returned

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	status status
}

// status is the part of a Conn that run changes and everybody may read.
type status struct {
	mu        sync.Mutex // guards the fields below
	state     State
	bootstrap []netip.AddrPort // of the last welcome
	link      *link            // nil between connections
}

// ErrClosed is the error of the methods of a closed Conn.
var ErrClosed = errors.New("relay connection is closed")

// errOffline is the error of WriteBatch without a connection.
var errOffline = errors.New("not connected to a relay")

func newConn(cfg Config) (*Conn, error) {
	if len(cfg.Relays) == 0 {
		return nil, errors.New("connect to a relay: none is given")
	}
	if len(cfg.Token) > 255 {
		return nil, fmt.Errorf("connect to a relay: token of %d bytes, 255 is the most", len(cfg.Token))
	}
	if f := cfg.Family; f != 0 && f != 4 && f != 6 {
		return nil, fmt.Errorf("connect to a relay: family %d, must be 4, 6 or 0", f)
	}
	c := &Conn{
		cfg: cfg, in: newQueue(), out: newQueue(),
		wakes: make(chan struct{}, 1), ready: make(chan struct{}), ended: make(chan struct{}),
	}
	c.out.shutDown()
	c.relays.family = byte(cfg.Family)
	c.relays.backoff = newBackoff(cfg.Rand)
	for _, s := range cfg.Relays {
		url, err := relayURL(s)
		if err != nil {
			return nil, err
		}
		c.relays.list = append(c.relays.list, relay{url: url, resume: cfg.Resume[url]})
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// ReadBatch waits for at least one datagram, and returns how many it has filled in:
// bufs[i][:sizes[i]] came from from[i]. The three slices have the same length, which
// is at least one. A datagram longer than its buffer is dropped. One goroutine at a
// time may call it.
//
// Without a connection it waits for the next one. The only error is ErrClosed, after
// Close.
func (c *Conn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	for c.ctx.Err() == nil {
		n, tooLong := c.in.read(bufs, sizes, from)
		c.counts.tooLong.Add(uint64(tooLong))
		if n > 0 {
			return n, nil
		}
		select {
		case <-c.in.ready:
		case <-c.ctx.Done():
		}
	}
	return 0, ErrClosed
}

// WriteBatch queues bufs[i] to be sent to to[i] for all i, and returns how many
// datagrams it has queued. It never waits: when the queue is full the oldest datagrams
// are dropped, and without a connection all are. A datagram that cannot be sent is
// skipped, and the first such error is returned. WriteBatch keeps none of the slices.
// Several goroutines may call it at once.
func (c *Conn) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	var first error
	n := 0
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for i, payload := range bufs {
		a := netaddr.Unmap(to[i])
		err := unfit(a, len(payload), c.out.longest)
		if err != nil {
			c.counts.unfit.Add(1)
		} else if c.out.add(a, payload) {
			n++
		} else {
			err = cmp.Or(c.closed(), errOffline)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("send to %v: %w", to[i], err)
		}
	}
	c.out.settle()
	return n, first
}

// unfit returns why a datagram of n bytes can never be sent to a, or nil. longest is
// the longest datagram that the relay takes.
func unfit(a netip.AddrPort, n, longest int) error {
	switch {
	case !a.Addr().IsValid() || a.Port() == 0:
		return errors.New("no such address")
	case a.Addr().Zone() != "":
		return errors.New("a zone means nothing to a relay")
	case n > longest:
		return fmt.Errorf("%d bytes are too long, %d is the most", n, longest)
	}
	return nil
}

// LocalAddr is the address lent by the relay, at which others reach this Conn. Without
// a connection it is the last such address.
func (c *Conn) LocalAddr() netip.AddrPort { return c.State().Addr }

// State returns the present state.
func (c *Conn) State() State {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.state
}

// Bootstrap returns the nodes through which the relay proposes to join the network.
// The caller must not change them.
func (c *Conn) Bootstrap() []netip.AddrPort {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	return c.status.bootstrap
}

// Wake ends a wait between attempts. Call it when the network may be back, or the
// machine has slept: a connection that has been quiet for a minute is then replaced,
// with the same address. In a browser's window this happens by itself. A Worker cannot
// see that its page has become visible.
func (c *Conn) Wake() { c.wake(silence, errSilent) }

// wake is Wake, with the time for which a connection must have been quiet to be given
// up, and the reason to give.
func (c *Conn) wake(quiet time.Duration, reason error) {
	l := c.status.currentLink()
	if l != nil && l.quietFor() < quiet {
		return
	}
	select {
	case c.wakes <- struct{}{}:
	default:
	}
	if l != nil {
		l.socket.close(reason)
	}
}

// Close ends the connection, tells the relay that the address is free, and ends calls
// that wait. It returns after all goroutines have ended.
func (c *Conn) Close() error {
	c.status.mu.Lock()
	c.cancel()
	l := c.status.link
	c.status.mu.Unlock()
	if l != nil {
		l.socket.close(ErrClosed)
	}
	<-c.ended
	return nil
}

// closed returns ErrClosed after Close, else nil.
func (c *Conn) closed() error {
	if c.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// currentLink returns the link, or nil between connections.
func (s *status) currentLink() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}
