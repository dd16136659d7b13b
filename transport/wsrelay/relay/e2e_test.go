package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// A Conn can carry a node.
var _ core.Conn = (*wsrelay.Conn)(nil)

// realRelay is a Server on a port of this machine, which can go and come back.
type realRelay struct {
	t   testing.TB
	cfg Config
	url string

	server *Server
	http   *httptest.Server
}

// startRelay starts a relay for this machine. It ends with the test.
func startRelay(t testing.TB, cfg Config) *realRelay {
	t.Helper()
	cfg.AllowPrivate = true
	r := &realRelay{t: t, cfg: cfg}
	r.start("127.0.0.1:0")
	t.Cleanup(r.stop)
	return r
}

func (r *realRelay) start(addr string) {
	r.t.Helper()
	var err error
	if r.server, err = New(r.cfg); err != nil {
		r.t.Fatal(err)
	}
	r.http = httptest.NewUnstartedServer(r.server)
	r.http.Listener.Close()
	if r.http.Listener, err = net.Listen("tcp", addr); err != nil {
		r.t.Fatal(err)
	}
	r.http.Start()
	r.url = r.http.URL
}

// stop ends the relay in order.
func (r *realRelay) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r.http.Listener.Close()
	r.server.Shutdown(ctx)
	r.http.Close()
}

// restart stops the relay and starts it again at the same address.
func (r *realRelay) restart() {
	r.t.Helper()
	addr := r.http.Listener.Addr().String()
	r.stop()
	r.start(addr)
}

// udpNode starts a node with a socket of its own.
func udpNode(t testing.TB) *core.Node {
	t.Helper()
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	return node(t, c)
}

// node starts a node that ends with the test.
func node(t testing.TB, c core.Conn) *core.Node {
	n := core.NewNode(c, core.Config{})
	t.Cleanup(func() { n.Close() })
	return n
}

// dialReal is a Conn over real relays, and its states.
func dialReal(t testing.TB, cfg wsrelay.Config) (*wsrelay.Conn, <-chan wsrelay.State) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cfg, states := watched(cfg)
	c, err := wsrelay.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("Dial = %v, want nil", err)
	}
	t.Cleanup(func() { c.Close() })
	return c, states
}

// soon returns a context for an operation that should take a moment.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// exchange stores a value from each node and gets it at all of them.
func exchange(t testing.TB, label string, nodes ...*core.Node) {
	t.Helper()
	for i, from := range nodes {
		key, want := fmt.Sprint(label, i), core.String(fmt.Sprint("value ", i))
		if n, err := from.Set(soon(t), key, want); n == 0 || err != nil {
			t.Errorf("Set at node %d = %d, %v, want some, nil", i, n, err)
		}
		for j, at := range nodes {
			if got, err := at.Get(soon(t), key); got != want || err != nil {
				t.Errorf("Get at node %d of what node %d set = %v, %v, want %v", j, i, got, err, want)
			}
		}
	}
}

// Nodes behind a relay and nodes with sockets are one network. The relay may be
// restarted: the addresses stay.
func TestNodesThroughRelay(t *testing.T) {
	first := udpNode(t)
	r := startRelay(t, Config{
		Secret: []byte("kept"), RestartTime: 100 * time.Millisecond, Bootstrap: []netip.AddrPort{first.Addr()},
	})
	second := udpNode(t)
	a, states := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
	b, statesOfB := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
	nodes := []*core.Node{first, second, node(t, a), node(t, b)}
	for i, n := range nodes[1:] {
		if err := n.Bootstrap(soon(t), a.Bootstrap()...); err != nil {
			t.Fatalf("bootstrap of node %d = %v, want nil", i+1, err)
		}
	}
	exchange(t, "before", nodes...)
	if id, _, err := second.Ping(soon(t), b.LocalAddr()); id != nodes[3].ID() || err != nil {
		t.Errorf("ping of a lent address = %v, %v, want %v", id, err, nodes[3].ID())
	}

	addr := a.LocalAddr()
	r.restart()
	if st := next(t, states, wsrelay.Lost); st.Retry > 3*time.Second {
		t.Errorf("retry in %v, want as the relay said", st.Retry)
	}
	if st := next(t, states, wsrelay.Connected); !st.Resumed || st.Addr != addr {
		t.Errorf("state = %v, want %v resumed", st, addr)
	}
	next(t, statesOfB, wsrelay.Lost)
	next(t, statesOfB, wsrelay.Connected)
	exchange(t, "after", nodes...)
}

// A client whose relay dies goes on at another one, with the same id.
func TestRealSecondRelay(t *testing.T) {
	first := udpNode(t)
	r, other := startRelay(t, Config{}), startRelay(t, Config{})
	c, states := dialReal(t, wsrelay.Config{Relays: []string{r.url, other.url}})
	n := node(t, c)
	if err := n.Bootstrap(soon(t), first.Addr()); err != nil {
		t.Fatal(err)
	}
	before := c.LocalAddr()
	r.http.Listener.Close()
	r.http.CloseClientConnections()
	r.server.connections.abort()
	next(t, states, wsrelay.Lost)
	if st := next(t, states, wsrelay.Connected); !st.Changed || st.Addr == before || st.Addr != n.Addr() {
		t.Errorf("state = %v, want another address than %v", st, before)
	}
	if id, _, err := first.Ping(soon(t), c.LocalAddr()); id != n.ID() || err != nil {
		t.Errorf("ping of the new address = %v, %v, want %v", id, err, n.ID())
	}
	// The other node makes sure that the old address is silent. Until then its sets reach
	// itself alone, and say so.
	ctx, err := soon(t), core.ErrNotStored
	for errors.Is(err, core.ErrNotStored) && ctx.Err() == nil {
		_, err = first.Set(ctx, "moved", core.Bool(true))
	}
	if err != nil {
		t.Fatalf("a set after the move = %v, want nil before 30s", err)
	}
	exchange(t, "after", first, n)
}

// The relay frees the port of a client that says that it leaves.
func TestRealLeave(t *testing.T) {
	r := startRelay(t, Config{Limits: Limits{Clients: 1}})
	for range 3 {
		c, _ := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
		c.Close()
	}
}

func TestRealRefusals(t *testing.T) {
	r := startRelay(t, Config{Access: Access{Tokens: []string{"secret"}}, Limits: Limits{Clients: 1}})
	for _, tt := range []struct {
		cfg  wsrelay.Config
		want message.Code
	}{
		{wsrelay.Config{}, message.CodeToken},
		{wsrelay.Config{Token: "wrong"}, message.CodeToken},
		{wsrelay.Config{Token: "secret", Family: 6}, message.CodeFull},
	} {
		tt.cfg.Relays = []string{r.url}
		ctx, cancel := context.WithCancel(soon(t))
		tt.cfg.OnState = func(s wsrelay.State) {
			if s.Phase == wsrelay.Lost {
				cancel() // where it would try again: one refusal is enough
			}
		}
		_, err := wsrelay.Dial(ctx, tt.cfg)
		cancel()
		var e *message.Error
		if !errors.As(err, &e) || e.Code != tt.want {
			t.Errorf("Dial with token %q, family %d = %v, want code %d", tt.cfg.Token, tt.cfg.Family, err, tt.want)
		}
	}
}
