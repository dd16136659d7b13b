package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// These tests run the program itself, built once, with tabs that are clients in
// this process, all on the loopback interface.

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
	if binary, err = proctest.Build(dir, "kadmesh-relay"); err != nil {
		fmt.Fprintln(os.Stderr, err)
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
	stdout, stderr, code := proctest.Run(t, binary, "", args...)
	return result{stdout, stderr, code}
}

// process is a relay that goes on until it is told to end.
type process struct {
	*proctest.Process
	url string // of the page
	udp string // the ports that are lent
}

// start starts a relay that lets private addresses be reached, at a free port
// unless args say something else, and waits until it is ready.
func start(t testing.TB, args ...string) *process {
	t.Helper()
	args = append([]string{"--allow-private", "--listen", "127.0.0.1:0"}, args...)
	p := proctest.Start(t, binary, args...)
	m := p.Stdout.Await(t, `listening(?: |": *")([^ "]+)(?: udp |","udp":)(\S+)`)
	return &process{p, m[1], m[2]}
}

// get asks for url, with headers given as name, value.
func get(t testing.TB, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
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
