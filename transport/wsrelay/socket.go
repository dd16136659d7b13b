//go:build !js

package wsrelay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// socket is a WebSocket; the browser's twin is in socket_js.go.
type socket struct {
	ws      *websocket.Conn
	raw     *deadlineConn
	receive func(message []byte) error
	buf     []byte // of the message that is being read

	mu    sync.Mutex
	cause error // the first reason to end the socket
}

// openSocket opens a WebSocket: see opener.
func openSocket(ctx context.Context, url string, receive func([]byte) error) (*socket, error) {
	return openVia(ctx, new(net.Dialer).DialContext, url, receive)
}

// dialer is (*net.Dialer).DialContext, or stands for it in a test.
type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

func openVia(ctx context.Context, dial dialer, url string, receive func([]byte) error) (*socket, error) {
	s := &socket{receive: receive}
	var err error
	var stop func() bool
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// The context of this call would outlive the request, since another request
		// might use the connection.
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			s.raw = &deadlineConn{Conn: c}
			stop = context.AfterFunc(ctx, func() { c.Close() }) // ends a TLS handshake
			return s.raw, nil
		},
		DisableKeepAlives: true,
	}
	s.ws, _, err = websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient:   &http.Client{Transport: transport},
		Subprotocols: []string{message.Subprotocol},
	})
	if err != nil {
		return nil, root(err)
	}
	stop()
	if s.ws.Subprotocol() != message.Subprotocol {
		s.ws.CloseNow()
		return nil, errSubprotocol
	}
	s.ws.SetReadLimit(message.MaxLen)
	return s, nil
}

// run passes messages to receive until the socket ends, and returns why it ended.
func (s *socket) run() error {
	for {
		b, err := s.read()
		if err == nil {
			err = s.receive(b)
		}
		if err != nil {
			return s.close(err)
		}
	}
}

// read returns the next message. Its bytes are reused by the next call.
func (s *socket) read() ([]byte, error) {
	kind, r, err := s.ws.Reader(context.Background())
	if err != nil {
		return nil, ended(err)
	}
	if kind != websocket.MessageBinary {
		return nil, fmt.Errorf("text message: %w", message.ErrMalformed)
	}
	b := s.buf[:0]
	for {
		b = slices.Grow(b, 1)
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF && s.raw.broken.Load():
			return nil, io.ErrUnexpectedEOF // the rest of the message is missing
		case err == io.EOF:
			s.buf = b
			return b, nil
		case err != nil:
			return nil, ended(err)
		}
	}
}

// send sends b as a message. It waits for at most stall while the network takes no
// bytes.
func (s *socket) send(b []byte) error {
	err := s.ws.Write(context.Background(), websocket.MessageBinary, b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	}
	return ended(err)
}

// close ends the socket, and returns the cause of the first call. For the cause
// ErrClosed it tells the relay that the client will not come back.
func (s *socket) close(cause error) error {
	s.mu.Lock()
	if s.cause == nil {
		s.cause = cause
	}
	cause = s.cause
	s.mu.Unlock()
	if cause == ErrClosed {
		s.raw.leave()
		s.ws.Close(websocket.StatusNormalClosure, "")
	} else {
		s.ws.CloseNow()
	}
	return cause
}

// closeTimeout is how long Close may take to tell the relay.
const closeTimeout = time.Second

// deadlineConn is the network connection below a WebSocket, with a deadline for each
// read and write. Package websocket does not report pings, but they show that the relay
// is there.
type deadlineConn struct {
	net.Conn
	broken atomic.Bool // a read has failed

	mu      sync.Mutex // guards leaving, and the setting of deadlines by it
	leaving bool
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	c.extend(c.SetReadDeadline, silence)
	n, err := c.Conn.Read(b)
	if err != nil {
		c.broken.Store(true)
	}
	return n, err
}

func (c *deadlineConn) Write(b []byte) (int, error) {
	c.extend(c.SetWriteDeadline, stall)
	return c.Conn.Write(b)
}

func (c *deadlineConn) extend(set func(time.Time) error, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.leaving {
		set(time.Now().Add(d))
	}
}

// leave bounds the time of all further reads and writes together by closeTimeout.
func (c *deadlineConn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = true
	c.SetDeadline(time.Now().Add(closeTimeout))
}

// ended returns an error for people for the error of websocket at an end.
func ended(err error) error {
	var c websocket.CloseError
	switch {
	case errors.As(err, &c):
		return fmt.Errorf("closed by the relay, status %d %s", c.Code, c.Reason)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSilent
	}
	return fmt.Errorf("%w: %w", errBroken, root(err))
}

// root is the innermost of wrapped errors. The outer ones name addresses and operations
// that the caller names too.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// watchPlatform does nothing: only browsers report that the network is back.
func watchPlatform(*Conn) (stop func()) { return func() {} }
