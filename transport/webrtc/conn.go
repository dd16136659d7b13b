// Package webrtc carries datagrams between peers over WebRTC data channels where it can,
// and over a wrapped connection otherwise. docs/webrtc.md specifies the protocol.
//
// Addresses keep their meaning: a datagram to an address goes over a channel if one is
// open to the node there, else over the wrapped connection. The core notices nothing.
package webrtc

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Wrapped is a core.Conn, as a Conn wraps it.
type Wrapped interface {
	ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error)
	WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error)
	LocalAddr() netip.AddrPort
	Close() error
}

// driver makes the WebRTC connections and knows them by the numbers of their channels.
// Its methods return at once and may be called by several goroutines. Its events are
// calls of the Conn's methods described, opened, received and ended.
//
// In a browser the connections belong to the page, and the node runs in a Worker:
// each call is a message to the page, and each event a message from the page.
type driver interface {
	// start begins channel ch and describes this end: as an answer to remote, or
	// as an offer if remote is nil.
	start(ch chanID, remote *description)
	// accept completes a channel for which start has described an offer.
	accept(ch chanID, remote description)
	// send sends a message over an open channel and keeps no reference to data. It
	// returns false if the channel is not open, or its buffer is full.
	send(ch chanID, data []byte) bool
	// stop ends a channel. Later events of the channel are ignored.
	stop(ch chanID)
}

// Conn is a core.Conn with direct paths.
type Conn struct {
	wrapped     Wrapped
	driver      driver
	closeDriver func() error
	listen      netip.AddrPort // DirectAddr
	reader      *reader        // of wrapped
	inbox       *inbox         // of channels
	loop        *loop
	done        chan struct{} // closed by Close
	reading     sync.WaitGroup
	closing     sync.Once

	direct, viaWrapped traffic
}

// traffic counts datagrams.
type traffic struct{ sent, received atomic.Uint64 }

func (t *traffic) load() Traffic { return Traffic{t.sent.Load(), t.received.Load()} }

// ErrClosed is the error of methods of a closed Conn.
var ErrClosed = errors.New("connection is closed")

// newConn wraps a connection and owns it from then on. The caller must call run before
// the first event, and before anybody else uses the Conn.
func newConn(wrapped Wrapped, cfg Config) *Conn {
	c := &Conn{wrapped: wrapped, reader: newReader(), inbox: newInbox(), done: make(chan struct{})}
	c.loop = newLoop(newEngine(cfg.settings(), cfg.source()), c.perform)
	return c
}

// run starts c with its driver. closeDriver ends the driver and its events.
func (c *Conn) run(d driver, closeDriver func() error) {
	c.driver, c.closeDriver = d, closeDriver
	c.reading.Go(c.read)
}

// Met notes that a node has answered from addr under id, with a trailer that announces
// direct paths. near means that the node is one of the nearest to this one, and will be
// asked again and again. Met is quick; it may be called for each answer, and with a
// lock held.
func (c *Conn) Met(addr netip.AddrPort, id ID, near bool) {
	c.loop.doQuickly(func(e *engine, now time.Time) { e.met(now, netaddr.Unmap(addr), id, near) })
}

// ReadBatch waits for at least one datagram and reads all that have arrived, as
// core.Conn says.
func (c *Conn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	for !c.isDone() {
		n := c.inbox.read(bufs, sizes, from)
		c.direct.received.Add(uint64(n))
		m, err := c.fromReader(bufs[n:], sizes[n:], from[n:])
		if n+m > 0 || err != nil {
			return n + m, err
		}
		select {
		case <-c.inbox.ready:
		case <-c.reader.full:
			c.reader.taken = false
		case <-c.done:
		}
	}
	return 0, ErrClosed
}

func (c *Conn) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// fromReader takes datagrams from the reader, if it has any, and returns the memory to
// it after the last one.
func (c *Conn) fromReader(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	r := c.reader
	if r.taken {
		select {
		case <-r.full:
			r.taken = false
		default:
			return 0, nil
		}
	}
	n := r.take(bufs, sizes, from)
	if r.pos < r.n {
		return n, nil
	}
	err := r.err
	r.taken = true
	select {
	case r.empty <- struct{}{}:
	case <-c.done:
	}
	return n, err
}

// WriteBatch sends bufs[i] to to[i] for all i, as core.Conn says.
func (c *Conn) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	if c.loop.noPeers.Load() {
		n, err := c.wrapped.WriteBatch(bufs, to)
		c.viaWrapped.sent.Add(uint64(n))
		return n, err
	}
	via := make([]chanID, len(bufs))
	direct := false
	c.loop.do(func(e *engine, now time.Time) {
		for i := range bufs {
			via[i] = e.send(now, netaddr.Unmap(to[i]), bufs[i])
			direct = direct || via[i] != 0
		}
	})
	sent := 0
	if direct {
		bufs, to, sent = c.sendDirect(bufs, to, via)
		c.direct.sent.Add(uint64(sent))
	}
	if len(bufs) == 0 {
		return sent, nil
	}
	n, err := c.wrapped.WriteBatch(bufs, to)
	c.viaWrapped.sent.Add(uint64(n))
	return sent + n, err
}

// sendDirect sends bufs[i] over channel via[i] for all i. It returns the datagrams
// without a channel, and the ones that their channels did not take.
func (c *Conn) sendDirect(
	bufs [][]byte, to []netip.AddrPort, via []chanID,
) (rest [][]byte, restTo []netip.AddrPort, sent int) {
	for i, ch := range via {
		if ch != 0 && c.driver.send(ch, bufs[i]) {
			sent++
			continue
		}
		rest, restTo = append(rest, bufs[i]), append(restTo, to[i])
	}
	return rest, restTo, sent
}

// LocalAddr returns the address of the wrapped conn: other nodes know this one by it.
func (c *Conn) LocalAddr() netip.AddrPort { return c.wrapped.LocalAddr() }

// DirectAddr returns the UDP address of all channels: Config.Listen with the actual
// port. In a browser it is the zero AddrPort.
func (c *Conn) DirectAddr() netip.AddrPort { return c.listen }

// Close ends all channels and closes the wrapped conn. A second call does nothing.
func (c *Conn) Close() error {
	var err error
	c.closing.Do(func() {
		close(c.done)
		c.loop.close()
		err = errors.Join(c.closeDriver(), c.wrapped.Close())
		c.reading.Wait()
	})
	return err
}
