package relay

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/udpsocket"
	"nhooyr.io/websocket"
)

// Addresses of the lab's world. None of them gets a packet.
var (
	labPublic4 = netip.MustParseAddr("5.5.5.5")
	home       = netip.MustParseAddr("9.0.0.1")          // where clients come from
	remote     = netip.MustParseAddrPort("8.1.1.1:4000") // a node beyond the relay
)

// lab is a Server in a synctest bubble, between clients whose connections are
// pipes and a network without sockets.
type lab struct {
	t      testing.TB
	server *Server
	http   *http.Server
	net    *memNet
	conns  chan net.Conn
}

// labConfig is the configuration of the lab, for tests to change.
func labConfig() Config { return Config{PublicIPs: []netip.Addr{labPublic4}} }

func newLab(t testing.TB, cfg Config) *lab {
	t.Helper()
	return newLabOn(t, cfg, &memNet{sockets: make(map[netip.AddrPort]*memSocket), port: 40000})
}

func newLabOn(t testing.TB, cfg Config, n *memNet) *lab {
	t.Helper()
	cfg, err := cfg.check()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, net: n, conns: make(chan net.Conn)}
	if l.server, err = newServer(cfg, n); err != nil {
		t.Fatal(err)
	}
	l.http = &http.Server{Handler: l.server}
	go l.http.Serve(l)
	t.Cleanup(l.close)
	return l
}

// close ends the relay, and checks that it leaves nothing.
func (l *lab) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	l.server.Shutdown(ctx)
	l.http.Close()
	if n := l.net.count(); n > 0 {
		l.t.Errorf("%d sockets are left, want 0", n)
	}
	if s := l.server.Stats(); s.Connections != 0 || s.Lent != 0 {
		l.t.Errorf("left: %d connections, %d leases, want none", s.Connections, s.Lent)
	}
	c, b := l.server.connections, &l.server.leases.byPrefix
	if n := len(c.perPrefix64) + len(c.perPrefix48) + len(b.lists) + len(b.in48); n != 0 {
		l.t.Errorf("left: counts of %d prefixes, want none", n)
	}
}

// Accept, Close and Addr make it a net.Listener.
func (l *lab) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *lab) Close() error   { close(l.conns); return nil }
func (l *lab) Addr() net.Addr { return &net.TCPAddr{} }

// memNet is a network of sockets in memory.
type memNet struct {
	mu      sync.Mutex
	sockets map[netip.AddrPort]*memSocket // by address bound to
	taken   map[uint16]bool               // by other programs
	fail    error                         // of all attempts to open
	port    uint16                        // the last one that the system chose
	opened  int
}

type memSocket struct {
	net  *memNet
	addr netip.AddrPort
	to   udpsocket.Receiver
	sent []datagram
	full bool // the system takes nothing
}

func (n *memNet) Open(bind netip.AddrPort, to udpsocket.Receiver) (udpsocket.Socket, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opened++
	if n.fail != nil {
		return nil, n.fail
	}
	port := bind.Port()
	for port == 0 {
		n.port++
		if n.sockets[netip.AddrPortFrom(bind.Addr(), n.port)] == nil {
			port = n.port
		}
	}
	s := &memSocket{net: n, addr: netip.AddrPortFrom(bind.Addr(), port), to: to}
	if n.taken[port] || n.sockets[s.addr] != nil {
		return nil, &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
	}
	n.sockets[s.addr] = s
	return s, nil
}

func (n *memNet) Close() {}

func (n *memNet) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.sockets)
}

// at is the socket that has a port.
func (n *memNet) at(port uint16) *memSocket {
	n.mu.Lock()
	defer n.mu.Unlock()
	for a, s := range n.sockets {
		if a.Port() == port {
			return s
		}
	}
	return nil
}

func (s *memSocket) Port() uint16 { return s.addr.Port() }

func (s *memSocket) Close() {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.net.sockets[s.addr] == s {
		delete(s.net.sockets, s.addr)
	}
}

func (s *memSocket) Send(bufs [][]byte, to []netip.AddrPort) (n, size int) {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	if s.full {
		return 0, 0
	}
	for i, b := range bufs {
		s.sent = append(s.sent, datagram{to[i], string(b)})
		size += len(b)
	}
	return len(bufs), size
}

// took returns the datagrams sent since the last call.
func (s *memSocket) took() []datagram {
	s.net.mu.Lock()
	defer s.net.mu.Unlock()
	list := s.sent
	s.sent = nil
	return list
}

