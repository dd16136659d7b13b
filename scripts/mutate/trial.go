package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// outcome is how a mutant fared.
type outcome string

const (
	killed     outcome = "killed"
	survived   outcome = "survived"
	timedOut   outcome = "timeout"    // killed: no result in several times the usual time
	equivalent outcome = "equivalent" // in equivalents.txt
	unbuilt    outcome = "unbuilt"    // refused by the compiler after all, or the code has changed meanwhile
)

// result is a mutant that was tried.
type result struct {
	mutant
	Outcome outcome `json:"outcome"`
	By      string  `json:"by,omitempty"` // the test that failed, or why there was no trial
	Seconds float64 `json:"seconds"`
}

// phase is one way to run the tests of a package. The short tests come first, where
// they are much shorter: they find most breaks.
type phase struct {
	args  []string
	usual time.Duration // of the intact package
}

// leash is how long a mutant may take.
func (p phase) leash() time.Duration { return 3*p.usual + 5*time.Second }

// bench is an intact package with the time that its tests take.
type bench struct {
	*source
	phases []phase
}

// tryAll tries each mutant, some at a time, and returns the results in the same
// order.
func tryAll(ctx context.Context, chosen []mutant, known equivalents, workers int) ([]result, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	benches := make(map[*source]*bench)
	for _, m := range chosen {
		if benches[m.source] == nil {
			if benches[m.source], err = newBench(ctx, m.source, dir); err != nil {
				return nil, err
			}
		}
	}
	results, next := make([]result, len(chosen)), make(chan int)
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for i := range next {
				results[i] = benches[chosen[i].source].try(ctx, chosen[i], known, filepath.Join(dir, fmt.Sprint(i)))
				r := results[i]
				fmt.Fprintf(os.Stderr, "%d/%d %s %.1fs %s:%d %s\n", i+1, len(chosen), r.Outcome, r.Seconds, r.File, r.Line, r.By)
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	work.Wait()
	return results, ctx.Err()
}

// newBench runs the tests of an intact package, which have to pass.
func newBench(ctx context.Context, p *source, dir string) (*bench, error) {
	b := &bench{source: p, phases: []phase{{args: []string{"-test.short"}}, {}}}
	binary := filepath.Join(dir, "intact.test")
	if out, err := b.build(ctx, binary); err != nil {
		return nil, fmt.Errorf("build the tests of %s: %w\n%s", p.name, err, out)
	}
	for i := range b.phases {
		start := time.Now()
		if out, err := b.test(ctx, binary, b.phases[i].args, 10*time.Minute); err != nil {
			return nil, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", p.name, err, out)
		}
		b.phases[i].usual = time.Since(start)
	}
	fmt.Fprintf(os.Stderr, "%s: short tests take %.1fs, all %.1fs\n", p.name, b.phases[0].usual.Seconds(), b.phases[1].usual.Seconds())
	if b.phases[0].usual > b.phases[1].usual/2 {
		b.phases = b.phases[1:]
	}
	return b, nil
}

// try builds and tests one mutant, in a directory that it makes and removes.
func (b *bench) try(ctx context.Context, m mutant, known equivalents, dir string) result {
	start := time.Now()
	r := result{mutant: m}
	r.Outcome, r.By = b.outcome(ctx, m, known, dir)
	r.Seconds = time.Since(start).Seconds()
	return r
}

func (b *bench) outcome(ctx context.Context, m mutant, known equivalents, dir string) (outcome, string) {
	if reason := known[m.id()]; reason != "" {
		return equivalent, reason
	}
	binary, err := b.buildMutant(ctx, m, dir)
	defer os.RemoveAll(dir)
	if err != nil {
		return unbuilt, err.Error()
	}
	for _, p := range b.phases {
		out, err := b.test(ctx, binary, p.args, p.leash())
		if o, by := verdict(out, err); o != survived {
			return o, by
		}
	}
	return survived, ""
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^((?:panic|fatal error): .*)$`)

// verdict interprets the end of a test binary, and names the first test that
// failed, or the panic that ended all of them.
func verdict(out []byte, err error) (outcome, string) {
	m := failure.FindSubmatch(out)
	switch {
	case err == nil:
		return survived, ""
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut, "does not end"
	case m == nil:
		return killed, err.Error()
	case bytes.HasPrefix(m[2], []byte("panic: test timed out")):
		return timedOut, string(m[2])
	}
	return killed, string(m[1]) + string(m[2])
}

// unchanged reports an error if a file of the package is not as it was read.
func (p *source) unchanged() error {
	for _, f := range p.files {
		text, err := os.ReadFile(f.name)
		if err != nil {
			return err
		}
		if !bytes.Equal(text, f.text) {
			return fmt.Errorf("%s has changed since the start", f.name)
		}
	}
	return nil
}

func (b *bench) buildMutant(ctx context.Context, m mutant, dir string) (binary string, err error) {
	if err := b.unchanged(); err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{m.file.name: changed}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(changed, m.text(), 0o644), os.WriteFile(overlay, list, 0o644)); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "mutant.test")
	if out, err := b.build(ctx, binary, "-overlay", overlay); err != nil {
		return "", fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return binary, nil
}

// build compiles the tests, without symbols: that is faster.
func (b *bench) build(ctx context.Context, binary string, flags ...string) (out []byte, err error) {
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, b.path)...)
	cmd.Dir = b.root
	return cmd.CombinedOutput()
}

// maxMemory is how much a test may allocate, in kB of address space: a mutant whose
// loop does not end would take all.
const maxMemory = 4 << 20

// test runs a test binary until its end, its first failure, or the leash's end.
func (b *bench) test(ctx context.Context, binary string, args []string, leash time.Duration) (out []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, leash+5*time.Second) // the binary's own time-out ends first
	defer cancel()
	limited := fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec "$@"`, maxMemory)
	args = append([]string{"-c", limited, "sh", binary, "-test.failfast", "-test.timeout=" + leash.String()}, args...)
	cmd := exec.CommandContext(ctx, "sh", args...)
	cmd.Dir = b.dir
	cmd.WaitDelay = time.Second // a process that a test has started may hold the pipe
	out, err = cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return out, err
}
