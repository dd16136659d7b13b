package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// dial connects as a tab does, and returns the states of the connection.
func dial(t testing.TB, url string, change ...func(*wsrelay.Config)) (*wsrelay.Conn, <-chan wsrelay.State) {
	t.Helper()
	states := make(chan wsrelay.State, 10000)
	cfg := wsrelay.Config{Relays: []string{url}, OnState: func(s wsrelay.State) { states <- s }}
	for _, f := range change {
		f(&cfg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
	defer cancel()
	c, err := wsrelay.Dial(ctx, cfg)
	if err != nil {
		t.Fatalf("Dial(%s) = %v, want nil", url, err)
	}
	t.Cleanup(func() { c.Close() })
	return c, states
}

// next waits for the next state of that phase.
func next(t testing.TB, states <-chan wsrelay.State, phase wsrelay.Phase) wsrelay.State {
	t.Helper()
	for late := time.After(proctest.Patience); ; {
		select {
		case s := <-states:
			if s.Phase == phase {
				return s
			}
		case <-late:
			t.Fatalf("not %v", phase)
		}
	}
}

// udpConn is a socket of this machine.
func udpConn(t testing.TB) *udp.Conn {
	t.Helper()
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func node(t testing.TB, c core.Conn) *core.Node {
	n := core.NewNode(c, core.Config{})
	t.Cleanup(func() { n.Close() })
	return n
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
	t.Cleanup(cancel)
	return ctx
}

func TestReadyLine(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{nil, `^listening http://127\.0\.0\.1:\d+ udp 127\.0\.0\.1:any\n$`},
		{[]string{"--udp-ports", "20000-20019"}, `^listening http://127\.0\.0\.1:\d+ udp 127\.0\.0\.1:20000-20019\n$`},
		{[]string{"--public-ip", "10.1.2.3", "--public-ip", "fd00::1"}, `^listening http://127\.0\.0\.1:\d+ udp 10\.1\.2\.3:any,\[fd00::1\]:any\n$`},
		{[]string{"--json"}, `^{"listening":"http://127\.0\.0\.1:\d+","udp":\["127\.0\.0\.1:any"\]}\n$`},
	}
	for _, tt := range tests {
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			p := start(t, tt.args...)
			if code := p.Stop(t, sig); code != 0 {
				t.Errorf("%q: exit status %d after %v, want 0", tt.args, code, sig)
			}
			out := p.Stdout.String()
			if !regexp.MustCompile(tt.want).MatchString(out) {
				t.Errorf("%q: stdout = %q, want %s", tt.args, out, tt.want)
			}
		}
	}
}

// Tabs get the addresses and ports that the relay was told to lend.
func TestLentAddresses(t *testing.T) {
	if c, err := net.ListenPacket("udp6", "[::1]:0"); err != nil {
		t.Skip("no IPv6: ", err)
	} else {
		c.Close()
	}
	p := start(t, "--public-ip", "127.0.0.1,::1", "--udp-ports", "20000-20049")
	for family, ip := range map[int]string{0: "127.0.0.1", 4: "127.0.0.1", 6: "::1"} {
		c, _ := dial(t, p.url, func(c *wsrelay.Config) { c.Family = family })
		if a := c.LocalAddr(); a.Addr().String() != ip || a.Port() < 20000 || a.Port() > 20049 {
			t.Errorf("family %d: lent %v, want %s and a port of the range", family, a, ip)
		}
	}
}

// The page and the module come with the relay, as internal/site serves them.
func TestPage(t *testing.T) {
	p := start(t)
	r, body := get(t, p.url+"/", "Accept-Encoding", "identity")
	if r.StatusCode != 200 || !strings.Contains(body, "<title>") || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("GET / = %s %s %.80q", r.Status, r.Header, body)
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy", "ETag"} {
		if r.Header.Get(name) == "" {
			t.Errorf("GET / has no %s", name)
		}
	}
	for _, path := range []string{"/page.js", "/page.css"} {
		for _, coding := range []string{"br", "gzip"} {
			r, body := get(t, p.url+path, "Accept-Encoding", coding)
			if r.StatusCode != 200 || r.Header.Get("Content-Encoding") != coding || body == "" {
				t.Errorf("GET %s in %s = %s %s", path, coding, r.Status, r.Header)
			}
			again, _ := get(t, p.url+path, "Accept-Encoding", coding, "If-None-Match", r.Header.Get("ETag"))
			if again.StatusCode != 304 {
				t.Errorf("GET %s again = %s, want 304", path, again.Status)
			}
		}
	}
	if r, _ := get(t, p.url+"/kadmesh.d.ts"); r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("GET /kadmesh.d.ts = %s %s, want it open to other sites", r.Status, r.Header)
	}
	if r, body := get(t, p.url+"/kadmesh.wasm"); r.StatusCode == 404 {
		p.Stderr.Await(t, `level=WARN msg="built without the module`)
		if !strings.Contains(body, "make build") {
			t.Errorf("GET /kadmesh.wasm = %q, want what to do", body)
		}
	} else if r.Header.Get("Content-Type") != "application/wasm" {
		t.Errorf("GET /kadmesh.wasm = %s %s", r.Status, r.Header)
	}
	if r, _ := get(t, p.url+"/metrics"); r.StatusCode != 404 {
		t.Errorf("GET /metrics = %s, want 404: they are not public", r.Status)
	}
}

