//go:build !js

package wsrelay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nhooyr.io/websocket"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
)

// networks are the ways to read lent sockets: what this system picks, and the
// portable one, which is to be tested on every system.
var networks = map[string]func() (network, error){
	"system":   newNetwork,
	"portable": func() (network, error) { return new(portable), nil },
}

// arrived is where datagrams arrive in a test.
type arrived chan datagram

func (a arrived) arrive(from netip.AddrPort, p []byte) {
	select {
	case a <- datagram{from, string(p)}:
	default: // nobody waits for more
	}
}

func (a arrived) next(t testing.TB) datagram {
	t.Helper()
	select {
	case d := <-a:
		return d
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrives")
		return datagram{}
	}
}

func eachNetwork(t *testing.T, f func(t *testing.T, n network)) {
	for name, open := range networks {
		t.Run(name, func(t *testing.T) {
			n, err := open()
			if err != nil {
				t.Fatal(err)
			}
			f(t, n)
			n.close()
		})
	}
}

func openLent(t testing.TB, n network, bind string, to arrivals) lent {
	t.Helper()
	s, err := n.open(netip.MustParseAddrPort(bind), to)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Datagrams of all lengths go both ways, over both families.
func TestLentSocket(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		if probe, err := net.ListenPacket("udp", ip+":0"); err != nil {
			t.Logf("no %s here: %v", ip, err)
			continue
		} else {
			probe.Close()
		}
		eachNetwork(t, func(t *testing.T, n network) {
			inA, inB := make(arrived, 10), make(arrived, 10)
			a, b := openLent(t, n, ip+":0", inA), openLent(t, n, ip+":0", inB)
			at := func(s lent) netip.AddrPort { return netip.MustParseAddrPort(fmt.Sprintf("%s:%d", ip, s.port())) }
			for _, size := range []int{0, 1, 1400, MaxDatagram} {
				p := bytes.Repeat([]byte{byte(size)}, size)
				if n, sent := a.send([][]byte{p}, []netip.AddrPort{at(b)}); n != 1 || sent != size {
					t.Errorf("send of %d bytes = %d, %d, want 1, %[1]d", size, n, sent)
				}
				if got := inB.next(t); got.addr != at(a) || got.payload != string(p) {
					t.Errorf("%d bytes from %v, want %d from %v", len(got.payload), got.addr, size, at(a))
				}
			}
			// To nobody, which an ICMP message may tell; and still it works.
			b.send([][]byte{{1}}, []netip.AddrPort{netip.MustParseAddrPort(ip + ":1")})
			// One in the middle is longer than UDP takes.
			if got, size := b.send([][]byte{{1}, make([]byte, 1<<16), {2}}, []netip.AddrPort{at(a), at(a), at(a)}); got != 2 || size != 2 {
				t.Errorf("send = %d, %d, want 2 of 2 bytes", got, size)
			}
			if got := inA.next(t).payload + inA.next(t).payload; got != "\x01\x02" {
				t.Errorf("got %q, want \\x01\\x02", got)
			}
			a.close()
			if got, size := a.send([][]byte{{1}}, []netip.AddrPort{at(b)}); got != 0 || size != 0 {
				t.Errorf("send on a closed socket = %d, %d, want 0, 0", got, size)
			}
			again, err := n.open(netip.MustParseAddrPort(fmt.Sprintf("%s:%d", ip, a.port())), inA)
			if err != nil {
				t.Fatalf("port of a closed socket: %v", err)
			}
			if _, err := n.open(at(b), inA); !isTaken(err) {
				t.Errorf("port in use: %v, want that it is taken", err)
			}
			again.close()
			b.close()
		})
	}
}

// Sockets are opened and closed while datagrams arrive at all of them: nothing is
// delivered to one that is closed, nor to another one that has its descriptor.
func TestLentSocketsComeAndGo(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n network) {
		out, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					in := &own{t: t}
					s := openLent(t, n, "127.0.0.1:0", in)
					in.port = []byte(fmt.Sprint(s.port()))
					in.open.Lock()
					in.isOpen = true
					in.open.Unlock()
					to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.port())}
					for range 20 {
						out.WriteTo(in.port, to)
					}
					s.close()
					in.open.Lock()
					in.isOpen = false
					in.open.Unlock()
				}
			})
		}
		all.Wait()
	})
}

// own takes only what is for its port, and while it is open. The port is set
// before anything is sent.
type own struct {
	t      testing.TB
	port   []byte
	open   sync.Mutex // guards isOpen
	isOpen bool
}

func (o *own) arrive(_ netip.AddrPort, p []byte) {
	o.open.Lock()
	defer o.open.Unlock()
	if o.isOpen && !bytes.Equal(p, o.port) {
		o.t.Errorf("port %s got what is for %s", o.port, p)
	}
}

