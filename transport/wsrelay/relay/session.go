package relay

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

const (
	helloTime    = 10 * time.Second // for the first message to come
	messageTime  = 10 * time.Second // for a message to come as a whole, once it has begun
	pingInterval = 25 * time.Second
	maxPings     = 2 // in a row without an answer
)

// session is one WebSocket of a client. One goroutine reads it; another one
// writes, as long as there is something to write.
type session struct {
	server *Server
	ws     *websocket.Conn // set by open, as is conn, under the outbox's lock
	conn   *deadlineConn   // below ws
	prefix netip.Addr      // where the client comes from
	lease  *lease          // nil before the welcome; set by the book

	writer sync.WaitGroup
	outbox
}

// open gives the session its connection.
func (c *session) open(ws *websocket.Conn, conn *deadlineConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws, c.conn = ws, conn
	if c.aborted {
		bottom(conn).Close()
	} else if c.farewell != nil {
		c.startWriter()
	}
}

// abort breaks the connection, without a word of TLS that might have to wait.
func (c *session) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	if c.conn != nil {
		bottom(c.conn).Close()
	}
}

// serve talks to the client until the connection ends.
func (c *session) serve() {
	err := c.greet()
	if err == nil {
		err = c.receive()
		c.server.leases.disconnected(c, websocket.CloseStatus(err) == websocket.StatusNormalClosure)
	}
	c.server.cfg.Log.Debug("client left", "site", c.prefix, "reason", err)
	c.end()
}

// greet waits for hello and answers with welcome, or an error.
func (c *session) greet() error {
	c.conn.SetReadDeadline(time.Now().Add(helloTime))
	in, b, err := c.next()
	var refusal *message.Error
	switch {
	case err == message.ErrMalformed:
		refusal = message.Errorf(message.CodeMalformed, "%v", err)
	case err != nil:
		return err
	default:
		refusal = c.onHello(b)
		inboxes.Put(in)
	}
	if refusal == nil {
		return nil
	}
	c.fail(refusal)
	return refusal
}

// hello acts on the first message.
func (c *session) onHello(b []byte) *message.Error {
	if message.Kind(b[0]) != message.KindHello {
		return message.Errorf(message.CodeMalformed, "the first message must be hello")
	}
	// The version comes first, since others may have another form behind it.
	if len(b) > 1 && b[1] != message.Version {
		return message.Errorf(message.CodeVersion, "this relay speaks version %d", message.Version)
	}
	h, _, err := message.DecodeHello(b[1:])
	if err != nil {
		return message.Errorf(message.CodeMalformed, "malformed hello")
	}
	if !c.server.cfg.Access.allowsToken(h.Token) {
		if h.Token == "" {
			return message.Errorf(message.CodeToken, "this relay wants a token")
		}
		return message.Errorf(message.CodeToken, "this relay wants a token, and not this one")
	}
	return c.server.admit(c, &h)
}

// ping asks the client for a sign of life, and ends the session if there was none
// since the last times. All that comes is one.
func (c *session) ping() {
	c.lease.forget()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return
	case c.conn.heard.Swap(false):
		c.unanswered = 0
	case c.unanswered == maxPings:
		c.server.counts.silent.Add(1)
		bottom(c.conn).Close()
		return
	}
	c.unanswered++
	c.pinging = true
	c.startWriter()
	c.pingLater()
}

// pingLater sets the timer for the next ping: not the same for all, so that they
// spread after a restart. The caller holds c.mu.
func (c *session) pingLater() {
	d := pingInterval - rand.N(pingInterval/8)
	if c.keepalive == nil {
		c.keepalive = time.AfterFunc(d, c.ping)
	} else {
		c.keepalive.Reset(d)
	}
}

// end closes the connection, after the writer has said farewell if it was to, and
// waits until nothing of the session is left.
func (c *session) end() {
	c.mu.Lock()
	c.ended = true
	parting := c.farewell != nil
	if c.keepalive != nil {
		c.keepalive.Stop()
	}
	c.mu.Unlock()
	if !parting {
		c.ws.CloseNow()
	}
	c.writer.Wait()
	c.ws.CloseNow()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting.clear()
}
