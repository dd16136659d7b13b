package relay

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// deadlineConn is the network connection below a WebSocket. Each write has a deadline,
// each read leaves a sign of life, and a client that sends too many frames is read slowly.
//
// The relay writes data frames and pings to it without package websocket, each with one
// Write. The package writes pongs and closing frames in the same way, so that frames do
// not mix. A message through the package would take a buffer for each client or two
// packets, and a ping would take a goroutine that waits for the pong.
type deadlineConn struct {
	net.Conn
	server *Server
	heard  atomic.Bool // set by each read, cleared by the session's pings

	// Used by the reader only.
	frames frameCounter
	read   limit.Bucket // of frames
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.heard.Load() {
		c.heard.Store(true)
	}
	begun := c.frames.count(b[:n])
	if begun > 0 && !c.read.Take(c.server.now(), c.server.cfg.Limits.frames(), float64(begun)) {
		c.server.counts.paused.Add(1)
		time.Sleep(pauseTime)
	}
	return n, err
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(slowTime + farewellTime))
	return c.Conn.Write(b)
}

// NetConn returns the connection itself.
func (c *deadlineConn) NetConn() net.Conn { return c.Conn }

// First bytes of frames that are whole messages (RFC 6455, section 5.2).
const (
	finalBinary = 0x82
	finalPing   = 0x89
)

var pingFrame = []byte{finalPing, 0}

// maxHeaderLen is the length of the longest header of a frame from a server.
const maxHeaderLen = 10

// addHeader puts a header before the message in b, which has maxHeaderLen bytes of room
// in front. It returns the frame, a part of b.
func addHeader(b []byte) []byte {
	n := len(b) - maxHeaderLen
	switch {
	case n < 126:
		b = b[maxHeaderLen-2:]
		b[1] = byte(n)
	case n <= 65535:
		b = b[maxHeaderLen-4:]
		b[1] = 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
	default:
		b[1] = 127
		binary.BigEndian.PutUint64(b[2:], uint64(n))
	}
	b[0] = finalBinary
	return b
}

// encodeFrame returns the frame of a message.
func encodeFrame(message []byte) []byte {
	return addHeader(append(make([]byte, maxHeaderLen), message...))
}