// rawClient is a client whose messages, down to the bytes, are the test's choice.
type rawClient struct {
	t    testing.TB
	lab  *lab
	conn net.Conn
	br   *bufio.Reader
	resp *http.Response

	mu       sync.Mutex
	messages [][]byte // that came and were not looked at
	closed   int      // status of the relay's closing frame; -1 if it just broke
	pings    int

	deaf    atomic.Bool // answers no pings, nor the relay's goodbye
	writing chan bool   // a lock
	gate    chan bool   // who holds its place stops the listener before the next frame

	lent   *memSocket
	resume string
	addr   netip.AddrPort
}

// homeConn is a pipe whose ends have addresses.
type homeConn struct {
	net.Conn
	local, remote net.Addr
}

func (c homeConn) LocalAddr() net.Addr  { return c.local }
func (c homeConn) RemoteAddr() net.Addr { return c.remote }

func tcpAddr(ip netip.Addr, port uint16) net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port))
}

// request is a good handshake; headers replace lines of it, or come on top.
func request(headers ...string) string {
	lines := []string{
		"Host: relay.example", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: " + message.Subprotocol,
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") })
		switch {
		case i < 0:
			lines = append(lines, h)
		case value == "":
			lines = slices.Delete(lines, i, i+1)
		default:
			lines[i] = h
		}
	}
	return "GET /relay HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// open connects from an address and sends a handshake. Unless the relay refuses, a
// goroutine reads its messages.
func (l *lab) open(from netip.Addr, headers ...string) *rawClient {
	return l.openVia(from, labPublic4, "", headers...)
}

func (l *lab) openVia(from, at netip.Addr, early string, headers ...string) *rawClient {
	l.t.Helper()
	client, server := net.Pipe()
	select {
	case l.conns <- homeConn{server, tcpAddr(at, 443), tcpAddr(from, 50000)}:
	case <-time.After(time.Minute):
		l.t.Fatal("the relay does not accept")
	}
	c := &rawClient{
		t: l.t, lab: l, conn: client, br: bufio.NewReader(client),
		gate: make(chan bool, 1), writing: make(chan bool, 1),
	}
	l.t.Cleanup(func() { client.Close() })
	go io.WriteString(client, request(headers...)+early)
	var err error
	if c.resp, err = http.ReadResponse(c.br, nil); err != nil {
		l.t.Fatalf("handshake = %v, want an answer", err)
	}
	if c.resp.StatusCode == http.StatusSwitchingProtocols {
		go c.listen()
	}
	return c
}

// join opens a connection and says hello, and expects a welcome.
func (l *lab) join(from netip.Addr, h message.Hello) *rawClient {
	l.t.Helper()
	c := l.open(from)
	c.say(h.Encode())
	w, ok := c.welcomed()
	if !ok {
		l.t.Fatalf("answer to hello = %x, want welcome", c.next())
	}
	c.addr, c.resume, c.lent = w.Lent, w.Resume, l.net.at(w.Lent.Port())
	return c
}

// listen takes in frames until the connection ends.
func (c *rawClient) listen() {
	status := -1
	for {
		c.gate <- true
		<-c.gate
		op, b, err := c.frame()
		if err != nil {
			break
		}
		c.mu.Lock()
		switch op {
		case 2:
			c.messages = append(c.messages, b)
		case 8:
			status = int(binary.BigEndian.Uint16(b))
		case 9:
			c.pings++
		}
		c.mu.Unlock()
		if op == 9 && !c.deaf.Load() {
			c.send(0x8a, true, b)
		}
		if op == 8 && !c.deaf.Load() {
			c.send(0x88, true, b)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = status
}

func (c *rawClient) frame() (op byte, b []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(c.br, h[:]); err != nil {
		return 0, nil, err
	}
	n := uint64(h[1])
	if extra := map[byte]int{126: 2, 127: 8}[h[1]]; extra > 0 {
		var x [8]byte
		if _, err := io.ReadFull(c.br, x[8-extra:]); err != nil {
			return 0, nil, err
		}
		n = binary.BigEndian.Uint64(x[:])
	}
	if h[0]&0x70 != 0 || h[0]&0x80 == 0 || h[1]&0x80 != 0 {
		c.t.Errorf("frame begins with %x, want final and not masked", h)
	}
	b = make([]byte, n)
	_, err = io.ReadFull(c.br, b)
	return h[0] & 15, b, err
}

// header is the beginning of a client's frame, which claims to hold n bytes.
func header(first byte, masked bool, n int) []byte {
	b := []byte{first, 0}
	switch {
	case n < 126:
		b[1] = byte(n)
	case n <= 65535:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	default:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	if masked {
		b[1] |= 0x80
		b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	}
	return b
}

// send sends a frame. It does not matter whether the relay still listens.
func (c *rawClient) send(first byte, masked bool, payload []byte) {
	c.raw(append(header(first, masked, len(payload)), payload...))
}

// raw writes b. The pipe's own lock would stop the bubble's clock.
func (c *rawClient) raw(b []byte) {
	c.writing <- true
	c.conn.Write(b)
	<-c.writing
}

// say sends a message, and waits until the relay has acted on it.
func (c *rawClient) say(message []byte) {
	c.send(finalBinary, true, message)
	synctest.Wait()
}

// tell sends datagrams as one message, and returns the datagrams that the relay sent on.
func (c *rawClient) tell(list ...datagram) []datagram {
	c.say(messageOf(list...))
	return c.lent.took()
}

// hear lets datagrams arrive at the lent socket, and returns the datagrams that the client
// got.
func (c *rawClient) hear(list ...datagram) (got []datagram) {
	c.t.Helper()
	for _, d := range list {
		c.lent.to.Receive(d.addr, []byte(d.payload))
	}
	synctest.Wait()
	return c.datagrams()
}

// datagrams are all that the client got and has not looked at.
func (c *rawClient) datagrams() (got []datagram) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.messages {
		if message.Kind(m[0]) == message.KindDatagrams {
			got = append(got, datagrams(c.t, m)...)
		}
	}
	c.messages = slices.DeleteFunc(c.messages, func(m []byte) bool {
		return message.Kind(m[0]) == message.KindDatagrams
	})
	return got
}

// next returns the next message, or nil if there is none now.
func (c *rawClient) next() []byte {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.messages) == 0 {
		return nil
	}
	m := c.messages[0]
	c.messages = c.messages[1:]
	return m
}

func (c *rawClient) welcomed() (w message.Welcome, ok bool) {
	c.t.Helper()
	synctest.Wait()
	c.mu.Lock()
	first := slices.Concat(c.messages...)
	c.mu.Unlock()
	if len(first) == 0 || message.Kind(first[0]) != message.KindWelcome {
		return w, false
	}
	m := c.next()
	w, v, err := message.DecodeWelcome(m[1:])
	if err != nil || v != message.Version {
		c.t.Fatalf("welcome %x: version %d, %v", m, v, err)
	}
	return w, true
}

// refused waits for an error, and returns its code, or 0.
func (c *rawClient) refused() message.Code {
	c.t.Helper()
	for m := c.next(); m != nil; m = c.next() {
		if message.Kind(m[0]) == message.KindError {
			e, err := message.DecodeError(m[1:])
			if err != nil || e.Text == "" {
				c.t.Errorf("error message %x: %v", m, err)
			}
			return e.Code
		}
	}
	return 0
}

// dropped waits for the relay's reports of drops, and returns the counts.
func (c *rawClient) dropped() (counts [message.DropReasons]uint64) {
	c.t.Helper()
	time.Sleep(time.Second)
	for m := c.next(); m != nil; m = c.next() {
		if message.Kind(m[0]) != message.KindDrops {
			continue
		}
		if err := message.DecodeDrops(m[1:], &counts); err != nil {
			c.t.Errorf("drops %x: %v", m, err)
		}
	}
	return counts
}

// isOver reports whether the connection has ended, and the status.
func (c *rawClient) isOver() (status int, over bool) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed, c.closed != 0
}

// leave says goodbye; vanish does not.
func (c *rawClient) leave() {
	c.send(0x88, true, binary.BigEndian.AppendUint16(nil, uint16(websocket.StatusNormalClosure)))
	synctest.Wait()
}

func (c *rawClient) vanish() {
	c.conn.Close()
	synctest.Wait()
}

// ask is a request of the DHT with a message id made of a number; reply is the
// answer to it.
func ask(number int) string { return string(ping(uint64(number))) }

func reply(number int) string {
	b := []byte(ask(number))[:wire.HeaderLen]
	b[0] = byte(wire.KindAnswer)
	return string(b) + "\xc0"
}

// destination is the n-th address of somebody on the network.
func destination(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}), 4000)
}

// counted lists the counts that are not 0.
func counted(counts [message.DropReasons]uint64) string {
	var list []string
	for d := range message.DropReasons {
		if counts[d] > 0 {
			list = append(list, fmt.Sprint(d, " ", counts[d]))
		}
	}
	return strings.Join(list, ", ")
}
