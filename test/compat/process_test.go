//go:build compat

package compat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// node starts a node, which joins through the seeds, and returns its address.
func (v version) node(t *testing.T, seeds ...string) (addr string, p *proctest.Process) {
	t.Helper()
	args := []string{"node", "--listen", "127.0.0.1:0"}
	for _, s := range seeds {
		args = append(args, "--bootstrap", s)
	}
	p = proctest.Start(t, v.kadmesh, args...)
	return p.Stdout.Await(t, `listening (\S+) id`)[1], p
}

// startRelay starts a relay for tabs that join through the seed, and returns its
// address.
func (v version) startRelay(t *testing.T, listen, seed string, flags ...string) (addr string, p *proctest.Process) {
	t.Helper()
	args := append([]string{"--listen", listen, "--allow-private", "--bootstrap", seed}, flags...)
	p = proctest.Start(t, v.relay, args...)
	return p.Stdout.Await(t, `listening http://(\S+) udp`)[1], p
}

// run runs a command of kadmesh, which has to end with status 0, and returns its
// output.
func (v version) run(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := proctest.Run(t, v.kadmesh, "", args...)
	if code != 0 {
		t.Fatalf("kadmesh %s of %s: status %d: %s", strings.Join(args, " "), v.name, code, stderr)
	}
	return strings.TrimSpace(stdout)
}

func (v version) set(t *testing.T, via, key, value string, flags ...string) string {
	t.Helper()
	return v.run(t, append([]string{"set", key, value, "--bootstrap", via}, flags...)...)
}

func (v version) get(t *testing.T, via, key string) string {
	t.Helper()
	return v.run(t, "get", key, "--bootstrap", via)
}

// found is the output of kadmesh get --json.
type found struct {
	Type, Published string
	Value           any
	From            struct{ Addr string }
}

func (v version) find(t *testing.T, via, key string) found {
	t.Helper()
	var f found
	if text := v.run(t, "get", key, "--bootstrap", via, "--json"); json.Unmarshal([]byte(text), &f) != nil {
		t.Fatalf("kadmesh get --json of %s printed %s", v.name, text)
	}
	return f
}

// driven is a process that answers lines of JSON: a tab's node, or one of Python.
type driven struct {
	t     *testing.T
	name  string
	in    io.WriteCloser
	lines *bufio.Scanner
	first map[string]any // the line that says that it is ready
}

// tab starts the node of a browser tab, in Node.js.
func (v version) tab(t *testing.T, relay string) *driven {
	t.Helper()
	flags := []string{"--no-warnings"}
	if exec.Command("node", "-e", `process.exit(typeof WebSocket === "function" ? 0 : 1)`).Run() != nil {
		flags = append(flags, "--experimental-websocket")
	}
	return drive(t, "tab of "+v.name, "node", append(flags, "tab.mjs", v.module, "ws://"+relay)...)
}

func (d *driven) address() string { return fmt.Sprint(d.first["address"]) }

// drive starts a process that ends with the test.
func drive(t *testing.T, name, program string, args ...string) *driven {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		cmd.Wait()
	})
	d := &driven{t: t, name: name, in: in, lines: bufio.NewScanner(out)}
	d.first = d.line()
	return d
}

func (d *driven) line() map[string]any {
	d.t.Helper()
	var answer map[string]any
	if !d.lines.Scan() || json.Unmarshal(d.lines.Bytes(), &answer) != nil {
		d.t.Fatalf("%s: %q, %v: want a line of JSON", d.name, d.lines.Bytes(), d.lines.Err())
	}
	return answer
}

// call runs an operation, which has to succeed.
func (d *driven) call(op string, fields map[string]any) map[string]any {
	d.t.Helper()
	request := map[string]any{"op": op}
	for name, value := range fields {
		request[name] = value
	}
	if err := json.NewEncoder(d.in).Encode(request); err != nil {
		d.t.Fatalf("%s: %v", d.name, err)
	}
	answer := d.line()
	if answer["ok"] != true {
		d.t.Fatalf("%s: %s %v: %v", d.name, op, fields, answer["error"])
	}
	return answer
}

func (d *driven) set(key, value string) {
	d.t.Helper()
	d.call("set", map[string]any{"key": key, "value": map[string]any{"t": "str", "v": value}})
}

func (d *driven) get(key string) string {
	d.t.Helper()
	value, _ := d.call("get", map[string]any{"key": key})["value"].(map[string]any)
	return fmt.Sprint(value["v"])
}
