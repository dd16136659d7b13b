package wsrelay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// fakeBrowser stands for the global WebSocket, and for the events of a window.
type fakeBrowser struct {
	t       *testing.T
	sockets chan *fakeSocket
	events  map[string]js.Value // handlers on window and document
}

// fakeSocket is one WebSocket of it.
type fakeSocket struct {
	this     js.Value
	url      string
	sent     chan []byte
	statuses chan int // of close
}

// browser replaces globals for the length of a test.
func browser(t *testing.T) *fakeBrowser {
	b := &fakeBrowser{t: t, sockets: make(chan *fakeSocket, 100), events: make(map[string]js.Value)}
	listen := b.function(func(_ js.Value, args []js.Value) any {
		b.events[args[0].String()] = args[1]
		return nil
	})
	unlisten := b.function(func(_ js.Value, args []js.Value) any {
		if b.events[args[0].String()].Equal(args[1]) {
			delete(b.events, args[0].String())
		}
		return nil
	})
	document := js.ValueOf(map[string]any{"visibilityState": "hidden"})
	for _, target := range []js.Value{js.Global(), document} {
		target.Set("addEventListener", listen)
		target.Set("removeEventListener", unlisten)
	}
	b.set("document", document)
	b.set("WebSocket", b.function(b.construct))
	return b
}

// set sets a global variable until the test is over.
func (b *fakeBrowser) set(name string, v any) {
	before := js.Global().Get(name)
	js.Global().Set(name, v)
	b.t.Cleanup(func() { js.Global().Set(name, before) })
}

// function is never released: a Conn that is closed late may call it.
func (b *fakeBrowser) function(f func(js.Value, []js.Value) any) js.Func { return js.FuncOf(f) }

// construct is the constructor WebSocket.
func (b *fakeBrowser) construct(this js.Value, args []js.Value) any {
	if args[1].String() != message.Subprotocol {
		b.t.Errorf("subprotocol = %s, want %s", args[1], message.Subprotocol)
	}
	s := &fakeSocket{this: this, url: args[0].String(), sent: make(chan []byte, 1000), statuses: make(chan int, 10)}
	this.Set("bufferedAmount", 0)
	this.Set("protocol", "")
	this.Set("send", b.function(func(_ js.Value, args []js.Value) any {
		message := make([]byte, args[0].Length())
		js.CopyBytesToGo(message, args[0])
		s.sent <- message
		return nil
	}))
	this.Set("close", b.function(func(_ js.Value, args []js.Value) any {
		s.statuses <- args[0].Int()
		return nil
	}))
	// Later: while a function of Go is called, other goroutines go on, but nothing
	// happens to a new WebSocket before the caller has returned to the event loop.
	js.Global().Call("setTimeout", b.function(func(js.Value, []js.Value) any {
		b.sockets <- s
		return nil
	}), 0)
	return nil
}

// fire calls a handler of the socket, if it has one.
func (s *fakeSocket) fire(name string, event map[string]any) {
	if f := s.this.Get(name); f.Type() == js.TypeFunction {
		f.Invoke(event)
	}
}

func (s *fakeSocket) open() {
	s.this.Set("protocol", message.Subprotocol)
	s.fire("onopen", nil)
}

func (s *fakeSocket) message(b []byte) {
	array := uint8Array.New(len(b))
	js.CopyBytesToJS(array, b)
	s.fire("onmessage", map[string]any{"data": array.Get("buffer")})
}

// accept waits for the next WebSocket, opens it, and answers its hello with a
// welcome.
func (b *fakeBrowser) accept(addr netip.AddrPort) (*fakeSocket, message.Hello) {
	b.t.Helper()
	s := take(b.t, b.sockets)
	if kind := s.this.Get("binaryType").String(); kind != "arraybuffer" {
		b.t.Errorf("binaryType = %s, want arraybuffer", kind)
	}
	s.open()
	first := take(b.t, s.sent)
	h, v, err := message.DecodeHello(first[1:])
	if err != nil || v != message.Version || message.Kind(first[0]) != message.KindHello {
		b.t.Errorf("first message = %x, want a hello", first)
	}
	s.message((&message.Welcome{Lent: addr, MaxDatagram: message.MaxDatagram, Resume: "token"}).Encode())
	return s, h
}

// take takes a value off c, or fails after a while.
func take[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within 10s")
	}
	return v
}

