package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// These tests run the program itself, built once, against nodes that are
// processes of their own on the loopback interface.

var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kadmesh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary, err = proctest.Build(dir, "kadmesh"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// result is the output and exit status of a program.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the program until it exits, with stdin as its input.
func run(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	stdout, stderr, code := proctest.Run(t, binary, stdin, args...)
	return result{stdout, stderr, code}
}

// want runs the program and compares its result.
func want(t testing.TB, w result, args ...string) {
	t.Helper()
	if got := run(t, "", args...); got != w {
		t.Errorf("kadmesh %q:\n got %q\nwant %q", args, got, w)
	}
}

// wantSoon is want for results that need a moment. A node knows a newcomer only after
// the newcomer has answered its ping.
func wantSoon(t testing.TB, w result, args ...string) {
	t.Helper()
	for late := time.Now().Add(proctest.Patience); run(t, "", args...) != w; {
		if time.Now().After(late) {
			want(t, w, args...)
			return
		}
	}
}

// start starts the program.
func start(t testing.TB, args ...string) *proctest.Process {
	t.Helper()
	return proctest.Start(t, binary, args...)
}

const listeningLine = `^listening (\S+:\d+) id ([0-9a-f]{40})\n`

// startNode starts a node and returns its address.
func startNode(t testing.TB, args ...string) (*proctest.Process, string) {
	t.Helper()
	p := start(t, append([]string{"node", "--listen", "127.0.0.1:0"}, args...)...)
	return p, p.Stdout.Await(t, listeningLine)[1]
}

// startNetwork starts nodes, waits until all have joined, and returns their addresses.
func startNetwork(t testing.TB, nodes int) []string {
	t.Helper()
	_, first := startNode(t)
	addrs := []string{first}
	for len(addrs) < nodes {
		p, addr := startNode(t, "--bootstrap", first)
		p.Stderr.Await(t, `msg=joined`)
		addrs = append(addrs, addr)
		wantSoon(t, result{fmt.Sprintf("stored on %d nodes\n", len(addrs)), "", 0}, "set", "ready", "v", "-b", first)
	}
	return addrs
}

// silent returns the address of a socket that answers nothing. disturbed reports
// whether it has received anything.
func silent(t testing.TB) (addr string, disturbed func() bool) {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String(), func() bool {
		c.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, _, _ := c.ReadFrom(make([]byte, 1))
		return n > 0
	}
}

// decode parses exactly one line of JSON without fields unknown to v.
func decode(t testing.TB, line string, v any) {
	t.Helper()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Errorf("got %q, want one line", line)
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Errorf("%v in %q", err, line)
	}
}
