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
	helloTime    = 10 * time.Second // until the first message has begun
	messageTime  = 10 * time.Second // from the beginning of a message to its end
	pingInterval = 25 * time.Second
	maxPings     = 2 // in a row without an answer
)

// session is one WebSocket of a client. One goroutine reads from it. Another one writes,
// while there is something to write.
type session struct {
	server *Server
	ws     *websocket.Conn // set by open together with conn, under the outbox's lock
	conn   *deadlineConn   // below ws
	prefix netip.Addr      // limit.Prefix64 of the client's address
	lease  *lease          // set by leases.lend; nil before the welcome

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

// abort breaks the connection, without a closing message of TLS that might have to wait.
func (c *session) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	if c.conn != nil {
		bottom(c.conn).Close()
	}
}

// serve reads from the client until the connection ends.
func (c *session) serve() {
	err := c.greet()
	if err == nil {
		err = c.receive()
		c.server.leases.disconnected(c, websocket.CloseStatus(err) == websocket.StatusNormalClosure)
	}
	c.server.cfg.Log.Debug("client disconnected", "from", c.prefix, "reason", err)
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

// onHello handles the first message.
func (c *session) onHello(b []byte) *message.Error {
	if message.Kind(b[0]) != message.KindHello {
		return message.Errorf(message.CodeMalformed, "the first message must be hello")
	}
	// The version is checked first, since another version may have another form.
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

// ping sends a ping, or ends the session if nothing has come since the last maxPings
// pings. Anything read from the connection is a sign of life.
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

// pingLater sets the timer for the next ping. The time is random, so that pings spread
// after a restart. The caller holds c.mu.
func (c *session) pingLater() {
	d := pingInterval - rand.N(pingInterval/8)
	if c.keepalive == nil {
		c.keepalive = time.AfterFunc(d, c.ping)
	} else {
		c.keepalive.Reset(d)
	}
}

// end closes the connection, after the farewell if there is one, and waits until nothing
// of the session runs.
func (c *session) end() {
	c.mu.Lock()
	c.ended = true
	leaving := c.farewell != nil
	if c.keepalive != nil {
		c.keepalive.Stop()
	}
	c.mu.Unlock()
	if !leaving {
		c.ws.CloseNow()
	}
	c.writer.Wait()
	c.ws.CloseNow()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting.clear()
}
