//go:build interop

package interop

import (
	"bufio"
	"encoding/binary"
	"flag"
	"os"
	"os/exec"
	"testing"

	"github.com/kadmesh/kadmesh/internal/wire"
)

var (
	generated = flag.Int("values", 10_000, "number of values that TestReferenceDecodesTheSameValues generates")
	seed      = flag.Uint64("seed", 1, "seed of these values")
)

// Parser.Valid accepts a value exactly if the reference decodes it: what a node keeps
// and serves, Python can read.
func TestReferenceDecodesTheSameValues(t *testing.T) {
	t.Logf("%d values, seed %d", *generated, *seed)
	reference := startDecoder(t)
	go func() {
		g := newGenerator(*seed)
		for range *generated {
			reference.send(g.mutated())
		}
		reference.in.Flush()
	}()
	g := newGenerator(*seed) // the same values again
	outcomes := make(map[string]int)
	p := wire.NewParser()
	for range *generated {
		v, want := g.mutated(), reference.outcome(t)
		outcomes[want]++
		if got := p.Valid(v); got != (want == "decoded") {
			t.Errorf("Valid(%x) = %v, reference: %s", v, got, want)
		}
	}
	t.Log(outcomes)
	// A generator that never meets a rule says nothing of it.
	for _, outcome := range []string{"decoded", "longer", "DuplicateKeyException", "InsufficientDataException",
		"InvalidStringException", "OverflowError", "ReservedCodeException", "UnhashableKeyException",
		"UnsupportedTimestampException"} {
		if least := *generated / 1000; outcomes[outcome] < least {
			t.Errorf("%s %d times, want at least %d", outcome, outcomes[outcome], least)
		}
	}
}

// decoder is a process of decode.py.
type decoder struct {
	in  *bufio.Writer
	out *bufio.Scanner
}

func startDecoder(t *testing.T) decoder {
	t.Helper()
	cmd := exec.Command(interpreter(t), "decode.py")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return decoder{bufio.NewWriter(stdin), bufio.NewScanner(stdout)}
}

// send writes one value to the process. An error shows in the missing outcome.
func (d decoder) send(v []byte) {
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(v)))
	d.in.Write(head[:])
	d.in.Write(v)
}

func (d decoder) outcome(t *testing.T) string {
	t.Helper()
	if !d.out.Scan() {
		t.Fatalf("decode.py has ended: %v", d.out.Err())
	}
	return d.out.Text()
}
