package main

import (
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

func TestNodePrintsOneLineAndLeaves(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p, addr := startNode(t)
		if !strings.HasPrefix(addr, "127.0.0.1:") || strings.HasSuffix(addr, ":0") {
			t.Errorf("listening %s, want the port", addr)
		}
		begin := time.Now()
		code := p.Stop(t, sig)
		if took := time.Since(begin); code != 0 || took > 5*time.Second {
			t.Errorf("exit status %d after %v and %v, want 0 at once", code, sig, took)
		}
		if out := p.Stdout.String(); !regexp.MustCompile(listeningLine + "$").MatchString(out) {
			t.Errorf("stdout is %q, want one line", out)
		}
	}
}

func TestNodeJSON(t *testing.T) {
	id := strings.Repeat("ab", 20)
	p := start(t, "node", "--listen", "127.0.0.1:0", "--id", id, "--json", "--log-format", "json")
	var line struct{ Listening, ID string }
	decode(t, p.Stdout.Await(t, `(?s).*\n`)[0], &line)
	if line.ID != id {
		t.Errorf("id %s, want %s", line.ID, id)
	}
	p.Stderr.Await(t, `{"time":.*"msg":"no bootstrap given`)
	want(t, result{"stored on 1 node\n", "", 0}, "set", "k", "v", "-b", line.Listening)
}

func TestPortInUse(t *testing.T) {
	_, addr := startNode(t)
	r := run(t, "", "node", "--listen", addr)
	if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "choose another port") {
		t.Errorf("node on a used port = %q, want exit status 1 and what to do", r)
	}
}

func TestListenOnMulticast(t *testing.T) {
	want(t, result{"", "listen on 239.1.1.1:0: a multicast address cannot be a node's own\n", 1},
		"node", "--listen", "239.1.1.1:0")
}

// A node waits for a bootstrap node that is not there yet, and can leave meanwhile.
func TestNodeWaitsForBootstrap(t *testing.T) {
	t.Parallel()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	late := c.LocalAddr().String()
	p, addr := startNode(t, "--bootstrap", late, "--bootstrap", "nosuch.invalid:8468")
	p.Stderr.Await(t, `level=WARN msg="bootstrap name not usable yet" name=nosuch.invalid`)
	p.Stderr.Await(t, `level=WARN msg="bootstrap node does not answer" addr=`+late)
	c.Close()
	start(t, "node", "--listen", late).Stdout.Await(t, listeningLine)
	p.Stderr.Await(t, `msg=joined `)
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "v", "-b", addr)
	begin := time.Now()
	if code := p.Stop(t, syscall.SIGTERM); code != 0 || time.Since(begin) > 5*time.Second {
		t.Errorf("exit status %d after %v, want 0 at once", code, time.Since(begin))
	}
}

// All ways to write the address of a node on this machine work.
func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		listen     string
		bootstraps []string // to which the port is added
	}{
		{"127.0.0.1", []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"}},
		{"0.0.0.0", []string{"127.0.0.1", "0.0.0.0"}},
		{"", []string{"127.0.0.1"}},
		{"localhost", []string{"localhost"}},
		{"[::1]", []string{"[::1]"}},
		{"[::]", []string{"[::]", "[::1]", "127.0.0.1", "localhost"}},
	}
	for _, tt := range tests {
		t.Run(tt.listen, func(t *testing.T) {
			if strings.HasPrefix(tt.listen, "[") {
				skipWithoutIPv6(t)
			}
			p := start(t, "node", "--listen", tt.listen+":0")
			_, port, err := net.SplitHostPort(p.Stdout.Await(t, listeningLine)[1])
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range tt.bootstraps {
				addr := b + ":" + port
				want(t, result{"stored on 1 node\n", "", 0}, "set", "k", b, "--bootstrap", addr)
				want(t, result{b + "\n", "", 0}, "get", "k", "--bootstrap", addr)
				if r := run(t, "", "ping", addr); r.code != 0 {
					t.Errorf("ping %s = %q", addr, r)
				}
				q, _ := startAt(t, tt.listen+":0", "--bootstrap", addr)
				q.Stderr.Await(t, `msg=joined`)
				q.Stop(t, os.Interrupt)
			}
		})
	}
}

// startAt starts a node that listens on an address.
func startAt(t *testing.T, listen string, args ...string) (*proctest.Process, string) {
	t.Helper()
	p := start(t, append([]string{"node", "--listen", listen}, args...)...)
	return p, p.Stdout.Await(t, listeningLine)[1]
}

func skipWithoutIPv6(t *testing.T) {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	c.Close()
}

// A node with the id and address of a killed node takes its place.
func TestNodeComesBack(t *testing.T) {
	id := strings.Repeat("77", 20)
	p, addr := startNode(t, "--id", id)
	q, other := startNode(t, "--bootstrap", addr)
	q.Stderr.Await(t, `msg=joined`)
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "v", "-b", addr)
	p.Stop(t, os.Kill)
	back, _ := startAt(t, addr, "--id", id, "--bootstrap", other)
	back.Stderr.Await(t, `msg=joined`)
	want(t, result{"v\n", "", 0}, "get", "k", "-b", addr)
}
