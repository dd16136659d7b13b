package core

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// testNet is a small network in virtual time: engines whose datagrams take
// delay to arrive, unless lose says that they do not.
type testNet struct {
	t     testing.TB
	now   time.Time
	rand  *rand.ChaCha8
	delay func(from, to netip.AddrPort) time.Duration
	lose  func(from, to netip.AddrPort, datagram []byte) bool
	// tap sees each datagram as it is sent, if it is set.
	tap func(from, to netip.AddrPort, datagram []byte)
	// old are addresses of nodes that neither send nor read a trailer.
	old map[netip.AddrPort]bool
	// scripts are peers that are no engines: what they do with a datagram.
	scripts map[netip.AddrPort]func(from netip.AddrPort, datagram []byte)
	nodes   []testNode // by when they were added
	added   int
	queue   eventQueue
	seq     int
	sent    int
	out     Outbox
	// place is the address of the nth engine that add starts.
	place func(n int) netip.AddrPort
}

// testNode is an engine and where it is reached.
type testNode struct {
	addr netip.AddrPort
	*Engine
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newTestNet(t testing.TB, seed byte) *testNet {
	return &testNet{
		t: t, now: epoch, rand: rand.NewChaCha8([32]byte{seed}),
		delay:   func(_, _ netip.AddrPort) time.Duration { return 10 * time.Millisecond },
		old:     make(map[netip.AddrPort]bool),
		scripts: make(map[netip.AddrPort]func(netip.AddrPort, []byte)),
		place:   addr,
	}
}

// addr returns the public address of the nth engine.
func addr(n int) netip.AddrPort { return addrIn(193, n) } // 193.0.x.y

func addrIn(first byte, n int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], uint32(first)<<24+uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 4000)
}

// add starts an engine at the next address.
func (n *testNet) add(cfg Config) *Engine { return n.addAt(n.place(n.added+1), cfg) }

func (n *testNet) addAt(a netip.AddrPort, cfg Config) *Engine {
	if cfg.Rand == nil {
		var seed [32]byte
		n.rand.Read(seed[:])
		cfg.Rand = rand.NewChaCha8(seed)
	}
	e := NewEngine(n.now, cfg)
	n.nodes = append(n.nodes, testNode{a, e})
	n.added++
	return e
}

// grow adds count engines, each of which joins through the first.
func (n *testNet) grow(count int, cfg Config) []*Engine {
	var all []*Engine
	for range count {
		e := n.add(cfg)
		all = append(all, e)
		if len(n.nodes) > 1 {
			n.join(e, n.nodes[0].addr)
		}
	}
	return all
}

func (n *testNet) join(e *Engine, seeds ...netip.AddrPort) {
	n.t.Helper()
	over := false
	e.Bootstrap(n.now, seeds, func(_ int, err error) {
		over = true
		if err != nil {
			n.t.Errorf("bootstrap from %v: %v", seeds, err)
		}
	})
	n.runUntil(func() bool { return over })
}

// addrOf returns where an engine is.
func (n *testNet) addrOf(e *Engine) netip.AddrPort {
	for _, x := range n.nodes {
		if x.Engine == e {
			return x.addr
		}
	}
	n.t.Fatal("no such engine")
	return netip.AddrPort{}
}

// at returns the engine at an address, or nil.
func (n *testNet) at(a netip.AddrPort) *Engine {
	for _, x := range n.nodes {
		if x.addr == a {
			return x.Engine
		}
	}
	return nil
}

// contactOf returns an engine as a contact.
func (n *testNet) contactOf(e *Engine) Contact { return Contact{e.ID(), n.addrOf(e)} }

// stop makes an engine vanish.
func (n *testNet) stop(e *Engine) {
	n.nodes = slices.DeleteFunc(n.nodes, func(x testNode) bool { return x.Engine == e })
}

// move gives an engine another address.
func (n *testNet) move(e *Engine, to netip.AddrPort) {
	for i := range n.nodes {
		if n.nodes[i].Engine == e {
			n.nodes[i].addr = to
		}
	}
}

// send puts a datagram on its way.
func (n *testNet) send(from, to netip.AddrPort, datagram []byte) {
	n.sent++
	if n.old[from] || n.old[to] {
		datagram = withoutTrailer(datagram)
	}
	if n.tap != nil {
		n.tap(from, to, datagram)
	}
	if n.lose != nil && n.lose(from, to, datagram) {
		return
	}
	n.seq++
	heap.Push(&n.queue, event{n.now.Add(n.delay(from, to)), n.seq, from, to, append([]byte(nil), datagram...)})
}

