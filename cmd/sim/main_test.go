package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/sim"
)

// simulate runs the program.
func simulate(args ...string) (stdout, stderr string, code int) {
	var out, err bytes.Buffer
	p := &program{Program: cli.Program{In: strings.NewReader(""), Out: &out, Err: &err}}
	code = p.Exit(p.Run(p.root(), args))
	return out.String(), err.String(), code
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--scenario nonsense", `--scenario "nonsense": want one of scale, dead10`},
		{"--nodes 9", "--nodes 9: want at least 10"},
		{"--ops 0", "--ops 0: want at least 1"},
		{"--duration=-5m", "--duration -5m0s: want zero or more"},
		{"--k 0", "--k 0: want at least 1"},
		{"--b -1", "--b -1: want at least 1"},
		{"scale", `unexpected argument "scale"`},
		{"-5", `unexpected argument "-5"`},
	} {
		out, err, code := simulate(strings.Fields(tt.args)...)
		if code != 2 || out != "" || !strings.Contains(err, tt.want) {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want 2, nothing, and %q", tt.args, code, out, err, tt.want)
		}
	}
}

// Each number in the text is in the JSON as well. The picture is an SVG.
func TestReport(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "run.svg")
	args := []string{"--scenario", "pairs", "--nodes", "50", "--ops", "20", "--duration", "1m"}
	text, progress, code := simulate(append(args, "--svg", svg)...)
	if code != 0 || !strings.Contains(text, "get p50") || !strings.Contains(progress, "took ") {
		t.Errorf("status %d, %q, progress %q", code, text, progress)
	}
	if b, err := os.ReadFile(svg); err != nil || !bytes.HasPrefix(b, []byte("<svg")) {
		t.Errorf("the picture is %.20q, %v", b, err)
	}
	out, err, code := simulate(append(args, "--json", "--quiet")...)
	var r sim.Report
	if e := json.Unmarshal([]byte(out), &r); e != nil || code != 0 || err != "" {
		t.Fatalf("status %d, stderr %q, %v", code, err, e)
	}
	if !strings.Contains(text, r.Digest) {
		t.Errorf("the digest is %s, want the same in both runs", r.Digest)
	}
	for _, m := range r.Metrics {
		if !strings.Contains(text, m.Name) {
			t.Errorf("%q is in the JSON only", m.Name)
		}
	}
}

// A number that misses its limit makes the status 1.
func TestMissed(t *testing.T) {
	args := strings.Fields("--scenario dead30 --nodes 40 --ops 20 --duration 1m --k 1 --quiet")
	_, err, code := simulate(args...)
	if code != 1 || !strings.Contains(err, "miss their limits") {
		t.Errorf("status %d, stderr %q, want 1 and the number's name", code, err)
	}
}

func TestList(t *testing.T) {
	out, _, code := simulate("--list", "--json")
	if code != 0 || strings.Count(out, "\n") != len(sim.Scenarios) || !strings.Contains(out, `"name":"kad"`) {
		t.Errorf("status %d, %s", code, out)
	}
}

// The scenario ends well if every node holds the value, so that no get sends a request.
func TestHotKeyOfFew(t *testing.T) {
	if out, err, code := simulate("--scenario", "hotkey", "--nodes", "15", "--json", "--quiet"); code != 0 {
		t.Errorf("status %d, %q, %q", code, out, err)
	}
}
