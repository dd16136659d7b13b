package relay

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// Real clients come, talk, vanish, come back and leave at once, and the relay
// shuts down in the midst of it. The race detector looks on; TestMain counts
// goroutines and descriptors.
func TestManyClients(t *testing.T) {
	r := startRelay(t, Config{Limits: Limits{ClientsPerIP: -1, Grace: time.Second}})
	echo := udpConn(t)
	go answerPings(echo)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 4 {
				if random.IntN(2) == 0 {
					vanish(ctx, t, r.url)
					continue
				}
				c, err := wsrelay.Dial(ctx, wsrelay.Config{Relays: []string{r.url}})
				if err != nil {
					t.Errorf("Dial = %v, want nil", err)
					return
				}
				pingOnce(t, c, echo.LocalAddr(), uint64(random.Uint32()))
				c.Close()
			}
		})
	}
	all.Wait()
	for range 20 {
		c, _ := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
		all.Go(func() { c.WriteBatch([][]byte{ping(1)}, []netip.AddrPort{echo.LocalAddr()}) })
	}
	r.stop()
	all.Wait()
	if got := r.server.Stats(); got.Connections != 0 || got.Lent != 0 {
		t.Errorf("%d connections and %d ports are left, want none", got.Connections, got.Lent)
	}
}

// vanish is welcomed as a client, and breaks the connection.
func vanish(ctx context.Context, t testing.TB, url string) {
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		t.Errorf("Dial = %v, want nil", err)
		return
	}
	defer ws.CloseNow()
	if err := ws.Write(ctx, websocket.MessageBinary, (&message.Hello{}).Encode()); err != nil {
		t.Error(err)
	}
	if _, m, err := ws.Read(ctx); err != nil || message.Kind(m[0]) != message.KindWelcome {
		t.Errorf("answer to hello = %x, %v, want welcome", m, err)
	}
}

// persist sends a datagram to at's address or to another one until stop is called, and
// gives up by closing at.
func persist(from, at core.Conn, p []byte, to netip.AddrPort) (stop func()) {
	return proctest.Persist(func() { from.WriteBatch([][]byte{p}, []netip.AddrPort{to}) }, func() { at.Close() })
}

// pingOnce sends a request over c until it is answered: UDP may lose it.
func pingOnce(t testing.TB, c *wsrelay.Conn, to netip.AddrPort, number uint64) {
	t.Helper()
	defer persist(c, c, ping(number), to)()
	bufs, sizes, from := [][]byte{make([]byte, 1500)}, make([]int, 1), make([]netip.AddrPort, 1)
	if _, err := c.ReadBatch(bufs, sizes, from); err != nil || !slices.Equal(bufs[0][1:21], ping(number)[1:21]) {
		t.Errorf("answer %x from %v, %v, want one to %x", bufs[0][:sizes[0]], from[0], err, ping(number))
	}
}

// The longest datagram goes to a node with a socket, and back, and to another
// client, through real sockets.
func TestRealLongestDatagram(t *testing.T) {
	r := startRelay(t, Config{})
	a, _ := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
	b, _ := dialReal(t, wsrelay.Config{Relays: []string{r.url}})
	s := udpConn(t)
	p := append(ping(1)[:21], 0x92, 0xa1, 'x', 0x91, 0xc5, 0xff, 0xc6)
	p = append(p, make([]byte, message.MaxDatagram-len(p))...)
	p[26], p[27] = byte((len(p)-28)>>8), byte(len(p)-28)
	for name, way := range map[string][2]core.Conn{"out": {a, s}, "in": {s, a}, "across": {a, b}} {
		from, to := way[0], way[1]
		stop := persist(from, to, p, to.LocalAddr())
		bufs, sizes, addrs := [][]byte{make([]byte, message.MaxDatagram)}, make([]int, 1), make([]netip.AddrPort, 1)
		n, err := to.ReadBatch(bufs, sizes, addrs)
		stop()
		if n != 1 || err != nil || addrs[0] != from.LocalAddr() || !bytes.Equal(bufs[0][:sizes[0]], p) {
			t.Errorf("%s: got %d bytes from %v, %v, want %d from %v",
				name, sizes[0], addrs[0], err, len(p), from.LocalAddr())
		}
	}
}

// A relay serves TLS as well, where one connection lies on top of another.
func TestTLS(t *testing.T) {
	s, err := New(Config{AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewTLSServer(s)
	t.Cleanup(web.Close)
	var clients []*websocket.Conn
	for range 2 {
		ws, _, err := websocket.Dial(soon(t), web.URL, &websocket.DialOptions{
			HTTPClient: web.Client(), Subprotocols: []string{message.Subprotocol},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.CloseNow() })
		clients = append(clients, ws)
	}
	c := clients[0] // the other one never says hello
	say := func(m []byte) {
		t.Helper()
		if err := c.Write(soon(t), websocket.MessageBinary, m); err != nil {
			t.Fatal(err)
		}
	}
	echo := udpConn(t)
	go answerPings(echo)
	say((&message.Hello{}).Encode())
	if _, m, err := c.Read(soon(t)); err != nil || message.Kind(m[0]) != message.KindWelcome {
		t.Fatalf("answer to hello = %x, %v, want welcome", m, err)
	}
	say(messageOf(datagram{echo.LocalAddr(), string(ping(7))}))
	_, m, err := c.Read(soon(t))
	if got := datagrams(t, m); err != nil || len(got) != 1 || got[0].payload[:21] != "\x01"+string(ping(7)[1:21]) {
		t.Errorf("got %+v, %v, want an answer to the request", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v, want %v: a client does not answer", err, context.Canceled)
	}
}
