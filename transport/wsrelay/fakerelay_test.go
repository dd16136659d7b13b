//go:build !js

package wsrelay

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// fakeNet is a network of relays in memory, for clients in a synctest bubble.
type fakeNet struct {
	t testing.TB

	mu     sync.Mutex
	relays map[string]*fakeRelay // by address
	dead   map[string]bool       // takes no packet, by address
}

func newFakeNet(t testing.TB) *fakeNet {
	return &fakeNet{t: t, relays: make(map[string]*fakeRelay), dead: make(map[string]bool)}
}

// dial is the dialer of clients on the network.
func (n *fakeNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	r, dead := n.relays[addr], n.dead[addr]
	n.mu.Unlock()
	if dead {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if r == nil {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	select {
	case r.incoming <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open is the opener for Config.
func (n *fakeNet) open(ctx context.Context, url string, receive func([]byte) error) (*socket, error) {
	return openVia(ctx, n.dial, url, receive)
}

// kill lets packets to addr get lost, or not.
func (n *fakeNet) kill(addr string, yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead[addr] = yes
}

// config returns the configuration of a client of the relays at addrs.
func (n *fakeNet) config(addrs ...string) Config {
	cfg := Config{open: n.open}
	for _, a := range addrs {
		cfg.Relays = append(cfg.Relays, "ws://"+a)
	}
	return cfg
}

// fakeRelay does the WebSocket part of a relay, and leaves the messages to the test.
type fakeRelay struct {
	net      *fakeNet
	addr     string
	incoming chan net.Conn
	sessions chan *fakeSession // that have said hello
	welcomed chan *fakeSession // that welcome has answered
	server   *http.Server
	answer   func(*fakeSession) // if set, gets the sessions
}

// relay starts a relay at addr. It ends with the test, or with stop.
func (n *fakeNet) relay(addr string) *fakeRelay {
	r := &fakeRelay{
		net: n, addr: addr, incoming: make(chan net.Conn),
		sessions: make(chan *fakeSession, 100), welcomed: make(chan *fakeSession, 100),
	}
	r.server = &http.Server{Handler: r}
	n.mu.Lock()
	n.relays[addr] = r
	n.mu.Unlock()
	go r.server.Serve(r)
	n.t.Cleanup(r.stop)
	return r
}

// stop lets nobody connect any more. Sessions go on.
func (r *fakeRelay) stop() {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	if r.net.relays[r.addr] == r {
		delete(r.net.relays, r.addr)
	}
	r.server.Close()
}

// Accept, Close and Addr make it a net.Listener.
func (r *fakeRelay) Accept() (net.Conn, error) {
	c, ok := <-r.incoming
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (r *fakeRelay) Close() error   { close(r.incoming); return nil }
func (r *fakeRelay) Addr() net.Addr { return &net.TCPAddr{} }

// ServeHTTP opens a WebSocket and hands it to the test with its hello.
func (r *fakeRelay) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	ws, err := websocket.Accept(w, q, &websocket.AcceptOptions{Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		return
	}
	r.net.t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(message.MaxLen)
	s := &fakeSession{t: r.net.t, ws: ws, path: q.URL.Path}
	_, b, err := ws.Read(context.Background())
	if err != nil {
		ws.CloseNow()
		return
	}
	if message.Kind(b[0]) != message.KindHello {
		s.t.Errorf("first message = %x, want a hello", b)
	}
	if s.hello, s.version, err = message.DecodeHello(b[1:]); err != nil {
		s.t.Errorf("hello %x: %v", b, err)
	}
	if r.answer != nil {
		r.answer(s)
		return
	}
	r.sessions <- s
}

// session waits for the next client and its hello.
func (r *fakeRelay) session() *fakeSession {
	r.net.t.Helper()
	select {
	case s := <-r.sessions:
		return s
	case <-time.After(time.Hour):
		r.net.t.Fatalf("nobody came to %s within an hour", r.addr)
		return nil
	}
}

// welcome waits for the next client and lends it addr.
func (r *fakeRelay) welcome(addr netip.AddrPort) *fakeSession {
	r.net.t.Helper()
	s := r.session()
	w := message.Welcome{
		Lent: addr, Grace: time.Minute, MaxDatagram: message.MaxDatagram, Resume: "resume " + addr.String(),
	}
	s.send(w.Encode())
	r.welcomed <- s
	return s
}

// fakeSession is the relay's end of one connection.
type fakeSession struct {
	t       testing.TB
	ws      *websocket.Conn
	path    string
	hello   message.Hello
	version byte
}

func (s *fakeSession) send(message []byte) {
	s.t.Helper()
	if err := s.ws.Write(context.Background(), websocket.MessageBinary, message); err != nil {
		s.t.Errorf("relay: send: %v", err)
	}
}

// read returns the next message, or nil if the client has gone.
func (s *fakeSession) read() []byte {
	_, b, err := s.ws.Read(context.Background())
	if err != nil {
		return nil
	}
	return b
}

// ends waits for the client to go and returns the status with which it did, or
// -1.
func (s *fakeSession) ends() websocket.StatusCode {
	for {
		if _, _, err := s.ws.Read(context.Background()); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// breakOff ends the connection without a word.
func (s *fakeSession) breakOff() { s.ws.CloseNow() }

// dialFake dials and closes the Conn with the test. The relay must welcome it
// from another goroutine, or answer before.
func dialFake(t testing.TB, cfg Config) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatalf("Dial = %v, want nil", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pair returns a client, the relay's end of its connection, and the client's states.
func pair(t testing.TB) (*Conn, *fakeSession, <-chan State) {
	n := newFakeNet(t)
	r := n.relay("relay:80")
	cfg, states := watched(n.config("relay:80"))
	go r.welcome(v4)
	c := dialFake(t, cfg)
	return c, <-r.welcomed, states
}

// inBubble runs f in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
