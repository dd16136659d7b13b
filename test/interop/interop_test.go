//go:build interop

// Package interop runs networks of real Python nodes and Kadmesh nodes, on the loopback
// interface. It needs KADMESH_PYTHON, which `make interop` sets.
package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// values are all that Python's Server.set takes, at their boundaries.
func values() map[string]core.Value {
	list := map[string]core.Value{
		"true": core.Bool(true), "false": core.Bool(false),
		"unicode": core.String("naïve Καλημέρα 🌍 e\u0301 \x00 end"),
		"octets":  core.Bytes([]byte{0, 1, 0x7f, 0x80, 0xc1, 0xff}),
	}
	for _, n := range []int{0, 1, 31, 32, 255, 256, 8137} {
		list[fmt.Sprint("str of ", n)] = core.String(strings.Repeat("s", n))
		list[fmt.Sprint("bytes of ", n)] = core.Bytes([]byte(strings.Repeat("\xb5", n)))
	}
	for _, n := range []int64{0, 1, -1, -32, -33, 127, 128, 255, 256, 65535, 65536, math.MaxUint32,
		math.MaxUint32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64} {
		list[fmt.Sprint("int ", n)] = core.Int(n)
	}
	for _, n := range []uint64{math.MaxInt64 + 1, math.MaxUint64} {
		list[fmt.Sprint("uint ", n)] = core.Uint(n)
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, -1.5, math.Pi, math.Inf(1), math.Inf(-1), nan,
		math.MaxFloat64, math.SmallestNonzeroFloat64} {
		list[fmt.Sprint("float ", floatHex(f))] = core.Float(f)
	}
	return list
}

// Every value, set by a node of either kind, is read by one of either kind that
// does not hold it itself. The network is larger than k, so that there are such.
func TestEveryValueBothWays(t *testing.T) {
	mixed := newNetwork(t, 8, 2, 10)
	list := values()
	names := make([]string, 0, len(list))
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	each(2*len(names), 4, func(i int) {
		name, byPython := names[i/2], i%2 == 0
		want, key := list[name], fmt.Sprint(name, " by Python: ", byPython)
		setter, pySetter := mixed.own[i%len(mixed.own)], mixed.py[i%len(mixed.py)]
		if byPython {
			if err := pySetter.set(key, want); err != nil {
				t.Error(err)
				return
			}
		} else if stored, err := setter.Set(t.Context(), key, want); err != nil {
			t.Errorf("Set %q = %d, %v", key, stored, err)
			return
		}
		own, py := mixed.apart(key, i)
		if got, err := own.Get(t.Context(), key); err != nil || got != want {
			t.Errorf("%s: our Get = %v %.40q, %v, want %v %.40q", key, got.Kind(), got.Text(), err, want.Kind(), want.Text())
		}
		if got, err := py.get(key); err != nil || got != want {
			t.Errorf("%s: Python's get = %v %.40q, %v, want %v %.40q", key, got.Kind(), got.Text(), err, want.Kind(), want.Text())
		}
	})
}

