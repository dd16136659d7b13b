package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// These tests run the program itself, built once, with tabs that are clients in
// this process, all on the loopback interface.

// patience is how long a test waits for what should take a moment.
const patience = time.Minute

var (
	binary    string
	authority *testAuthority // whose certificates this process and its clients trust
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kadmesh-relay")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if authority, err = newAuthority(filepath.Join(dir, "authority.pem")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Unsetenv(tokenVariable)
	binary = filepath.Join(dir, "kadmesh-relay.exe")
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

// runRelay runs the program until it ends.
func runRelay(t testing.TB, args ...string) result {
	t.Helper()
	return finish(t, func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, binary, args...) })
}

func finish(t testing.TB, command func(context.Context) *exec.Cmd) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := command(ctx)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, &stderr)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
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

// process is a relay that goes on until it is told to end.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	url            string // of the page
	udp            string // the ports that are lent
}

// start starts a relay that lets private addresses be reached, at a free port
// unless args say something else, and waits until it is ready.
func start(t testing.TB, args ...string) *process {
	t.Helper()
	args = append([]string{"--allow-private", "--listen", "127.0.0.1:0"}, args...)
	p := &process{cmd: exec.Command(binary, args...)}
	p.stdout.changed, p.stderr.changed = make(chan struct{}, 1), make(chan struct{}, 1)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		p.cmd.Wait()
		close(over)
		fmt.Fprint(&p.stdout, "\nover\n")
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-over
		if t.Failed() {
			t.Logf("%q logged:\n%s", args, &p.stderr)
		}
	})
	m := p.stdout.await(t, `listening(?: |": *")([^ "]+)(?: udp |","udp":)(\S+)|over`)
	if m[1] == "" {
		t.Fatalf("%q ended:\n%s", args, &p.stderr)
	}
	p.url, p.udp = m[1], m[2]
	return p
}

// signal sends a signal.
func (p *process) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// stop sends a signal and returns the exit status.
func (p *process) stop(t testing.TB, sig os.Signal) int {
	t.Helper()
	p.signal(t, sig)
	return p.status(t)
}

// status waits for the end and returns the exit status.
func (p *process) status(t testing.TB) int {
	t.Helper()
	p.stdout.await(t, "\nover\n")
	return p.cmd.ProcessState.ExitCode()
}

// get asks for url, with headers given as name, value.
func get(t testing.TB, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
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
