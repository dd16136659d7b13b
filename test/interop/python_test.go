//go:build interop

package interop

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// python is a process with nodes of the real Python package in it, driven by
// lines of JSON: see README.md.
type python struct {
	t     testing.TB
	nodes []pyNode
	cmd   *exec.Cmd
	stdin io.WriteCloser

	mu      sync.Mutex
	waiting map[int]chan map[string]any
	last    int
	ended   chan struct{}
}

// pyNode is one of the nodes of a process.
type pyNode struct {
	p     *python
	index int
	core.Contact
}

// interpreter returns the path of a Python with the reference.
func interpreter(t testing.TB) string {
	t.Helper()
	path := os.Getenv("KADMESH_PYTHON")
	if path == "" {
		t.Fatal("KADMESH_PYTHON is not set to a Python that has test/python/requirements.txt: use `make interop`")
	}
	return path
}

// opTimeout is how long one operation of a Python node may take. It is there to
// end a test that hangs, not to measure.
const opTimeout = 2 * time.Minute

// startPython starts a process with count nodes, which ends with the test.
func startPython(t testing.TB, count int, args ...string) *python {
	t.Helper()
	p := &python{t: t, waiting: make(map[int]chan map[string]any), ended: make(chan struct{})}
	p.cmd = exec.Command(interpreter(t), append([]string{"node.py", "--count", strconv.Itoa(count)}, args...)...)
	p.cmd.Stderr = os.Stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.cmd.Path, err)
	}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	if !lines.Scan() {
		t.Fatalf("no first line from node.py: %v", lines.Err())
	}
	p.readNodes(lines.Bytes())
	go p.read(lines)
	return p
}

func (p *python) readNodes(line []byte) {
	var first struct {
		Nodes []struct {
			Listening [2]any  `json:"listening"`
			ID        core.ID `json:"id"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal(line, &first); err != nil {
		p.t.Fatalf("first line of node.py: %v: %s", err, line)
	}
	for i, n := range first.Nodes {
		addr := netip.MustParseAddrPort(fmt.Sprintf("%v:%v", n.Listening[0], n.Listening[1]))
		p.nodes = append(p.nodes, pyNode{p, i, core.Contact{ID: n.ID, Addr: addr}})
	}
}

func (p *python) read(lines *bufio.Scanner) {
	defer close(p.ended)
	for lines.Scan() {
		var answer map[string]any
		if json.Unmarshal(lines.Bytes(), &answer) != nil {
			continue
		}
		id, _ := answer["id"].(float64)
		p.mu.Lock()
		c := p.waiting[int(id)]
		delete(p.waiting, int(id))
		p.mu.Unlock()
		if c != nil {
			c <- answer
		}
	}
}

// kill ends the process abruptly.
func (p *python) kill() {
	p.cmd.Process.Kill()
	p.stdin.Close()
	<-p.ended
	p.cmd.Wait()
}

// call runs an operation on a node and returns its answer.
func (n pyNode) call(op string, fields map[string]any) (map[string]any, error) {
	p := n.p
	c := make(chan map[string]any, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = c
	p.mu.Unlock()
	request := map[string]any{"id": id, "op": op, "node": n.index, "timeout": opTimeout.Seconds()}
	for k, v := range fields {
		request[k] = v
	}
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("%s on node.py: %w", op, err)
	}
	select {
	case answer := <-c:
		if answer["ok"] != true {
			return nil, fmt.Errorf("%s on a Python node: %v", op, answer["error"])
		}
		return answer, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s: node.py has ended", op)
	}
}

// must is call for operations that have to work.
func (n pyNode) must(op string, fields map[string]any) map[string]any {
	n.p.t.Helper()
	answer, err := n.call(op, fields)
	if err != nil {
		n.p.t.Fatal(err)
	}
	return answer
}

func (n pyNode) bootstrap(seeds ...netip.AddrPort) int {
	n.p.t.Helper()
	var addrs []any
	for _, s := range seeds {
		addrs = append(addrs, pyAddr(s))
	}
	found, _ := n.must("bootstrap", map[string]any{"addrs": addrs})["nodes"].([]any)
	return len(found)
}

func (n pyNode) set(key string, v core.Value) error {
	answer, err := n.call("set", map[string]any{"key": key, "value": tag(v)})
	if err == nil && answer["result"] != true {
		err = fmt.Errorf("set %q on a Python node gave %v", key, answer["result"])
	}
	return err
}

func (n pyNode) get(key string) (core.Value, error) {
	answer, err := n.call("get", map[string]any{"key": key})
	if err != nil {
		return core.Value{}, err
	}
	return untag(answer["value"])
}

// holds asks a node, over the wire, whether it has a value itself.
func (n pyNode) holds(addr netip.AddrPort, key string) bool {
	n.p.t.Helper()
	self := core.Key(key) // some id, to be found by nobody
	args := []any{tagBytes(n.ID[:]), tagBytes(self[:])}
	answer := n.must("raw_call", map[string]any{"addr": pyAddr(addr), "name": "find_value", "args": args})
	value, _ := answer["value"].(map[string]any)
	return value["t"] == "map"
}

// intact fails the test if the process has met an exception, or a node has lost
// its socket.
func (p *python) intact() {
	p.t.Helper()
	for _, n := range p.nodes {
		s := n.must("stats", nil)
		if s["errors"] != float64(0) || s["closed"] != false {
			p.t.Errorf("Python node %v: %v errors, socket closed: %v: %v", n.Addr, s["errors"], s["closed"], s["quotes"])
		}
	}
}

func pyAddr(a netip.AddrPort) []any { return []any{a.Addr().String(), a.Port()} }

func tagBytes(b []byte) map[string]any {
	return map[string]any{"t": "bytes", "v": hex.EncodeToString(b)}
}

// tag and untag turn values into the JSON of node.py and back.
func tag(v core.Value) map[string]any {
	switch x := v.Any().(type) {
	case string:
		return map[string]any{"t": "str", "v": x}
	case []byte:
		return tagBytes(x)
	case float64:
		return map[string]any{"t": "float", "v": floatHex(x)}
	case bool:
		return map[string]any{"t": "bool", "v": x}
	default:
		return map[string]any{"t": "int", "v": fmt.Sprint(x)}
	}
}

func untag(tagged any) (core.Value, error) {
	m, _ := tagged.(map[string]any)
	text, _ := m["v"].(string)
	switch m["t"] {
	case "str":
		return core.String(text), nil
	case "bytes":
		b, err := hex.DecodeString(text)
		return core.Bytes(b), err
	case "int":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return core.Int(n), nil
		}
		n, err := strconv.ParseUint(text, 10, 64)
		return core.Uint(n), err
	case "float":
		f, err := parseFloatHex(text)
		return core.Float(f), err
	case "bool":
		return core.Bool(m["v"] == true), nil
	}
	return core.Value{}, fmt.Errorf("no value: %v", tagged)
}

// floatHex writes a float as Python's float.hex does.
func floatHex(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return strings.ToLower(strings.TrimPrefix(fmt.Sprint(f), "+"))
	}
	return strconv.FormatFloat(f, 'x', -1, 64)
}

func parseFloatHex(s string) (float64, error) {
	if s == "nan" {
		return nan, nil
	}
	return strconv.ParseFloat(s, 64)
}

// nan is the one that Python has; that of math.NaN has another payload.
var nan = math.Float64frombits(0x7ff8 << 48)
