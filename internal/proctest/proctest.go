// Package proctest is for tests of a program as a process: the program is built once,
// and the tests read its output. It also has waits for tests of real sockets.
package proctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is the longest wait of a test for a program.
const Patience = time.Minute

// Version is the version of programs built by Build.
const Version = "v0.0.0-test"

// Build builds the program in the working directory into dir. It returns the path of
// the binary.
func Build(dir, name string) (string, error) {
	binary := filepath.Join(dir, name+".exe")
	build := exec.Command("go", "build", "-o", binary, "-ldflags", "-X main.version="+Version, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return binary, nil
}

// Run runs a program until it exits. It returns the output and the exit status.
func Run(t testing.TB, binary, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return Finish(t, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Stdin = strings.NewReader(stdin)
		return cmd
	})
}

// Finish is Run for any command. The command must be made with the context.
func Finish(t testing.TB, command func(context.Context) *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cmd := command(ctx)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	failure := cmd.Run()
	if exit := new(exec.ExitError); failure != nil && !errors.As(failure, &exit) || ctx.Err() != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, failure, &err)
	}
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// Output is the output of a process so far.
type Output struct {
	mu      sync.Mutex // guards text
	text    bytes.Buffer
	changed chan struct{}
	over    <-chan struct{} // closed when the process has exited
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

// String returns the output so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Await waits until the output matches pattern, and returns the submatches. The test
// fails if the process exits first.
func (o *Output) Await(t testing.TB, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(Patience)
	for over := false; ; {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m
		}
		if over {
			t.Fatalf("ended without %q in output:\n%s", pattern, o)
		}
		select {
		case <-o.changed:
		case <-o.over:
			over = true
		case <-late:
			t.Fatalf("no %q in output:\n%s", pattern, o)
		}
	}
}

// Process is a running program. The end of the test kills it.
type Process struct {
	Stdout, Stderr *Output
	cmd            *exec.Cmd
	over           chan struct{}
}

// Start starts a program.
func Start(t testing.TB, binary string, args ...string) *Process {
	t.Helper()
	over := make(chan struct{})
	output := func() *Output { return &Output{changed: make(chan struct{}, 1), over: over} }
	p := &Process{output(), output(), exec.Command(binary, args...), over}
	p.cmd.Stdout, p.cmd.Stderr = p.Stdout, p.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(over)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-over
		if t.Failed() {
			t.Logf("%q logged:\n%s", args, p.Stderr)
		}
	})
	return p
}

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// End waits for the exit and returns the final state.
func (p *Process) End(t testing.TB) *os.ProcessState {
	t.Helper()
	select {
	case <-p.over:
	case <-time.After(Patience):
		t.Fatalf("%q does not end", p.cmd.Args)
	}
	return p.cmd.ProcessState
}

// Stop sends a signal, waits for the exit and returns the exit status.
func (p *Process) Stop(t testing.TB, sig os.Signal) int {
	t.Helper()
	p.Signal(t, sig)
	return p.End(t).ExitCode()
}
