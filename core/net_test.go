package core

import (
	"container/heap"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// testNet is a small network in virtual time: engines whose datagrams take
// delay to arrive, unless lose says that they do not.
type testNet struct {
	t       testing.TB
	now     time.Time
	rand    *rand.ChaCha8
	delay   func(from, to netip.AddrPort) time.Duration
	lose    func(from, to netip.AddrPort, datagram []byte) bool
	engines map[netip.AddrPort]*Engine
	order   []netip.AddrPort // of engines, by when they were added
	queue   eventQueue
	seq     int
	sent    int
	out     Outbox
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newTestNet(t testing.TB, seed byte) *testNet {
	return &testNet{
		t: t, now: epoch, rand: rand.NewChaCha8([32]byte{seed}),
		delay:   func(_, _ netip.AddrPort) time.Duration { return 10 * time.Millisecond },
		engines: make(map[netip.AddrPort]*Engine),
	}
}

// addr returns the address of the nth engine.
func addr(n int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 192<<24+uint32(n)) // 192.0.x.y
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 4000)
}

// add starts an engine at the next address.
func (n *testNet) add(cfg Config) *Engine { return n.addAt(addr(len(n.order)+1), cfg) }

func (n *testNet) addAt(a netip.AddrPort, cfg Config) *Engine {
	if cfg.Rand == nil {
		var seed [32]byte
		n.rand.Read(seed[:])
		cfg.Rand = rand.NewChaCha8(seed)
	}
	e := NewEngine(n.now, cfg)
	n.engines[a] = e
	n.order = append(n.order, a)
	return e
}

// grow adds count engines, each of which joins through the first.
func (n *testNet) grow(count int, cfg Config) []*Engine {
	var all []*Engine
	for range count {
		e := n.add(cfg)
		all = append(all, e)
		if len(n.order) > 1 {
			n.join(e, n.order[0])
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
	for a, other := range n.engines {
		if e == other {
			return a
		}
	}
	n.t.Fatal("no such engine")
	return netip.AddrPort{}
}

// contactOf returns an engine as a contact.
func (n *testNet) contactOf(e *Engine) Contact { return Contact{e.ID(), n.addrOf(e)} }

// stop makes an engine vanish.
func (n *testNet) stop(e *Engine) { delete(n.engines, n.addrOf(e)) }

// send puts a datagram on its way.
func (n *testNet) send(from, to netip.AddrPort, datagram []byte) {
	n.sent++
	if n.lose != nil && n.lose(from, to, datagram) {
		return
	}
	n.seq++
	heap.Push(&n.queue, event{n.now.Add(n.delay(from, to)), n.seq, from, to, append([]byte(nil), datagram...)})
}

// flush takes what the engines want to send.
func (n *testNet) flush() {
	for _, a := range n.order {
		if e := n.engines[a]; e != nil {
			e.Flush(&n.out)
			for i := range n.out.Len() {
				to, d := n.out.At(i)
				n.send(a, to, d)
			}
		}
	}
}

// step lets the next thing happen, if it does before limit, else it lets time
// pass until then and returns false.
func (n *testNet) step(limit time.Time) bool {
	n.flush()
	next := limit
	var due *Engine
	for _, a := range n.order {
		if e := n.engines[a]; e != nil && e.Next().Before(next) {
			next, due = e.Next(), e
		}
	}
	if len(n.queue) > 0 && !n.queue[0].at.After(next) {
		ev := heap.Pop(&n.queue).(event)
		n.now = ev.at
		if e := n.engines[ev.to]; e != nil {
			e.Receive(n.now, ev.from, ev.datagram)
		}
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
	e.Get(n.now, key, func(got Found, e error) { f, err, over = got, e, true })
	n.runUntil(func() bool { return over })
	return f, n.now.Sub(start), err
}

func (n *testNet) set(e *Engine, key ID, v Value) (nodes int, took time.Duration, err error) {
	n.t.Helper()
	start, over := n.now, false
	if _, err := e.Set(n.now, key, v, func(got int, e error) { nodes, err, over = got, e, true }); err != nil {
		return 0, 0, err
	}
	n.runUntil(func() bool { return over })
	return nodes, n.now.Sub(start), err
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
