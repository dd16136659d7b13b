package wsrelay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall/js"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// maxBuffered is how many bytes may wait in the browser, which has no bound of its own.
// Further datagrams wait in the queue, where the oldest can be dropped.
const maxBuffered = 64 << 10

// drainPause is how often to look whether fewer bytes wait. Browsers have no event for
// it.
const drainPause = 20 * time.Millisecond

// closeAway is the status of a client that may come back. A page can choose status
// 1000, for a client that will not, or one from 3000 on.
const closeAway = 3000

// socket is the browser's WebSocket; the native twin is in socket.go. In a browser
// nothing runs at the same time, so there is no lock.
type socket struct {
	ws      js.Value
	receive func(message []byte) error
	events  map[string]js.Func // by the name of the property
	in      []byte             // the last message, reused
	out     js.Value           // a Uint8Array for the message to send, reused
	opened  chan struct{}
	ended   chan struct{} // closed after cause is set
	cause   error
}

// openSocket opens a WebSocket: see opener.
func openSocket(ctx context.Context, url string, receive func([]byte) error) (*socket, error) {
	ws, err := newWebSocket(url)
	if err != nil {
		return nil, err
	}
	s := &socket{
		ws: ws, receive: receive,
		out:    uint8Array.New(message.MaxLen),
		opened: make(chan struct{}), ended: make(chan struct{}),
	}
	s.ws.Set("binaryType", "arraybuffer")
	s.listen()
	select {
	case <-s.opened:
	case <-s.ended:
	case <-ctx.Done():
		s.close(ctx.Err())
	}
	if s.cause != nil {
		return nil, s.run()
	}
	if !s.ws.Get("protocol").Equal(js.ValueOf(message.Subprotocol)) {
		s.close(errSubprotocol)
		return nil, s.run()
	}
	return s, nil
}

var uint8Array = js.Global().Get("Uint8Array")

// newWebSocket calls the browser's constructor, and returns its exceptions as errors. It
// throws when a page may not use a URL at all.
func newWebSocket(url string) (ws js.Value, err error) {
	constructor := js.Global().Get("WebSocket")
	if constructor.Type() != js.TypeFunction {
		return ws, fmt.Errorf("%w: there is no WebSocket; Node.js has one from version 22 on", errForbidden)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: %w", errForbidden, err)
		}
	}()
	defer catch(&err)
	return constructor.New(url, message.Subprotocol), nil
}

// listen sets the handlers of events.
func (s *socket) listen() {
	s.events = map[string]js.Func{
		"onopen": js.FuncOf(func(js.Value, []js.Value) any {
			close(s.opened)
			return nil
		}),
		"onmessage": js.FuncOf(func(_ js.Value, args []js.Value) any {
			if s.cause != nil {
				return nil
			}
			if err := s.message(args[0].Get("data")); err != nil {
				s.close(err)
			}
			return nil
		}),
		// A close follows, except in some versions of Node.js. Browsers do not name
		// the error.
		"onerror": js.FuncOf(func(js.Value, []js.Value) any {
			s.close(errBroken)
			return nil
		}),
		"onclose": js.FuncOf(func(_ js.Value, args []js.Value) any {
			code, reason := args[0].Get("code").Int(), args[0].Get("reason").String()
			s.close(fmt.Errorf("closed by the relay, status %d %s", code, reason))
			return nil
		}),
	}
	for name, f := range s.events {
		s.ws.Set(name, f)
	}
}

// message handles the data of one event.
func (s *socket) message(data js.Value) error {
	if data.Type() == js.TypeString {
		return fmt.Errorf("text message: %w", message.ErrMalformed)
	}
	view := uint8Array.New(data)
	n := view.Length()
	if n > message.MaxLen {
		return fmt.Errorf("message of %d bytes: %w", n, message.ErrMalformed)
	}
	s.in = slices.Grow(s.in[:0], n)[:n]
	js.CopyBytesToGo(s.in, view)
	return s.receive(s.in)
}

// run waits until the socket ends, and returns why it ended. The browser's events pass
// messages to receive.
func (s *socket) run() error {
	<-s.ended
	for name, f := range s.events {
		s.ws.Set(name, js.Null())
		f.Release()
	}
	return s.cause
}

// send sends b as a message. It returns when there is room for another one, or with an
// error if there is no room for longer than stall.
func (s *socket) send(b []byte) error {
	if s.cause != nil {
		return s.cause
	}
	js.CopyBytesToJS(s.out, b)
	if err := s.call("send", s.out.Call("subarray", 0, len(b))); err != nil {
		return err
	}
	var d drain
	for {
		buffered := s.ws.Get("bufferedAmount").Int()
		if buffered < maxBuffered {
			return nil
		}
		if d.stalled(time.Now(), buffered) {
			return errStalled
		}
		select {
		case <-time.After(drainPause):
		case <-s.ended:
			return s.cause
		}
	}
}

// drain watches whether the bytes that wait in the browser become fewer.
type drain struct {
	least int // seen so far
	since time.Time
}

// stalled reports whether they have not become fewer for longer than stall.
func (d *drain) stalled(now time.Time, buffered int) bool {
	if d.since.IsZero() || buffered < d.least {
		d.least, d.since = buffered, now
	}
	return now.Sub(d.since) > stall
}

// close ends the socket, and returns the cause of the first call. For the cause
// ErrClosed it tells the relay that the client will not come back.
func (s *socket) close(cause error) error {
	if s.cause != nil {
		return s.cause
	}
	s.cause = cause
	close(s.ended)
	status := closeAway
	if cause == ErrClosed {
		status = 1000
	}
	s.call("close", status)
	return cause
}

// call calls a method.
func (s *socket) call(method string, arg any) (err error) {
	defer catch(&err)
	s.ws.Call(method, arg)
	return nil
}

// catch, deferred, turns an exception into an error.
func catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case js.Error:
		*err = e
	default:
		panic(e)
	}
}

var errNetwork = errors.New("the network has changed")

// watchPlatform wakes c when the browser reports that the network is back, or shows the
// page again. A Worker hears of the network only, Node.js of neither.
func watchPlatform(c *Conn) (stop func()) {
	online := js.FuncOf(func(js.Value, []js.Value) any {
		c.wake(0, errNetwork) // an open connection may be dead, and not show it for minutes
		return nil
	})
	global, document := js.Global(), js.Global().Get("document")
	visible := js.FuncOf(func(js.Value, []js.Value) any {
		if document.Get("visibilityState").Equal(js.ValueOf("visible")) {
			c.Wake()
		}
		return nil
	})
	listen := func(method string) {
		if global.Get(method).Type() == js.TypeFunction {
			global.Call(method, "online", online)
		}
		if document.Truthy() {
			document.Call(method, "visibilitychange", visible)
		}
	}
	listen("addEventListener")
	return func() {
		listen("removeEventListener")
		online.Release()
		visible.Release()
	}
}
