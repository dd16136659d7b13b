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
	// A client that takes longer than slowTime for one message is disconnected. It has
	// farewellTime more for the rest of the message, and the error.
	slowTime     = 10 * time.Second
	farewellTime = 5 * time.Second

	// dropsTime is how long drops are counted before they are reported to the client.
	dropsTime = time.Second
)

// outbox has the frames that wait to be written to a client.
type outbox struct {
	mu       sync.Mutex // guards all fields
	pinging  bool       // a ping is written first
	control  [][]byte   // then these frames
	waiting  backlog    // then datagrams
	farewell *farewell  // written last, after control and without datagrams; or nil

	writing bool // the writer runs
	ended   bool // the writer and timers must not start any more
	aborted bool // the connection is to be broken, perhaps before it is open

	keepalive  *time.Timer // until the next ping
	unanswered int         // pings in a row

	drops     [message.DropReasons]uint32 // since the last report
	reporting bool                        // a timer for the next report runs
}

// farewell is the last message of a session, and the closing frame after it.
type farewell struct {
	frame  []byte
	status websocket.StatusCode
	text   string
}

// statuses are the WebSocket statuses for the codes.
var statuses = map[message.Code]websocket.StatusCode{
	message.CodeMalformed: websocket.StatusProtocolError,
	message.CodeVersion:   websocket.StatusPolicyViolation,
	message.CodeToken:     websocket.StatusPolicyViolation,
	message.CodeFull:      websocket.StatusTryAgainLater,
	message.CodePerIP:     websocket.StatusTryAgainLater,
	message.CodeReplaced:  websocket.StatusPolicyViolation,
	message.CodeSlow:      websocket.StatusTryAgainLater,
}

// queue queues a datagram. When the backlog is full, the oldest datagrams are dropped.
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

// send queues a message before all datagrams.
func (c *session) send(message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control = append(c.control, encodeFrame(message))
	c.startWriter()
}

// fail ends the session with an error.
func (c *session) fail(e *message.Error) {
	c.server.counts.errors[e.Code].Add(1)
	c.sayFarewell(&farewell{encodeFrame(e.Encode()), statuses[e.Code], e.Text})
}

// sayFarewell ends the session with a last message. Queued datagrams are not written.
func (c *session) sayFarewell(last *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.farewell == nil {
		c.farewell = last
		c.startWriter()
	}
}

// isLeaving reports whether the relay is ending the session.
func (c *session) isLeaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.farewell != nil
}

// noteDrop counts dropped datagrams for the next report to the client.
func (c *session) noteDrop(reason message.Drop, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drops[reason] = uint32(min(uint64(c.drops[reason])+uint64(n), math.MaxUint32))
	if !c.reporting && !c.ended {
		c.reporting = true
		time.AfterFunc(dropsTime, c.reportDrops)
	}
}

// reportDrops tells the client how many datagrams were dropped.
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

// startWriter starts the writer if it does not run. The caller holds c.mu.
func (c *session) startWriter() {
	if !c.writing && !c.ended && c.ws != nil {
		c.writing = true
		c.writer.Go(c.write)
	}
}

// write writes frames until none is left. Datagrams that come during one write go into
// one message.
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
			// Without a limit, package websocket waits for the client's closing
			// frame, and for the whole payload of a frame before it.
			end := time.AfterFunc(farewellTime, c.abort)
			c.ws.Close(last.status, last.text)
			end.Stop()
			return
		case slow:
			c.fail(message.Errorf(message.CodeSlow, "too much piled up"))
		}
	}
}

// outgoing returns the next frame, with its parcel if it has datagrams, or the farewell.
// Without a frame the writer ends.
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