// dialBrowser dials, closes the Conn with the test, and tells its states.
func dialBrowser(t *testing.T) (*Conn, <-chan State) {
	t.Helper()
	cfg, states := watched(Config{Relays: []string{"https://relay.example"}})
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Dial = %v, want nil", err)
	}
	t.Cleanup(func() { c.Close() })
	return c, states
}

// browserPair is a client and its WebSocket.
func browserPair(t *testing.T) (*fakeBrowser, *Conn, *fakeSocket, <-chan State) {
	b := browser(t)
	sockets := make(chan *fakeSocket, 1)
	go func() {
		s, _ := b.accept(v4)
		sockets <- s
	}()
	c, states := dialBrowser(t)
	next(t, states, Connected)
	return b, c, <-sockets, states
}

func TestBrowserReadAndWrite(t *testing.T) {
	_, c, s, _ := browserPair(t)
	if s.url != "wss://relay.example/relay" || c.LocalAddr() != v4 {
		t.Errorf("url = %s, LocalAddr = %v, want wss://relay.example/relay, %v", s.url, c.LocalAddr(), v4)
	}
	want := []datagram{{v4, "a"}, {v6, ""}, {v4, strings.Repeat("long", 16000)}}
	for _, d := range want {
		write(t, c, d.addr, d.payload) // without a pause between: one message
	}
	if got := datagrams(t, take(t, s.sent)); !slices.Equal(got, want) {
		t.Errorf("relay got %d datagrams, or other ones, want %d", len(got), len(want))
	}
	write(t, c, v6, "short, in the same array")
	if got := datagrams(t, take(t, s.sent)); len(got) != 1 || got[0].payload != "short, in the same array" {
		t.Errorf("relay got %v, want one datagram", got)
	}
	s.message(messageOf(want...))
	s.message(messageOf(datagram{v6, "more"}))
	if got := read(t, c, 9); !slices.Equal(got, append(want, datagram{v6, "more"})) {
		t.Errorf("client got %d datagrams, or other ones, want %d", len(got), len(want)+1)
	}
}

// While too much waits in the browser nothing is given to it, and the oldest in
// the queue go.
func TestBrowserBuffersNoMore(t *testing.T) {
	_, c, s, _ := browserPair(t)
	s.this.Set("bufferedAmount", maxBuffered)
	write(t, c, v4, "on its way")
	take(t, s.sent)
	for i := range maxQueued + 10 {
		write(t, c, v4, fmt.Sprint(i))
	}
	select {
	case m := <-s.sent:
		t.Errorf("%d bytes were sent, want none", len(m))
	case <-time.After(3 * drainPause):
	}
	s.this.Set("bufferedAmount", maxBuffered-1)
	got := datagrams(t, take(t, s.sent))
	if len(got) != maxQueued || got[0].payload != "10" {
		t.Errorf("got %d datagrams from %q on, want %d from 10 on", len(got), got[0].payload, maxQueued)
	}
	if n := c.Stats().Dropped.Outgoing; n != 10 {
		t.Errorf("dropped = %d, want 10", n)
	}
}

func TestDrain(t *testing.T) {
	var d drain
	now := time.Unix(1e9, 0)
	for i, step := range []struct {
		after    time.Duration
		buffered int
		want     bool
	}{
		{0, 9, false}, {stall, 9, false}, {time.Second, 8, false}, {stall, 8, false}, {0, 99, false}, {1, 99, true},
	} {
		now = now.Add(step.after)
		if got := d.stalled(now, step.buffered); got != step.want {
			t.Errorf("step %d: stalled = %v, want %v", i, got, step.want)
		}
	}
}

