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

// Conn is a connection for a node over whichever relay is there. It has the
// address that the relay lends, and when the WebSocket breaks it comes back by
// itself, to the same address if the relay still holds it.
//
// One goroutine connects and receives, a second one sends. Close ends both.
type Conn struct {
	cfg    Config
	in     *queue // from the relay to ReadBatch
	out    *queue // from WriteBatch to the relay
	counts counters

	relays relays        // of run only, and of all after ended
	family byte          // to ask relays for; likewise
	wakes  chan struct{} // holds a token if Wake was called
	ready  chan struct{} // closed when the first address is lent
	ended  chan struct{} // closed when run has returned

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows
	state   State
	welcome welcome // the last one
	link    *link   // the present one, or nil
}

// ErrClosed is what methods of a closed Conn return.
var ErrClosed = errors.New("relay connection is closed")

// errOffline is what WriteBatch returns while there is no connection.
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
		cfg: cfg, family: byte(cfg.Family), in: newQueue(), out: newQueue(),
		wakes: make(chan struct{}, 1), ready: make(chan struct{}), ended: make(chan struct{}),
	}
	c.out.shutDown()
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

// ReadBatch waits for at least one datagram and fills in as many as are there:
// bufs[i][:sizes[i]] came from from[i], for each i below the result. The three
// slices have the same length, which is at least one. A datagram longer than its
// buffer is dropped. One goroutine at a time may call it.
//
// Without a connection it waits for the next one. After Close it returns
// ErrClosed, and never another error.
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

// WriteBatch queues bufs[i] to be sent to to[i] for all i and returns how many
// were queued. It never waits: when the connection is slower than its users, the
// oldest in the queue are dropped, and without a connection all are. One that
// cannot be sent is skipped; the first such error is returned after the others
// were tried. It keeps none of the slices and may be called from several
// goroutines at once.
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

// unfit returns why n bytes can never be sent to a, if longest is what the relay
// takes; or nil.
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

// LocalAddr is the address that the relay lends, under which others reach this
// Conn. While there is no connection it is the last one.
func (c *Conn) LocalAddr() netip.AddrPort { return c.State().Addr }

// State returns what the Conn is doing.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Bootstrap returns the nodes that the relay proposed to join the network
// through. The caller must not change them.
func (c *Conn) Bootstrap() []netip.AddrPort {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.welcome.bootstrap
}

// Wake ends a wait between attempts. To be called when there is reason to believe
// that the network is back, or the machine has slept: a connection that has been
// quiet for a while is then replaced by a new one, with the same address. In a
// browser's window this happens by itself; a Worker does not see its page become
// visible.
func (c *Conn) Wake() { c.wake(silence, errSilent) }

// wake is Wake. A connection that has been quiet for that long is given up, for
// the reason given.
func (c *Conn) wake(quiet time.Duration, reason error) {
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
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

// Close ends the connection, tells the relay that the address is free, and ends
// calls that wait. It returns after all goroutines have ended.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.cancel()
	l := c.link
	c.mu.Unlock()
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
