package wsrelay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

const (
	// openTimeout bounds an attempt, from the first packet to the relay's welcome.
	openTimeout = 10 * time.Second

	// silence is how long nothing at all may come from the relay. It pings every 25 s.
	silence = time.Minute

	// stall is how long the network may take no bytes while there are bytes to send.
	stall = 15 * time.Second

	// maxText is how many bytes are kept of the text of a relay's error.
	maxText = 512
)

var (
	errNoWelcome   = errors.New("the relay does not answer")
	errSilent      = errors.New("nothing was heard from the relay for too long")
	errStalled     = errors.New("the network takes nothing")
	errBroken      = errors.New("connection broken")
	errSubprotocol = errors.New("no relay there: the server does not know " + message.Subprotocol)
	errVersion     = errors.New("the relay speaks another version of the protocol")
)

// link is one connection to one relay, from hello to its end.
type link struct {
	conn     *Conn
	relay    *relay
	socket   *socket
	welcomed chan struct{} // closed by receive
	ended    chan struct{} // closed by run, for write
	heard    atomic.Int64  // when the last message came, in Unix milliseconds

	// Used by receive, and after the end by run.
	since  time.Time     // when the welcome came
	back   time.Time     // when the relay will be back, if it has announced a restart
	tryFor time.Duration // for how long to try then
}

func newLink(c *Conn) *link {
	l := &link{
		conn: c, relay: c.relays.current(),
		welcomed: make(chan struct{}), ended: make(chan struct{}),
	}
	l.heard.Store(time.Now().UnixMilli())
	return l
}

// run connects, and returns after the connection and all its goroutines have ended.
func (l *link) run() ending {
	err := l.serve()
	e := ending{err: fmt.Errorf("%s: %w", l.relay.url, err), back: l.back, tryFor: l.tryFor}
	if l.isWelcomed() {
		e.lasted = time.Since(l.since)
	}
	return e
}

func (l *link) serve() error {
	c := l.conn
	ctx, cancel := context.WithTimeout(c.ctx, openTimeout)
	defer cancel()
	var err error
	if l.socket, err = c.cfg.open(ctx, l.relay.url, l.receive); err != nil {
		if ctx.Err() != nil {
			err = errNoWelcome
		}
		return err
	}
	h := message.Hello{Family: c.relays.family, Token: c.cfg.Token, Resume: l.relay.resume}
	if !c.attach(l) {
		l.socket.close(ErrClosed)
	} else if err := l.socket.send(h.Encode()); err != nil {
		l.socket.close(err)
	}
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		l.write(ctx)
	}()
	err = l.socket.run()
	c.out.shutDown()
	c.detach()
	close(l.ended)
	<-wrote
	return err
}

// write sends the queued datagrams until the link has ended. All datagrams that were
// queued during one send go into the next message, as far as they fit.
func (l *link) write(opening context.Context) {
	select {
	case <-l.welcomed:
	case <-opening.Done():
		l.socket.close(cmp.Or(l.conn.closed(), errNoWelcome))
		return
	case <-l.ended:
		return
	}
	out, counts := l.conn.out, &l.conn.counts
	var b []byte
	for {
		var n int
		if b, n = out.message(b); n > 0 {
			if err := l.socket.send(b); err != nil {
				l.socket.close(err)
				return
			}
			counts.sent.add(n, len(b))
			continue
		}
		select {
		case <-out.ready:
		case <-l.ended:
			return
		}
	}
}

// receive handles a message of the relay. An error ends the link.
func (l *link) receive(m []byte) error {
	if len(m) == 0 {
		return fmt.Errorf("empty message: %w", message.ErrMalformed)
	}
	l.heard.Store(time.Now().UnixMilli())
	k, body := message.Kind(m[0]), m[1:]
	if k == message.KindError {
		e, err := message.DecodeError(body)
		if err != nil {
			return malformed(k, err)
		}
		e.Text = strings.ToValidUTF8(e.Text[:min(len(e.Text), maxText)], "")
		return e
	}
	if !l.isWelcomed() {
		return l.greet(k, body)
	}
	return l.handle(k, body)
}

// handle acts on a message after the welcome.
func (l *link) handle(k message.Kind, body []byte) error {
	counts := &l.conn.counts
	switch k {
	case message.KindDatagrams:
		n, err := message.CountDatagrams(body)
		if err != nil {
			return malformed(k, err)
		}
		l.conn.in.addBody(body, n)
		counts.received.add(n, 1+len(body))
	case message.KindRestarting:
		r, err := message.DecodeRestarting(body)
		if err != nil {
			return malformed(k, err)
		}
		l.back, l.tryFor = time.Now().Add(r.ReconnectIn), r.TryFor
	case message.KindDrops:
		var drops [message.DropReasons]uint64
		if err := message.DecodeDrops(body, &drops); err != nil {
			return malformed(k, err)
		}
		for reason, n := range drops {
			counts.refused[reason].Add(n)
		}
	case message.KindHello, message.KindWelcome:
		return malformed(k, message.ErrMalformed)
	}
	return nil
}

// greet handles the first message, which must be a welcome.
func (l *link) greet(k message.Kind, body []byte) error {
	if k != message.KindWelcome {
		return malformed(k, message.ErrMalformed)
	}
	w, v, err := message.DecodeWelcome(body)
	if len(body) > 0 && v != message.Version {
		return fmt.Errorf("%w: %d, not %d", errVersion, v, message.Version)
	}
	if err != nil {
		return malformed(k, err)
	}
	if f := l.conn.relays.family; f != 0 && f != netaddr.Family(w.Lent.Addr()) {
		return fmt.Errorf("the relay lends %v, which is not of IP version %d", w.Lent, f)
	}
	l.relay.resume, l.since = w.Resume, time.Now()
	close(l.welcomed)
	l.conn.connected(l.relay.url, w)
	return nil
}

func (l *link) isWelcomed() bool {
	select {
	case <-l.welcomed:
		return true
	default:
		return false
	}
}

// quietFor returns how long ago the last message came.
func (l *link) quietFor() time.Duration { return time.Since(time.UnixMilli(l.heard.Load())) }

func malformed(k message.Kind, err error) error { return fmt.Errorf("message of type %d: %w", k, err) }