func TestHealth(t *testing.T) {
	p := start(t, "--max-peers", "3")
	dial(t, p.url)
	var h struct {
		Status, Version string
		Peers, Capacity int
	}
	r, body := get(t, p.url+"/healthz")
	decode(t, body, &h)
	if r.StatusCode != 200 || h.Status != "ok" || h.Version != "v0.0.0-test" || h.Peers != 1 || h.Capacity != 3 {
		t.Errorf("healthz = %s %+v, want ok with 1 peer of 3", r.Status, h)
	}
}

// The page makes its tabs join the network that the operator names.
func TestPageNamesNetwork(t *testing.T) {
	for _, name := range []string{"", "red"} {
		p := start(t, "--network", name)
		if _, page := get(t, p.url+"/"); !strings.Contains(page, `<meta name="kadmesh-network" content="`+name+`">`) {
			t.Errorf("the page does not name the network %q: %.600q", name, page)
		}
	}
}

func TestHealthWhileClosing(t *testing.T) {
	h := &health{version: "v1", capacity: 2, stats: func() relay.Stats { return relay.Stats{Lent: 1} }}
	h.closing.Store(true)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	const want = `{"status":"shutting down","version":"v1","peers":1,"capacity":2}` + "\n"
	if w.Code != 503 || w.Body.String() != want {
		t.Errorf("healthz = %d %s, want 503 %s", w.Code, w.Body, want)
	}
}

// Two tabs and a node with a socket are one network.
func TestNodesTalk(t *testing.T) {
	first := node(t, udpConn(t))
	p := start(t, "--bootstrap", first.Addr().String())
	nodes := []*core.Node{first}
	for range 2 {
		c, _ := dial(t, p.url)
		if got := fmt.Sprint(c.Bootstrap()); got != fmt.Sprintf("[%v]", first.Addr()) {
			t.Errorf("bootstrap = %s, want %v", got, first.Addr())
		}
		n := node(t, c)
		if err := n.Bootstrap(soon(t), c.Bootstrap()...); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		key, want := fmt.Sprint("key ", i), core.String(fmt.Sprint("value ", i))
		if held, err := n.Set(soon(t), key, want); held == 0 || err != nil {
			t.Errorf("Set at node %d = %d, %v, want some, nil", i, held, err)
		}
		for j, at := range nodes {
			if got, err := at.Get(soon(t), key); got != want || err != nil {
				t.Errorf("Get at node %d of what node %d set = %v, %v, want %v", j, i, got, err, want)
			}
		}
	}
}

