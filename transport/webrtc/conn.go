// Package webrtc carries datagrams between peers directly where it can. It wraps
// the connection of a node, and speaks WebRTC data channels with those peers that
// do as well: docs/webrtc.md is the protocol.
//
// Addresses stay what they are. A datagram to an address goes over a channel if
// one is open to the node there, else over the wrapped conn; nobody above notices.
package webrtc

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Wrapped is the connection that a Conn wraps: what the core takes.
type Wrapped interface {
	ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error)
	WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error)
	LocalAddr() netip.AddrPort
	Close() error
}

// Config holds what a Conn needs to know. Only ID must be set.
type Config struct {
	// ID is the id of the node.
	ID ID

	// Mode says which direct paths there may be. Zero means none.
	Mode Mode

	// SameIP says that others see the node's datagrams come from an IP address of
	// this machine, or of its NAT, as with UDP; and not from a relay's.
	SameIP bool

	// Public says that a server tells the node its public address (STUN). Behind a
	// relay it then tells that, and goes to those that others tell, so that nodes
	// behind different NATs can meet.
	Public bool

	// Listen is where peers reach all channels of a native node. Without an IP
	// address it is that of the wrapped conn if SameIP, else all of them; port zero
	// is any. A browser has its own way.
	Listen netip.AddrPort

	// Channels is how many channels there are at most. Zero means 512, and 24 in a
	// browser.
	Channels int

	// Rand is the source of nonces and message ids. Nil means one that nobody can
	// predict.
	Rand rand.Source

	// Changed, if it is not nil, is told of each peer that has got a channel, and
	// with a reason of each that has one no more. It is called with a lock held, and
	// must return at once.
	Changed func(p Path, why string)
}

// Offers of the own node that may be under way at a time, and offers of others.
const (
	maxOffering  = 8
	maxAnswering = 32
)

func (c Config) limits() limits {
	l := limits{channels: c.Channels, offers: maxOffering, answers: maxAnswering}
	if l.channels == 0 {
		l.channels = defaultChannels
	}
	l.answers = min(l.answers, l.channels)
	return l
}

// driver has the connections, of which it knows no more than their numbers. Its
// methods return at once, and may be called by several goroutines. What comes of
// them it tells to the Conn: described, opened, received, ended.
//
// In a browser the connections belong to the page, and the node runs in a Worker:
// each call is a message to the page, and each event one from there.
type driver interface {
	// start begins channel ch and describes the own end, which is the answer to
	// remote, or an offer if that is nil.
	start(ch chanID, remote *description)
	// accept goes on with a channel for which start described an offer.
	accept(ch chanID, remote description)
	// send sends a message over an open channel, and returns false if that takes no
	// more now, or is not there. It keeps nothing of data.
	send(ch chanID, data []byte) bool
	// stop ends a channel. Nothing is told of it any more, or nobody listens.
	stop(ch chanID)
}

// Conn is a connection with direct paths. It is a core.Conn.
type Conn struct {
	wrapped Wrapped
	driver  driver
	release func() error // ends the driver
	listen  netip.AddrPort
	reader  *reader
	inbox   *inbox
	done    chan struct{} // closed by Close
	running sync.WaitGroup
	closing sync.Once

	wrappedSent, wrappedReceived, directSent, directReceived atomic.Uint64

	noPeers   atomic.Bool // there is no peer to keep a channel with
	offersOut atomic.Bool // for answers to offers

	mu      sync.Mutex // guards what follows
	engine  *engine
	timer   *time.Timer
	wakeAt  time.Time
	actions []action
	busy    bool // somebody carries out orders
	closed  bool
	acting  sync.WaitGroup // those who do
}

// ErrClosed is what methods of a closed Conn return.
var ErrClosed = errors.New("connection is closed")

// newConn wraps a conn, which it owns from then on. Before the first event, and
// before anybody else has the Conn, its driver must be set, and run called.
func newConn(wrapped Wrapped, cfg Config) *Conn {
	source := cfg.Rand
	if source == nil {
		source = runtimeRand{}
	}
	c := &Conn{
		wrapped: wrapped, reader: newReader(), inbox: newInbox(), done: make(chan struct{}),
		engine: newEngine(cfg.ID, cfg.Mode, cfg.SameIP, cfg.limits(), source),
	}
	c.engine.public, c.engine.changed = cfg.Public, cfg.Changed
	c.noPeers.Store(true)
	c.timer = time.AfterFunc(time.Hour, c.tick)
	c.timer.Stop()
	return c
}

