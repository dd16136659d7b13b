//go:build !js

package webrtc

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/internal/wire"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// node is a little of what the core is: it answers pings, asks them, and tells its
// Conn of each peer that has answered.
type node struct {
	*Conn
	below   Wrapped
	cutter  *cutter
	id      ID
	near    bool
	running sync.WaitGroup
	asked   atomic.Uint64

	mu    sync.Mutex // guards what follows
	calls map[wire.MsgID]chan struct{}
}

// cutter is a driver that can be told to lose what is sent, and to say nothing.
type cutter struct {
	driver
	cut atomic.Bool
}

func (c *cutter) send(ch chanID, data []byte) bool {
	return c.cut.Load() || c.driver.send(ch, data)
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// newNode starts a node on loopback, to be closed with the test. The first byte of
// its id is first.
func newNode(t testing.TB, first byte, change func(*Config)) *node {
	t.Helper()
	below, err := udp.Listen(loopback)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{ID: ID{first, 1}, Mode: Direct, SameIP: true}
	if change != nil {
		change(&cfg)
	}
	c := newConn(below, cfg)
	d, err := listen(c, listenAddr(below, cfg))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{
		Conn: c, below: below, cutter: &cutter{driver: d},
		id: cfg.ID, near: true, calls: make(map[wire.MsgID]chan struct{}),
	}
	c.run(n.cutter, d.close)
	n.running.Go(n.serve)
	t.Cleanup(n.close)
	return n
}

func (n *node) close() {
	n.Conn.Close()
	n.running.Wait()
}

func (n *node) serve() {
	bufs, sizes, from := make([][]byte, 8), make([]int, 8), make([]netip.AddrPort, 8)
	for i := range bufs {
		bufs[i] = make([]byte, 2048)
	}
	for {
		count, err := n.ReadBatch(bufs, sizes, from)
		if err != nil {
			return
		}
		for i := range count {
			n.take(from[i], bufs[i][:sizes[i]])
		}
	}
}

// take answers a request, or ends the call that waits for an answer.
func (n *node) take(from netip.AddrPort, p []byte) {
	kind, msg, _, err := wire.Header(p)
	if err != nil {
		return
	}
	if kind == wire.KindRequest {
		n.asked.Add(1)
		id := n.id
		pong := wire.NewWriter().Pong(nil, &msg, &id, &wire.Trailer{})
		n.WriteBatch([][]byte{pong}, []netip.AddrPort{from})
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if done := n.calls[msg]; done != nil {
		close(done)
		delete(n.calls, msg)
		var a wire.Answer
		if wire.NewParser().Answer(p[wire.HeaderLen:], wire.Ping, 0, &a) == nil {
			n.Met(from, a.ID, n.near)
		}
	}
}

var errTimeout = errors.New("no answer")

// call sends a ping, once, and waits for the answer as long as an RPC may take.
func (n *node) call(to netip.AddrPort) error {
	msg := wire.MsgID{}
	for i := range msg {
		msg[i] = byte(runtimeRand{}.Uint64())
	}
	done := make(chan struct{})
	n.mu.Lock()
	n.calls[msg] = done
	n.mu.Unlock()
	ping := wire.NewWriter().Request(nil, &wire.Request{Msg: msg, Method: wire.Ping, Sender: n.id})
	if _, err := n.WriteBatch([][]byte{ping}, []netip.AddrPort{to}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(5 * time.Second):
		return errTimeout
	}
}

// state is what n says of its path to other.
func (n *node) state(other *node) State {
	for _, p := range n.Paths() {
		if p.Addr == other.LocalAddr() {
			return p.State
		}
	}
	return Idle
}

// upgrade lets a and b speak until they do so directly, and returns how long it
// took.
func upgrade(t testing.TB, a, b *node) time.Duration {
	t.Helper()
	start := time.Now()
	if err := a.call(b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	proctest.Eventually(t, "both are open", func() bool { return a.state(b) == Open && b.state(a) == Open })
	return time.Since(start)
}

// forgive lets offers come at once.
func (n *node) forgive() {
	n.loop.do(func(e *engine, now time.Time) {
		e.budget.offers.spent = 0
		for _, p := range e.peers.list {
			p.fails, p.notBefore, p.offered = 0, time.Time{}, time.Time{}
			if !p.offerAt.IsZero() {
				p.offerAt = now
				e.wakeBy(now)
			}
		}
	})
}

// breakOff closes the connection to other as if the network had.
func (n *node) breakOff(other *node) {
	n.loop.do(func(e *engine, now time.Time) {
		if p := e.peers.byAddr[other.LocalAddr()]; p != nil && p.open != nil {
			e.ended(now, p.open.id)
		}
	})
}

// load lets a call b, several at a time, until stop is called. That returns how
// many calls there were, and how many were lost.
func load(a, b *node) (stop func() (calls, lost uint64)) {
	var calls, lost atomic.Uint64
	var running sync.WaitGroup
	done := make(chan struct{})
	for range 8 {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(2 * time.Millisecond):
				}
				calls.Add(1)
				if a.call(b.LocalAddr()) != nil {
					lost.Add(1)
				}
			}
		})
	}
	return func() (uint64, uint64) {
		close(done)
		running.Wait()
		return calls.Load(), lost.Load()
	}
}