// When a socket ends, its handlers are removed, and another socket is opened with the token
// of the first.
func TestBrowserReconnects(t *testing.T) {
	tests := map[string]struct {
		end  func(s *fakeSocket)
		want error
		text string
	}{
		"close": {func(s *fakeSocket) { s.fire("onclose", map[string]any{"code": 1012, "reason": "restart"}) },
			nil, "closed by the relay, status 1012 restart"},
		"error": {func(s *fakeSocket) { s.fire("onerror", map[string]any{}) }, errBroken, ""},
		"text":  {func(s *fakeSocket) { s.fire("onmessage", map[string]any{"data": "text"}) }, message.ErrMalformed, "text"},
		"long":  {func(s *fakeSocket) { s.message(make([]byte, message.MaxLen+1)) }, message.ErrMalformed, "65601 bytes"},
		"empty": {func(s *fakeSocket) { s.message(nil) }, message.ErrMalformed, ""},
		"no data": {func(s *fakeSocket) { s.fire("onmessage", map[string]any{"data": map[string]any{}}) },
			message.ErrMalformed, ""},
		"error message": {func(s *fakeSocket) { s.message(message.Errorf(message.CodeSlow, "slow").Encode()) }, nil, "slow (code 7)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, _, s, states := browserPair(t)
			tt.end(s)
			lost := next(t, states, Lost)
			if tt.want != nil && !errors.Is(lost.Reason, tt.want) || !hasText(lost.Reason, tt.text) {
				t.Errorf("reason = %v, want %v %s", lost.Reason, tt.want, tt.text)
			}
			for _, on := range []string{"onopen", "onmessage", "onerror", "onclose"} {
				if f := s.this.Get(on); f.Type() == js.TypeFunction {
					t.Errorf("%s is still set", on)
				}
			}
			if status := take(t, s.statuses); status != closeAway {
				t.Errorf("closed with %d, want %d", status, closeAway)
			}
			_, h := b.accept(v4)
			if h.Resume != "token" || h.Family != 4 {
				t.Errorf("hello = %v, want with the token and for IPv4", h)
			}
			if st := next(t, states, Connected); !st.Resumed {
				t.Errorf("state = %v, want resumed", st)
			}
		})
	}
}

// The browser says when the network is back and when the page is seen again.
func TestBrowserWakes(t *testing.T) {
	b, c, s, states := browserPair(t)
	c.relays.backoff = newBackoff(rand.NewPCG(1, 2))
	c.relays.backoff.attempts = 6  // a wait of seconds comes next
	b.events["online"].Invoke(nil) // the old socket may be dead without knowing
	lost := next(t, states, Lost)
	if !errors.Is(lost.Reason, errNetwork) {
		t.Errorf("reason = %v, want %v", lost.Reason, errNetwork)
	}
	take(t, s.statuses)
	start := time.Now()
	s, _ = b.accept(v4)
	next(t, states, Connected)
	if took := time.Since(start); took >= lost.Retry {
		t.Errorf("came back after %v, want less than %v", took, lost.Retry)
	}

	c.status.mu.Lock()
	l := c.status.link
	c.status.mu.Unlock()
	visibility := func(s string) {
		js.Global().Get("document").Set("visibilityState", s)
		b.events["visibilitychange"].Invoke(nil)
	}
	visibility("visible") // heard just now
	l.heard.Store(time.Now().Add(-silence).UnixMilli())
	visibility("hidden")
	if len(s.statuses) > 0 {
		t.Error("closed, but the relay was heard, or the page hidden")
	}
	visibility("visible")
	take(t, s.statuses)
	b.accept(v4)
	next(t, states, Connected)

	c.Close()
	if len(b.events) > 0 {
		t.Errorf("handlers left: %v", b.events)
	}
}

func TestBrowserClose(t *testing.T) {
	_, c, s, _ := browserPair(t)
	c.Close()
	if status := take(t, s.statuses); status != 1000 {
		t.Errorf("closed with %d, want 1000", status)
	}
	s.fire("onmessage", nil)
}

// Dial returns at once if the platform will never open the WebSocket.
func TestBrowserForbids(t *testing.T) {
	b := browser(t)
	b.set("WebSocket", js.Global().Get("Symbol")) // throws when called with new
	_, err := Dial(t.Context(), Config{Relays: []string{"ws://relay.example"}})
	if !errors.Is(err, errForbidden) || !hasText(err, "not a constructor") {
		t.Errorf("Dial = %v, want %v and the exception", err, errForbidden)
	}
	js.Global().Set("WebSocket", js.Undefined())
	if _, err := Dial(t.Context(), Config{Relays: []string{"ws://relay.example"}}); !errors.Is(err, errForbidden) {
		t.Errorf("Dial = %v, want %v", err, errForbidden)
	}
}

// A server that is no relay does not choose the subprotocol.
func TestBrowserSubprotocol(t *testing.T) {
	b := browser(t)
	go func() {
		take(t, b.sockets).fire("onopen", nil)
		b.accept(v4)
	}()
	c, states := dialBrowser(t)
	if lost := next(t, states, Lost); !errors.Is(lost.Reason, errSubprotocol) {
		t.Errorf("reason = %v, want %v", lost.Reason, errSubprotocol)
	}
	c.Close()
}
