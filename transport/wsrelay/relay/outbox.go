package relay

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

const (
	// A client to which a message takes longer than slowTime is cut. It has lastTime
	// more to get the rest of the message, and to be told why.
	slowTime     = 10 * time.Second
	farewellTime = 5 * time.Second

	// dropsTime is how long drops are counted before the client is told.
	dropsTime = time.Second
)

// outbox is what the relay has to tell a client, as frames of the WebSocket.
type outbox struct {
	mu       sync.Mutex // guards all
	pinging  bool       // a ping goes first
	control  [][]byte   // then these
	waiting  backlog    // then datagrams
	farewell *farewell  // after control, instead of datagrams, and last of all; or nil

	writing bool // the writer runs
	ended   bool // nothing may start any more
	aborted bool // the connection is broken, or is to be once it is there

	keepalive  *time.Timer // until the next ping
	unanswered int         // pings in a row

	drops     [message.DropReasons]uint32 // not yet told
	reporting bool                        // there is a timer to tell them
}

// parting is how the relay ends a session.
type farewell struct {
	frame  []byte
	status websocket.StatusCode
	text   string
}

// statuses are the WebSocket's own words for what the codes say.
var statuses = map[message.Code]websocket.StatusCode{
	message.CodeMalformed: websocket.StatusProtocolError,
	message.CodeVersion:   websocket.StatusPolicyViolation,
	message.CodeToken:     websocket.StatusPolicyViolation,
	message.CodeFull:      websocket.StatusTryAgainLater,
	message.CodePerIP:     websocket.StatusTryAgainLater,
	message.CodeReplaced:  websocket.StatusPolicyViolation,
	message.CodeSlow:      websocket.StatusTryAgainLater,
}

// queue puts a datagram with what waits to be written. When that is full, the
// oldest goes.
func (c *session) queue(from netip.AddrPort, p []byte) {
	c.mu.Lock()
	dropped := 0
	if c.farewell == nil && !c.ended {
		dropped = c.waiting.add(from, p)
		c.startWriter()
	}
	c.mu.Unlock()
	if dropped > 0 {
		c.server.counts.toClients.dropped[message.DropQueue].Add(uint64(dropped))
		c.noteDrop(message.DropQueue, dropped)
	}
}

// say puts a message before all datagrams.
func (c *session) send(message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control = append(c.control, encodeFrame(message))
	c.startWriter()
}

// cut ends the session with an error.
func (c *session) fail(e *message.Error) {
	c.server.counts.errors[e.Code].Add(1)
	c.sayFarewell(&farewell{encodeFrame(e.Encode()), statuses[e.Code], e.Text})
}

// part ends the session with a last message, before which no more datagrams go.
func (c *session) sayFarewell(last *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.farewell == nil {
		c.farewell = last
		c.startWriter()
	}
}

// isParting reports whether the relay is ending the session.
func (c *session) isLeaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.farewell != nil
}

// lost counts datagrams that were dropped, and sees to it that the client is told.
func (c *session) noteDrop(reason message.Drop, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops[reason] = uint32(min(uint64(c.drops[reason])+uint64(n), math.MaxUint32))
	if !c.reporting && !c.ended {
		c.reporting = true
		time.AfterFunc(dropsTime, c.reportDrops)
	}
}

// tell tells the client what was dropped.
func (c *session) reportDrops() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reporting = false
	if c.ended || c.farewell != nil {
		return
	}
	c.control = append(c.control, encodeFrame(message.EncodeDrops(&c.drops)))
	c.drops = [message.DropReasons]uint32{}
	c.startWriter()
}

// wake starts the writer if it does not run. The caller holds c.mu.
func (c *session) startWriter() {
	if !c.writing && !c.ended && c.ws != nil {
		c.writing = true
		c.writer.Go(c.write)
	}
}

// write writes until there is nothing left. What comes meanwhile goes into one
// message; it never waits for more.
func (c *session) write() {
	for {
		frame, p, last := c.outgoing()
		if frame == nil {
			return
		}
		start := time.Now()
		_, err := c.conn.Write(frame)
		if p != nil {
			if err == nil {
				c.server.counts.toClients.add(p.count, len(p.b)-maxHeaderLen)
			}
			p.free()
		}
		switch slow := time.Since(start) > slowTime; {
		case err != nil:
			if slow {
				c.server.counts.errors[message.CodeSlow].Add(1)
			}
			c.ws.CloseNow()
			return
		case last != nil:
			// Package websocket waits for the client's answer, and for all that a
			// frame before it claims to hold, however long that takes.
			end := time.AfterFunc(farewellTime, c.abort)
			c.ws.Close(last.status, last.text)
			end.Stop()
			return
		case slow:
			c.fail(message.Errorf(message.CodeSlow, "too much piled up"))
		}
	}
}

// outgoing returns the next frame, and the parcel that it is of, or what is said
// with it. No frame means that the writer ends.
func (c *session) outgoing() ([]byte, *parcel, *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.pinging:
		c.pinging = false
		return pingFrame, nil, nil
	case len(c.control) > 0:
		m := c.control[0]
		if c.control = c.control[1:]; len(c.control) == 0 {
			c.control = nil
		}
		return m, nil, nil
	case c.farewell != nil:
		return c.farewell.frame, nil, c.farewell
	}
	if p := c.waiting.take(); p != nil {
		return p.encode(), p, nil
	}
	c.writing = false
	return nil, nil, nil
}