// flush takes what the engines want to send.
func (n *testNet) flush() {
	for _, x := range n.nodes {
		x.Flush(&n.out)
		for i := range n.out.Len() {
			to, d := n.out.At(i)
			n.send(x.addr, to, d)
		}
	}
}

// step lets the next thing happen, if it does before limit, else it lets time
// pass until then and returns false.
func (n *testNet) step(limit time.Time) bool {
	n.flush()
	next := limit
	var due *Engine
	for _, x := range n.nodes {
		if at := x.Next(); at.Before(next) {
			next, due = at, x.Engine
		}
	}
	if len(n.queue) > 0 && !n.queue[0].at.After(next) {
		n.deliver(heap.Pop(&n.queue).(event))
		return true
	}
	if next.After(n.now) {
		n.now = next
	}
	if due == nil {
		return false
	}
	due.Advance(n.now)
	return true
}

func (n *testNet) deliver(ev event) {
	n.now = ev.at
	if script := n.scripts[ev.to]; script != nil {
		script(ev.from, ev.datagram)
	} else if e := n.at(ev.to); e != nil {
		e.Receive(n.now, ev.from, ev.datagram)
	}
}

// run lets so much time pass.
func (n *testNet) run(d time.Duration) {
	for end := n.now.Add(d); n.step(end); {
	}
}

// runUntil lets time pass until something is so, an hour at most.
func (n *testNet) runUntil(is func() bool) {
	n.t.Helper()
	for end := n.now.Add(time.Hour); !is(); {
		if !n.step(end) {
			n.t.Fatal("it does not happen")
		}
	}
}

// get and set do what a node's user would, and return how long it took as well.
func (n *testNet) get(e *Engine, key ID) (f Found, took time.Duration, err error) {
	n.t.Helper()
	start, over := n.now, false
	e.Get(n.now, key, GetOptions{}, func(got Found, e error) { f, err, over = got, e, true })
	n.runUntil(func() bool { return over })
	return f, n.now.Sub(start), err
}

func (n *testNet) set(e *Engine, key ID, v Value) (nodes int, took time.Duration, err error) {
	n.t.Helper()
	start, over := n.now, false
	if _, err := e.Set(n.now, key, v, SetOptions{}, func(got SetResult, e error) { nodes, err, over = got.Nodes, e, true }); err != nil {
		return 0, 0, err
	}
	n.runUntil(func() bool { return over })
	return nodes, n.now.Sub(start), err
}

// short says to do less of what takes long: make test does all of it as well.
func short() bool { return testing.Short() || runtime.GOARCH == "wasm" || raceDetector() }

func raceDetector() bool {
	build, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// requestIn returns the request in a datagram, or nil if it holds none.
func requestIn(datagram []byte) *wire.Request {
	kind, msg, body, err := wire.Header(datagram)
	r := &wire.Request{Msg: msg}
	if err != nil || kind != wire.KindRequest || wire.NewParser().Request(body, r) != nil {
		return nil
	}
	return r
}

// withoutTrailer returns a datagram as an older node would have sent it.
func withoutTrailer(datagram []byte) []byte {
	r := bytes.NewReader(datagram[wire.HeaderLen:])
	if err := msgpack.NewDecoder(r).Skip(); err != nil && err != io.EOF {
		panic(err)
	}
	return datagram[:len(datagram)-r.Len()]
}

// ask sends a request from an address where no engine is, as somebody of that id
// who answers nothing, and returns the answer; ok is false if there is none.
func (n *testNet) ask(from Contact, e *Engine, r wire.Request) (a wire.Answer, ok bool) {
	n.t.Helper()
	r.Msg = wire.MsgID(RandomID(n.rand))
	r.Sender = wire.ID(from.ID)
	n.scripts[from.Addr] = func(_ netip.AddrPort, d []byte) {
		if kind, msg, body, _ := wire.Header(d); kind == wire.KindAnswer && msg == r.Msg {
			if err := wire.NewParser().Answer(body, r.Method, e.cfg.K, &a); err != nil {
				n.t.Errorf("answer to %v: %v", r.Method, err)
			}
			ok = true
		}
	}
	n.send(from.Addr, n.addrOf(e), wire.NewWriter().Request(nil, &r))
	n.run(time.Second)
	return a, ok
}

// drained reports whether nothing is under way at any engine.
func (n *testNet) drained() bool {
	for _, x := range n.nodes {
		if len(x.calls.waiting)+len(x.verify.pending)+x.republish.active+len(x.republish.queue)+len(x.transfer.line) > 0 {
			return false
		}
	}
	return true
}

type event struct {
	at       time.Time
	seq      int
	from, to netip.AddrPort
	datagram []byte
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(event)) }
func (q *eventQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