// Names are resolved while the relay runs.
func TestBootstrapByName(t *testing.T) {
	p := start(t, "--bootstrap", "nosuch.invalid:8468", "--bootstrap", "localhost:8469")
	p.Stderr.Await(t, `level=WARN msg="bootstrap name is of no use now" name=nosuch\.invalid`)
	p.Stderr.Await(t, `msg="bootstrap nodes" addrs=\[127\.0\.0\.1:8469\]`)
	if c, _ := dial(t, p.url); fmt.Sprint(c.Bootstrap()) != "[127.0.0.1:8469]" {
		t.Errorf("bootstrap = %v, want that of localhost", c.Bootstrap())
	}
}

func TestMetrics(t *testing.T) {
	p := start(t, "--metrics", "127.0.0.1:0", "--max-peers", "5")
	url := p.Stderr.Await(t, `msg=metrics url=(\S+)`)[1]
	c, _ := dial(t, p.url)
	socket := udpConn(t)
	ping := "\x00....................\x92\xa4ping\x91\xc4\x14...................."
	if n, err := c.WriteBatch([][]byte{[]byte("no datagram of the DHT")}, []netip.AddrPort{socket.LocalAddr()}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	// What came through was counted.
	stop := proctest.Persist(func() {
		c.WriteBatch([][]byte{[]byte(ping)}, []netip.AddrPort{socket.LocalAddr()})
	}, func() { socket.Close() })
	in, sizes, from := [][]byte{make([]byte, 1500)}, make([]int, 1), make([]netip.AddrPort, 1)
	_, err := socket.ReadBatch(in, sizes, from)
	stop()
	if err != nil || string(in[0][:sizes[0]]) != ping || from[0] != c.LocalAddr() {
		t.Fatalf("got %q from %v, %v, want the request", in[0][:sizes[0]], from[0], err)
	}
	r, body := get(t, url)
	if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("GET %s = %s %s", url, r.Status, r.Header)
	}
	for _, want := range []string{
		`kadmesh_relay_info{version="v0.0.0-test"} 1`,
		"kadmesh_relay_peers 1", "kadmesh_relay_connections 1", "kadmesh_relay_capacity 5",
		"kadmesh_relay_accepted_total 1",
		`kadmesh_relay_dropped_total{direction="from_tabs",reason="not_rpc"} 1`,
		`kadmesh_relay_dropped_total{direction="to_tabs",reason="silent_destination"} 0`,
		`kadmesh_relay_errors_total{reason="per_ip"} 0`,
		"go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// A relay that is restarted with its secret lends each tab the port from before.
func TestRestart(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	p := start(t, "--secret-file", secret)
	if s, err := os.Stat(secret); err != nil || s.Mode().Perm() != 0o600 {
		t.Fatalf("secret file: %v, %v, want one that this user alone can read", s.Mode(), err)
	}
	first, states := dial(t, p.url)
	addr := first.LocalAddr()
	if code := p.Stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	p.Stderr.Await(t, `msg=leaving peers=1`)
	if s := next(t, states, wsrelay.Lost); s.Retry > 10*time.Second {
		t.Errorf("retry in %v, want when the relay said", s.Retry)
	}
	again := start(t, "--secret-file", secret, "--listen", strings.TrimPrefix(p.url, "http://"))
	if again.url != p.url {
		t.Errorf("listening %s, want %s", again.url, p.url)
	}
	if s := next(t, states, wsrelay.Connected); !s.Resumed || s.Addr != addr {
		t.Errorf("state = %+v, want %v resumed", s, addr)
	}
}

// A second signal does not wait for anybody.
func TestSecondSignal(t *testing.T) {
	p := start(t)
	// A client that opens a WebSocket and does not answer when it is to be closed.
	c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := http.NewRequest("GET", p.url+"/relay", nil)
	if err != nil {
		t.Fatal(err)
	}
	upgrade(r.Header)
	r.Write(c)
	if resp, err := http.ReadResponse(bufio.NewReader(c), r); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake = %v, %v", resp, err)
	}
	p.Signal(t, os.Interrupt)
	p.Stderr.Await(t, `msg=leaving`)
	p.Signal(t, os.Interrupt)
	if end := p.End(t); !end.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("ended with %v, want by the signal", end)
	}
}