// Each thing that a Python node can do works against Kadmesh nodes alone.
func TestPythonAmongKadmeshNodes(t *testing.T) {
	mixed := &network{t: t, k: 20}
	for i := range 10 {
		node := mixed.startOwn()
		if i > 0 {
			mixed.join(node, mixed.own[0].Addr())
		}
	}
	p := startPython(t, 2)
	py := p.nodes[0]
	node := mixed.own[3]

	if found := py.bootstrap(node.Addr()); found != len(mixed.own) {
		t.Errorf("Python's bootstrap found %d nodes, want %d", found, len(mixed.own))
	}
	ping := py.must("ping", map[string]any{"addr": pyAddr(node.Addr())})
	if got := fmt.Sprint(ping["value"]); ping["answered"] != true || !strings.Contains(got, node.ID().String()) {
		t.Errorf("Python's ping = %v, want %v", ping, node.ID())
	}
	stun := py.must("stun", map[string]any{"addr": pyAddr(node.Addr())})
	if got := fmt.Sprint(stun["value"]); !strings.Contains(got, py.Addr.Addr().String()) || !strings.Contains(got, fmt.Sprint(py.Addr.Port())) {
		t.Errorf("Python's stun = %v, want %v", got, py.Addr)
	}
	if err := py.set("from python", core.String("hello")); err != nil {
		t.Error(err)
	}
	if v, err := mixed.own[7].Get(t.Context(), "from python"); err != nil || v != core.String("hello") {
		t.Errorf("our Get = %q, %v", v.Text(), err)
	}
	if _, err := mixed.own[7].Set(t.Context(), "from go", core.Int(7)); err != nil {
		t.Error(err)
	}
	if v, err := py.get("from go"); err != nil || v != core.Int(7) {
		t.Errorf("Python's get = %q, %v", v.Text(), err)
	}
	// An hour later: all buckets are refreshed, all keys republished.
	py.must("refresh", map[string]any{"age": 3601})
	if found := p.nodes[1].bootstrap(py.Addr); found < 10 {
		t.Errorf("a Python node that joined through a Python node found %d nodes, want 10 and more", found)
	}
	if v, err := p.nodes[1].get("from python"); err != nil || v != core.String("hello") {
		t.Errorf("another Python node's get = %q, %v", v.Text(), err)
	}
	if !slices.ContainsFunc(node.Contacts(), func(c core.Contact) bool { return c == py.Contact }) {
		t.Errorf("the Python node %v is not in our table", py.Contact)
	}
	p.intact()
}

// Values that no Set takes, but that Python nodes accept by a raw store, are kept
// and given back as they were.
func TestRawValues(t *testing.T) {
	mixed := &network{t: t, k: 20}
	node := mixed.startOwn()
	p := startPython(t, 1)
	py := p.nodes[0]
	py.bootstrap(node.Addr())
	nested := map[string]any{"t": "list", "v": []any{
		map[string]any{"t": "map", "v": []any{[]any{map[string]any{"t": "str", "v": "k"}, map[string]any{"t": "nil", "v": nil}}}},
		map[string]any{"t": "float", "v": "0x1.8000000000000p+0"},
	}}
	for i, value := range []map[string]any{
		nested,
		{"t": "nil", "v": nil},
		{"t": "bool", "v": true},
	} {
		key := core.Key(fmt.Sprint("raw ", i))
		stored := py.must("raw_store", map[string]any{"addr": pyAddr(node.Addr()), "key": key.String(), "value": value})
		if fmt.Sprint(stored["value"]) != "map[t:bool v:true]" {
			t.Errorf("raw store %d: answer %v, want true", i, stored)
		}
		args := []any{tagBytes(py.ID[:]), tagBytes(key[:])}
		got := py.must("raw_call", map[string]any{"addr": pyAddr(node.Addr()), "name": "find_value", "args": args})
		if got, want := fmt.Sprint(got["value"]), fmt.Sprint(value); !strings.Contains(got, want) {
			t.Errorf("raw value %d came back as %.200s, want %.200s", i, got, want)
		}
	}
	// Python cannot send a longer request, but takes any answer.
	for _, size := range []int{8138, 20000, 65380} {
		want, name := core.Bytes(bytes.Repeat([]byte{0xff}, size)), fmt.Sprint("bytes of ", size)
		rawStore(t, node.Addr(), core.Key(name), want)
		if got, err := py.get(name); err != nil || got != want {
			t.Errorf("Python's get of %s = %.40q, %v", name, got.Text(), err)
		}
		if got, err := node.Get(t.Context(), name); err != nil || got != want {
			t.Errorf("our Get of %s = %.40q, %v", name, got.Text(), err)
		}
	}
	p.intact()
}

// rawStore sends a store request of any length, and waits for its answer.
func rawStore(t *testing.T, to netip.AddrPort, key core.ID, v core.Value) {
	t.Helper()
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := wire.Request{Method: wire.Store, Sender: wire.ID(core.ClientID()), Target: wire.ID(key), Value: v.Raw()}
	r.Trailer = wire.Trailer{Present: true, Caps: wire.CapClient}
	if _, err := conn.Write(wire.NewWriter().Request(nil, &r)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(opTimeout))
	answer := make([]byte, 100)
	n, err := conn.Read(answer)
	if err != nil || n <= wire.HeaderLen || answer[wire.HeaderLen] != 0xc3 {
		t.Fatalf("answer to a store of %d bytes = %x, %v, want true", v.Size(), answer[:n], err)
	}
}