// echoes sends what arrives to its own socket again, as often as asked, so that
// there is always more to read.
type echoes struct {
	out  net.PacketConn
	left atomic.Int64
}

func (e *echoes) arrive(_ netip.AddrPort, p []byte) {
	if e.left.Add(-1) > 0 {
		port, _ := strconv.Atoi(string(p))
		e.out.WriteTo(p, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	}
}

// A socket that always has more to read does not keep another one waiting.
func TestFloodedSocket(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n network) {
		out, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		flood, quiet := &echoes{out: out}, make(arrived, 1)
		flood.left.Store(1 << 40)
		a, b := openLent(t, n, "127.0.0.1:0", flood), openLent(t, n, "127.0.0.1:0", quiet)
		to := func(s lent) net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.port())} }
		for range 2 * perSend {
			out.WriteTo([]byte(fmt.Sprint(a.port())), to(a))
		}
		for range 20 {
			out.WriteTo([]byte("quiet"), to(b))
			quiet.next(t)
		}
		flood.left.Store(0)
		a.close()
		b.close()
	})
}

// Real clients come, talk, vanish, come back and leave at once, and the relay
// shuts down in the midst of it. The race detector looks on; TestMain counts
// goroutines and descriptors.
func TestManyClients(t *testing.T) {
	r := startRelay(t, ServerConfig{Limits: Limits{PeersPerIP: -1, Grace: time.Second}})
	echo := udpConn(t)
	go answerPings(echo)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 4 {
				c, err := Dial(ctx, Config{Relays: []string{r.url}})
				if err != nil {
					t.Errorf("Dial = %v, want nil", err)
					return
				}
				pingOnce(t, c, echo.LocalAddr(), uint64(random.Uint32()))
				if random.IntN(2) == 0 {
					c.mu.Lock()
					l := c.link
					c.mu.Unlock()
					l.socket.ws.CloseNow()
				}
				c.Close()
			}
		})
	}
	all.Wait()
	for range 20 {
		c, _ := dialReal(t, Config{Relays: []string{r.url}})
		all.Go(func() { c.WriteBatch([][]byte{ping(1)}, []netip.AddrPort{echo.LocalAddr()}) })
	}
	r.stop()
	all.Wait()
	if got := r.server.Stats(); got.Connections != 0 || got.Lent != 0 {
		t.Errorf("%d connections and %d ports are left, want none", got.Connections, got.Lent)
	}
}

// persist sends a datagram to at's address or to another one until stop is called, and
// gives up by closing at.
func persist(from, at core.Conn, p []byte, to netip.AddrPort) (stop func()) {
	return proctest.Persist(func() { from.WriteBatch([][]byte{p}, []netip.AddrPort{to}) }, func() { at.Close() })
}

// pingOnce sends a request over c until it is answered: UDP may lose it.
func pingOnce(t testing.TB, c *Conn, to netip.AddrPort, number uint64) {
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
	r := startRelay(t, ServerConfig{})
	a, _ := dialReal(t, Config{Relays: []string{r.url}})
	b, _ := dialReal(t, Config{Relays: []string{r.url}})
	s := udpConn(t)
	p := append(ping(1)[:21], 0x92, 0xa1, 'x', 0x91, 0xc5, 0xff, 0xc6)
	p = append(p, make([]byte, MaxDatagram-len(p))...)
	p[26], p[27] = byte((len(p)-28)>>8), byte(len(p)-28)
	for name, way := range map[string][2]core.Conn{"out": {a, s}, "in": {s, a}, "across": {a, b}} {
		from, to := way[0], way[1]
		stop := persist(from, to, p, to.LocalAddr())
		bufs, sizes, addrs := [][]byte{make([]byte, MaxDatagram)}, make([]int, 1), make([]netip.AddrPort, 1)
		n, err := to.ReadBatch(bufs, sizes, addrs)
		stop()
		if n != 1 || err != nil || addrs[0] != from.LocalAddr() || !bytes.Equal(bufs[0][:sizes[0]], p) {
			t.Errorf("%s: got %d bytes from %v, %v, want %d from %v", name, sizes[0], addrs[0], err, len(p), from.LocalAddr())
		}
	}
}

// A relay serves TLS as well, where one connection lies on top of another.
func TestTLS(t *testing.T) {
	s, err := NewServer(ServerConfig{AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewTLSServer(s)
	t.Cleanup(web.Close)
	var clients []*websocket.Conn
	for range 2 {
		ws, _, err := websocket.Dial(soon(t), web.URL, &websocket.DialOptions{
			HTTPClient: web.Client(), Subprotocols: []string{Subprotocol},
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
	say((&hello{}).encode())
	if _, m, err := c.Read(soon(t)); err != nil || kind(m[0]) != kindWelcome {
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
