package relay

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// A WebSocket that waits keeps its buffers, so they are small: one request of a
// client fits into the one for reading, and what is longer goes past it. The
// other one is for the longest control frame, see timelyConn.
const (
	readBuffer  = 256
	writeBuffer = 128
)

// kernelBuffer bounds what the system keeps for one client in either direction,
// in bytes. It would be megabytes for one that does not read.
const kernelBuffer = 128 << 10

// hijacker is a ResponseWriter that hands its connection over with small buffers.
type hijacker struct {
	http.ResponseWriter
	server *Server
	conn   *deadlineConn // set by Hijack
}

// Hijack is that of http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	shrink(conn)
	h.conn = &deadlineConn{Conn: conn, server: h.server}
	// What the client has sent already is in the buffer that goes.
	early, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, err
	}
	h.conn.frames.count(early)
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(early), h.conn), max(readBuffer, len(early)))
	r.Peek(len(early))
	return h.conn, bufio.NewReadWriter(r, bufio.NewWriterSize(h.conn, writeBuffer)), nil
}

// shrink bounds the buffers of the TCP connection below conn, if there is one.
func shrink(conn net.Conn) {
	if t, ok := bottom(conn).(*net.TCPConn); ok {
		t.SetReadBuffer(kernelBuffer)
		t.SetWriteBuffer(kernelBuffer)
	}
}

// bottom is the network connection below conn, which may be TLS.
func bottom(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}
