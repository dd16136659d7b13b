package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests run the program itself, built once, against nodes that are
// processes of their own on the loopback interface.

// patience is how long a test waits for what a process should print or do.
const patience = time.Minute

var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kadmesh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "kadmesh.exe")
	build := exec.Command("go", "build", "-o", binary, "-ldflags", "-X main.version=v0.0.0-test", ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// result is what a finished program leaves.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the program until it ends, with stdin as its input.
func run(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("kadmesh %q: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// want runs the program and checks all that it leaves.
func want(t testing.TB, w result, args ...string) {
	t.Helper()
	if got := run(t, "", args...); got != w {
		t.Errorf("kadmesh %q:\n got %q\nwant %q", args, got, w)
	}
}

// output is what a running process has printed so far.
type output struct {
	mu      sync.Mutex // guards text
	text    bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the output matches pattern, and returns the submatches.
func (o *output) await(t testing.TB, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m
		}
		select {
		case <-o.changed:
		case <-late:
			t.Fatalf("no %q in output:\n%s", pattern, o)
		}
	}
}

// process is a program that goes on until it is told to end.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
}

func start(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...)}
	p.stdout.changed, p.stderr.changed = make(chan struct{}, 1), make(chan struct{}, 1)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
			p.cmd.Wait()
		}
	})
	return p
}

// stop sends a signal and returns the exit status.
func (p *process) stop(t testing.TB, sig os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

const listeningLine = `^listening (\S+:\d+) id ([0-9a-f]{40})\n`

// startNode starts a node and returns where it listens.
func startNode(t testing.TB, args ...string) (*process, string) {
	t.Helper()
	p := start(t, append([]string{"node", "--listen", "127.0.0.1:0"}, args...)...)
	return p, p.stdout.await(t, listeningLine)[1]
}

// startNetwork starts some nodes, of which all have joined, and returns where
// they listen.
func startNetwork(t testing.TB, nodes int) []string {
	t.Helper()
	_, first := startNode(t)
	addrs := []string{first}
	for len(addrs) < nodes {
		p, addr := startNode(t, "--bootstrap", first)
		p.stderr.await(t, `msg=joined`)
		addrs = append(addrs, addr)
	}
	return addrs
}

// silent returns the address of a socket that answers nothing, and a function
// that says whether anything has been sent there.
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

// decode reads exactly one line of JSON that has no other fields than v.
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
