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
)

const (
	// openTimeout bounds an attempt: to open the WebSocket, and then to hear the
	// relay's welcome.
	openTimeout = 10 * time.Second

	// silence is how long the relay may say nothing at all. It pings every 25 s,
	// and gives up a client after two of these itself.
	silence = time.Minute

	// stall is how long the network may take nothing of what is to be sent.
	stall = 15 * time.Second

	// maxText is how many bytes of a relay's text are kept.
	maxText = 512
)

var (
	errNoWelcome   = errors.New("the relay does not answer")
	errSilent      = errors.New("nothing was heard from the relay for too long")
	errStalled     = errors.New("the network takes nothing")
	errBroken      = errors.New("connection broken")
	errSubprotocol = errors.New("no relay there: the server does not know " + Subprotocol)
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

	// Of receive, and of run after the end.
	since  time.Time // when the welcome came
	back   time.Time // when the relay will be back, if it said that it goes
	tryFor time.Duration
}

func newLink(c *Conn) *link {
	l := &link{
		conn: c, relay: c.relays.current(),
		welcomed: make(chan struct{}), ended: make(chan struct{}),
	}
	l.heard.Store(time.Now().UnixMilli())
	return l
}

// run connects and returns when the connection is over, and all its goroutines
// are.
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
	h := hello{family: c.family, token: c.cfg.Token, resume: l.relay.resume}
	if !c.attach(l) {
		l.socket.close(ErrClosed)
	} else if err := l.socket.send(h.encode()); err != nil {
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

// write sends what is queued until the link has ended. Whatever has gathered
// while the last message was being sent goes into the next one.
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

// receive takes a message of the relay. The error that it returns ends the link.
func (l *link) receive(message []byte) error {
	if len(message) == 0 {
		return fmt.Errorf("empty message: %w", errMalformed)
	}
	l.heard.Store(time.Now().UnixMilli())
	k, body := kind(message[0]), message[1:]
	if k == kindError {
		code, text, err := decodeError(body)
		if err != nil {
			return malformed(k, err)
		}
		return &RelayError{code, strings.ToValidUTF8(text[:min(len(text), maxText)], "")}
	}
	if !l.isWelcomed() {
		return l.greet(k, body)
	}
	switch k {
	case kindDatagrams:
		n, err := countDatagrams(body)
		if err != nil {
			return malformed(k, err)
		}
		l.conn.in.addBody(body, n)
		l.conn.counts.received.add(n, len(message))
	case kindRestarting:
		r, err := decodeRestarting(body)
		if err != nil {
			return malformed(k, err)
		}
		l.back, l.tryFor = time.Now().Add(r.reconnectIn), r.tryFor
	case kindDrops:
		var counts [drops]uint64
		if err := decodeDrops(body, &counts); err != nil {
			return malformed(k, err)
		}
		for reason, n := range counts {
			l.conn.counts.refused[reason].Add(n)
		}
	case kindHello, kindWelcome:
		return malformed(k, errMalformed)
	}
	return nil
}

// greet takes the first message, which must be a welcome.
func (l *link) greet(k kind, body []byte) error {
	if k != kindWelcome {
		return malformed(k, errMalformed)
	}
	w, v, err := decodeWelcome(body)
	if len(body) > 0 && v != version {
		return fmt.Errorf("%w: %d, not %d", errVersion, v, version)
	}
	if err != nil {
		return malformed(k, err)
	}
	if f := l.conn.family; f != 0 && f != netaddr.Family(w.lent.Addr()) {
		return fmt.Errorf("the relay lends %v, which is not of IP version %d", w.lent, f)
	}
	l.relay.resume, l.since = w.resume, time.Now()
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

func malformed(k kind, err error) error { return fmt.Errorf("message of type %d: %w", k, err) }