// runtimeRand is the runtime's own generator, which the system has seeded.
type runtimeRand struct{}

func (runtimeRand) Uint64() uint64 { return rand.Uint64() }

func (c *Conn) run(d driver, release func() error) {
	c.driver, c.release = d, release
	c.running.Go(c.read)
}

// Met tells of a node that has answered from addr under id, and whose trailer says
// that it takes direct paths. near says that it is one of the nearest to this node,
// with which it will have to do again and again. Met is quick and may be called at
// every answer, with a lock held.
func (c *Conn) Met(addr netip.AddrPort, id ID, near bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now := time.Now()
	c.engine.met(now, netaddr.Unmap(addr), id, near)
	c.collect(now)
	if len(c.actions) > 0 {
		c.wakeAt = now
		c.timer.Reset(0)
	}
}

// ReadBatch waits for at least one datagram and fills in as many as are there, as
// core.Conn says.
func (c *Conn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	for !c.isDone() {
		n := c.inbox.read(bufs, sizes, from)
		c.directReceived.Add(uint64(n))
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

// fromReader takes what the reader has, if it has something, and gives it its
// memory back when nothing is left.
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
	if c.noPeers.Load() {
		n, err := c.wrapped.WriteBatch(bufs, to)
		c.wrappedSent.Add(uint64(n))
		return n, err
	}
	via := make([]chanID, len(bufs))
	direct := false
	c.do(func(e *engine, now time.Time) {
		for i := range bufs {
			via[i] = e.send(now, netaddr.Unmap(to[i]), bufs[i])
			direct = direct || via[i] != 0
		}
	})
	sent := 0
	if direct {
		bufs, to, sent = c.sendDirect(bufs, to, via)
		c.directSent.Add(uint64(sent))
	}
	if len(bufs) == 0 {
		return sent, nil
	}
	n, err := c.wrapped.WriteBatch(bufs, to)
	c.wrappedSent.Add(uint64(n))
	return sent + n, err
}

// sendDirect sends what can go over the channels in via, and returns the others.
func (c *Conn) sendDirect(bufs [][]byte, to []netip.AddrPort, via []chanID) (rest [][]byte, restTo []netip.AddrPort, sent int) {
	for i, ch := range via {
		if ch != 0 && c.driver.send(ch, bufs[i]) {
			sent++
			continue
		}
		rest, restTo = append(rest, bufs[i]), append(restTo, to[i])
	}
	return rest, restTo, sent
}

// LocalAddr is the address of the wrapped conn: the others know no other.
func (c *Conn) LocalAddr() netip.AddrPort { return c.wrapped.LocalAddr() }

// DirectAddr is where peers reach all channels: Config.Listen with its port. In a
// browser it is the zero AddrPort.
func (c *Conn) DirectAddr() netip.AddrPort { return c.listen }

// Close ends all channels and closes the wrapped conn.
func (c *Conn) Close() error {
	var err error
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.timer.Stop()
		c.mu.Unlock()
		close(c.done)
		c.acting.Wait()
		err = errors.Join(c.release(), c.wrapped.Close())
		c.running.Wait()
	})
	return err
}

// Stats returns what the Conn has counted.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &c.engine.counts
	s := Stats{
		Direct:   Traffic{c.directSent.Load(), c.directReceived.Load()},
		Wrapped:  Traffic{c.wrappedSent.Load(), c.wrappedReceived.Load()},
		Upgrades: n.upgrades, Renewals: n.renewals, Fallbacks: n.fallbacks, Failures: n.failures,
		OffersSent: n.offersSent, OffersHeard: n.offersHeard, Refused: n.refused,
		Resent: n.resent, Unguarded: n.discarded, Overflow: c.inbox.overflow(),
		Pending: c.engine.pending(true) + c.engine.pending(false),
	}
	s.Open = len(c.engine.channels) - s.Pending - len(c.engine.draining)
	return s
}

// Paths returns how the peers are reached that have announced direct paths, or
// asked for one.
func (c *Conn) Paths() []Path {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine.paths(time.Now())
}