// Python nodes go on working while Kadmesh nodes come and go.
func TestPythonKeepsWorkingWhileOthersComeAndGo(t *testing.T) {
	mixed := newNetwork(t, 20, 1, 10)
	for i := range 10 {
		if err := mixed.py[i].set(fmt.Sprint("key ", i), core.Int(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		for _, node := range mixed.own {
			node.Close()
		}
		mixed.own = nil
		for i := range 10 {
			mixed.join(mixed.startOwn(), mixed.py[(i+round)%10].Addr)
		}
	}
	each(10, 10, func(i int) {
		if v, err := mixed.py[(i+5)%10].get(fmt.Sprint("key ", i)); err != nil || v != core.Int(int64(i)) {
			t.Errorf("Python's get of key %d = %q, %v", i, v.Text(), err)
		}
		if v, err := mixed.own[i].Get(t.Context(), fmt.Sprint("key ", i)); err != nil || v != core.Int(int64(i)) {
			t.Errorf("Get of key %d = %q, %v", i, v.Text(), err)
		}
		if err := mixed.py[i].set(fmt.Sprint("later ", i), core.Bool(true)); err != nil {
			t.Error(err)
		}
	})
}

// Gets on a healthy network of 30 and 30 nodes, and after 30 % of them vanished
// at once. Every value must be found; the times are logged, not judged, since
// they are the machine's too: `go test -v` shows them.
func TestGetsSurviveDeaths(t *testing.T) {
	mixed := newNetwork(t, 20, 3, 10)
	const keys = 200
	each(keys, 8, func(i int) {
		key, v := fmt.Sprint("key ", i), core.Int(int64(i))
		if i%2 == 0 {
			if err := mixed.py[i%30].set(key, v); err != nil {
				t.Error(err)
			}
		} else if _, err := mixed.own[i%30].Set(t.Context(), key, v); err != nil {
			t.Error(err)
		}
	})
	if t.Failed() {
		return
	}
	mixed.measure("healthy", keys, mixed.own)

	mixed.py[0].p.kill()
	for _, node := range mixed.own[22:] {
		node.Close()
	}
	mixed.measure("30 % dead", keys, mixed.own[:22])

	sets, acks := make([]time.Duration, 40), make([]int, 40)
	each(len(sets), 4, func(i int) {
		start := time.Now()
		var err error
		if acks[i], err = mixed.own[i%22].Set(t.Context(), fmt.Sprint("new ", i), core.Int(1)); err != nil {
			t.Errorf("Set with 30 %% dead: %v", err)
		}
		sets[i] = time.Since(start)
	})
	t.Logf("Set, 30 %% dead: acknowledged by %d to %d nodes", slices.Min(acks), slices.Max(acks))
	report(t, "Set, 30 % dead", sets)
}

// measure gets every key from some Kadmesh node that does not hold it, one at a
// time.
func (n *network) measure(what string, keys int, nodes []*core.Node) {
	n.t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	asker := n.py[len(n.py)-1]
	for i := range keys {
		key := fmt.Sprint("key ", i)
		node := nodes[(i*7)%len(nodes)]
		for j := 0; j < len(nodes) && asker.holds(node.Addr(), key); j++ {
			node = nodes[(i*7+j)%len(nodes)]
		}
		start := time.Now()
		v, err := node.Get(n.t.(*testing.T).Context(), key)
		mu.Lock()
		took = append(took, time.Since(start))
		mu.Unlock()
		if err != nil || v != core.Int(int64(i)) {
			n.t.Errorf("%s: Get of key %d = %q, %v", what, i, v.Text(), err)
		}
		if errors.Is(err, core.ErrNotFound) {
			n.t.Logf("contacts of the node that asked: %d", len(node.Contacts()))
		}
	}
	report(n.t, "Get, "+what, took)
}

// report logs the quantiles of some times.
func report(t testing.TB, what string, took []time.Duration) {
	slices.Sort(took)
	at := func(q float64) time.Duration {
		return took[int(q*float64(len(took)-1))].Round(10 * time.Microsecond)
	}
	t.Logf("%s: %d times, p50 %v, p90 %v, p99 %v, max %v", what, len(took), at(.5), at(.9), at(.99), at(1))
}
