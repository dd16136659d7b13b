package relay

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
)

// A WebSocket that waits keeps its buffers, so they are small, in bytes. One request of a
// client fits into the buffer for reading, and longer messages bypass it. The buffer for
// writing is for control frames only: see deadlineConn.
const (
	readBuffer  = 256
	writeBuffer = 128
)

// kernelBuffer bounds the bytes that the system keeps for one client in each direction.
// For a client that does not read it would be megabytes.
const kernelBuffer = 128 << 10

// hijacker is a ResponseWriter whose Hijack returns a connection with small buffers.
type hijacker struct {
	http.ResponseWriter
	server *Server
	conn   *deadlineConn // set by Hijack
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	shrink(conn)
	h.conn = &deadlineConn{Conn: conn, server: h.server}
	// The buffer that is given up has the bytes that the client has already sent.
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

// bottom returns the network connection below conn, which may be a TLS connection.
func bottom(conn net.Conn) net.Conn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = outer.NetConn()
	}
}
