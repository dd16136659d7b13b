package relay

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// batchLen is how many datagrams go to a socket at once.
const batchLen = 64

// pauseTime is how long a client that sends too much is not read from.
const pauseTime = 100 * time.Millisecond

// inbox has the memory to receive one message. A session that waits for a message has no
// inbox.
type inbox struct {
	b      [message.MaxLen + 1]byte
	parser *wire.Parser

	// The first n datagrams of the message that are yet to be sent.
	n    int
	bufs [batchLen][]byte
	to   [batchLen]netip.AddrPort
}

var inboxes = sync.Pool{New: func() any { return &inbox{parser: wire.NewParser()} }}

// errLeaving is the end of a session that the relay ends.
var errLeaving = errors.New("ended by the relay")

// receive handles messages until the connection ends, and returns why it ended.
func (c *session) receive() error {
	for {
		over, err := c.receiveOne()
		if err == message.ErrMalformed {
			c.fail(message.Errorf(message.CodeMalformed, "%v", err))
		}
		if err != nil {
			return err
		}
		if over {
			time.Sleep(pauseTime)
		}
	}
}

// receiveOne waits for a message and handles it. over means that the client sends more
// than it may.
func (c *session) receiveOne() (over bool, err error) {
	in, b, err := c.next()
	if err != nil {
		return false, err
	}
	defer inboxes.Put(in)
	if c.isLeaving() {
		return false, errLeaving
	}
	switch message.Kind(b[0]) {
	case message.KindDatagrams:
		if len(b) > 1 {
			return c.forward(in, b[1:])
		}
	case message.KindHello, message.KindWelcome, message.KindRestarting, message.KindError, message.KindDrops:
		return false, message.ErrMalformed
	}
	return !c.lease.allowSend(c.server.now(), len(b)), nil // an empty message is work as well
}

// next waits for a message of at least one byte, and takes an inbox for it. Unless there
// is an error, the caller gives the inbox back.
func (c *session) next() (*inbox, []byte, error) {
	typ, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return nil, nil, err
	}
	c.conn.SetReadDeadline(time.Now().Add(messageTime))
	in := inboxes.Get().(*inbox)
	b, err := in.read(r)
	c.conn.SetReadDeadline(time.Time{})
	if err == nil && (typ != websocket.MessageBinary || len(b) == 0) {
		err = message.ErrMalformed
	}
	if err != nil {
		inboxes.Put(in)
		return nil, nil, err
	}
	return in, b, nil
}

// read reads a message to its end.
func (in *inbox) read(r io.Reader) ([]byte, error) {
	n := 0
	for {
		m, err := r.Read(in.b[n:])
		n += m
		switch {
		case n > message.MaxLen:
			return nil, message.ErrMalformed
		case err == io.EOF:
			return in.b[:n], nil
		case err != nil:
			return nil, err
		}
	}
}

// forward sends the datagrams of a message to their destinations. over means that the
// client sends more than it may.
func (c *session) forward(in *inbox, rest []byte) (over bool, err error) {
	defer in.flush(c)
	for len(rest) > 0 {
		var to netip.AddrPort
		var p []byte
		if to, p, rest, err = message.NextDatagram(rest); err != nil {
			return over, message.ErrMalformed
		}
		other, reason, ok := c.lease.decide(to, p, in.parser)
		switch {
		case !ok:
			c.server.counts.fromClients.dropped[reason].Add(1)
			c.noteDrop(reason, 1)
			over = over || reason == message.DropRate
		case other != nil:
			c.server.counts.fromClients.add(1, len(p))
			other.deliver(c.lease.addr, p)
		default:
			in.add(c, to, p)
		}
	}
	return over, nil
}

// add adds a datagram to the batch, and sends the batch when it is full.
func (in *inbox) add(c *session, to netip.AddrPort, p []byte) {
	in.bufs[in.n], in.to[in.n] = p, to
	if in.n++; in.n == batchLen {
		in.flush(c)
	}
}

// flush sends the batch.
func (in *inbox) flush(c *session) {
	if in.n == 0 {
		return
	}
	sent, size := c.lease.sock.Send(in.bufs[:in.n], in.to[:in.n])
	c.server.counts.fromClients.add(sent, size)
	if failed := in.n - sent; failed > 0 {
		c.server.counts.fromClients.dropped[message.DropSystem].Add(uint64(failed))
		c.noteDrop(message.DropSystem, failed)
	}
	in.n = 0
}
