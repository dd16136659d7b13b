package relay

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// timelyConn is the connection below a WebSocket. Its writes do not wait forever,
// it notices when it reads, and it reads slowly from a client that sends too many
// frames.
//
// The relay writes data frames and pings to it itself, each with one Write, as
// package websocket does with the answers to pings and the closing frame: so they
// come one behind the other. Through that package, a message would take a buffer
// for each peer or two packets, and a ping a goroutine that waits for the answer.
type deadlineConn struct {
	net.Conn
	server *Server
	heard  atomic.Bool // something was read since this was last set to false

	// Of the reader.
	frames frameCounter
	read   limit.Bucket // of frames
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.heard.Load() {
		c.heard.Store(true)
	}
	if begun := c.frames.count(b[:n]); begun > 0 && !c.read.Take(c.server.now(), c.server.cfg.Limits.frames(), float64(begun)) {
		c.server.counts.paused.Add(1)
		time.Sleep(pauseTime)
	}
	return n, err
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(slowTime + farewellTime))
	return c.Conn.Write(b)
}

// NetConn is the connection itself.
func (c *deadlineConn) NetConn() net.Conn { return c.Conn }

// The first byte of frames that are whole messages (RFC 6455, section 5.2).
const (
	finalBinary = 0x82
	finalPing   = 0x89
)

var pingFrame = []byte{finalPing, 0}

// maxHeader is the longest header of a frame from a server.
const maxHeaderLen = 10

// frame makes a frame of a message that stands in b behind room for the header.
// The frame is part of b.
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

// newFrame makes a frame of a message.
func encodeFrame(message []byte) []byte {
	return addHeader(append(make([]byte, maxHeaderLen), message...))
}
