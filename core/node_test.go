package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// switchboard connects Conns in memory.
type switchboard struct {
	mu    sync.Mutex
	conns map[netip.AddrPort]*memoryConn
}

// memoryConn is a Conn of a switchboard. What its queue has no room for is lost.
type memoryConn struct {
	board  *switchboard
	addr   netip.AddrPort
	queue  chan parcel
	closed chan struct{}
	once   sync.Once
}

type parcel struct {
	from netip.AddrPort
	data []byte
}

func (s *switchboard) listen(a netip.AddrPort) *memoryConn {
	c := &memoryConn{board: s, addr: a, queue: make(chan parcel, 64), closed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[netip.AddrPort]*memoryConn)
	}
	s.conns[a] = c
	return c
}

func (c *memoryConn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	select {
	case p := <-c.queue:
		sizes[0], from[0] = copy(bufs[0], p.data), p.from
		return 1, nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *memoryConn) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	c.board.mu.Lock()
	defer c.board.mu.Unlock()
	sent := 0
	for i, b := range bufs {
		other := c.board.conns[to[i]]
		if other == nil {
			continue
		}
		select {
		case other.queue <- parcel{c.addr, append([]byte(nil), b...)}:
			sent++
		default:
		}
	}
	return sent, nil
}

func (c *memoryConn) LocalAddr() netip.AddrPort { return c.addr }

func (c *memoryConn) Close() error {
	c.once.Do(func() {
		c.board.mu.Lock()
		delete(c.board.conns, c.addr)
		c.board.mu.Unlock()
		close(c.closed)
	})
	return nil
}

// nodes starts count nodes, all of which know each other.
func (s *switchboard) nodes(t *testing.T, count int, cfg Config) []*Node {
	t.Helper()
	var list []*Node
	for i := range count {
		n := NewNode(s.listen(addr(i+1)), cfg)
		t.Cleanup(func() { n.Close() })
		if i > 0 {
			if err := n.Bootstrap(t.Context(), addr(1)); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, n)
	}
	return list
}

func TestNodeSetAndGet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 5, Config{})

		stored, err := nodes[1].Set(t.Context(), "greeting", String("hello"))
		if err != nil || stored != 5 {
			t.Fatalf("Set = %d, %v, want 5 nodes", stored, err)
		}
		for i, n := range nodes {
			if v, err := n.Get(t.Context(), "greeting"); err != nil || v != String("hello") {
				t.Errorf("node %d: Get = %q, %v", i, v.Text(), err)
			}
		}
		if _, err := nodes[2].Get(t.Context(), "other"); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get of another key: error = %v, want %v", err, ErrNotFound)
		}
	})
}

func TestNodeErrorsSayWhatAndWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		n := NewNode(board.listen(addr(1)), Config{RPCTimeout: time.Second})
		defer n.Close()
		list, _ := RawValue([]byte{0x90})

		_, getErr := n.Get(t.Context(), "nothing")
		_, setErr := n.Set(t.Context(), "list", list)
		_, _, pingErr := n.Ping(t.Context(), addr(9))
		_, observeErr := n.ObservedAddr(t.Context(), addr(9))
		joinErr := n.Bootstrap(t.Context(), addr(9))

		tests := []struct {
			name string
			got  error
			is   error
			want string
		}{
			{"get", getErr, ErrNotFound, `get "nothing": not found`},
			{"set", setErr, ErrValueType, `set "list": value of type list: only strings,`},
			{"ping", pingErr, ErrNoAnswer, "ping 193.0.0.9:4000: no answer"},
			{"observe", observeErr, ErrNoAnswer, "ask 193.0.0.9:4000 for this node's address: no answer"},
			{"bootstrap", joinErr, ErrNoAnswer, "bootstrap from [193.0.0.9:4000]: no answer"},
		}
		for _, tt := range tests {
			if !errors.Is(tt.got, tt.is) || !strings.HasPrefix(tt.got.Error(), tt.want) {
				t.Errorf("%s: error = %v, want %s...", tt.name, tt.got, tt.want)
			}
		}
	})
}

// A context ends what waits, at once and without a trace.
func TestNodeStopsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		silent := board.listen(addr(2))
		defer silent.Close()
		n := NewNode(board.listen(addr(1)), Config{RPCTimeout: time.Hour})
		defer n.Close()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		_, _, err := n.Ping(ctx, addr(2))

		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ping error = %v, want deadline exceeded", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("Ping gave up after %v, want %v", took, time.Minute)
		}
	})
}

// Close ends what is under way, and leaves no goroutine behind: synctest fails
// if one is still there at the end.
func TestNodeClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		silent := board.listen(addr(2))
		defer silent.Close()
		n := NewNode(board.listen(addr(1)), Config{})
		errs := make(chan error, 3)
		go func() { _, _, err := n.Ping(t.Context(), addr(2)); errs <- err }()
		go func() { errs <- n.Bootstrap(t.Context(), addr(2)) }()
		synctest.Wait()

		if err := n.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("second Close = %v", err)
		}
		_, err := n.Get(t.Context(), "key")
		errs <- err
		for range 3 {
			if err := <-errs; !errors.Is(err, ErrClosed) {
				t.Errorf("error after Close = %v, want %v", err, ErrClosed)
			}
		}
	})
}

func TestNodeIsSafeForConcurrentUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		nodes := board.nodes(t, 3, Config{})
		var users sync.WaitGroup
		for i := range 30 {
			users.Go(func() {
				n, key := nodes[i%3], string(rune('a'+i%7))
				n.Set(t.Context(), key, Int(int64(i)))
				n.Get(t.Context(), key)
				n.Lookup(t.Context(), Key(key))
				n.Contacts()
				n.Stats()
				runtime.Gosched()
			})
		}
		users.Wait()
		for _, n := range nodes {
			if v, err := n.Get(t.Context(), "a"); err != nil || v.Kind() != KindInt {
				t.Errorf("Get = %q, %v, want an integer", v.Text(), err)
			}
		}
	})
}

// A Conn that only fails must not take up a processor, nor end the node.
func TestNodeOutlivesReadErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		broken := &failingConn{memoryConn: board.listen(addr(9)), failures: 1000}
		n := NewNode(broken, Config{})
		defer n.Close()
		other := board.nodes(t, 1, Config{})[0]
		start := time.Now()
		for broken.left() > 0 {
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took < 5*time.Second {
			t.Errorf("1000 errors in a row were read in %v: no pause between them", took)
		}
		if id, _, err := other.Ping(t.Context(), addr(9)); err != nil || id != n.ID() {
			t.Errorf("Ping after that = %v, %v, want %v", id, err, n.ID())
		}
	})
}

type failingConn struct {
	*memoryConn
	mu       sync.Mutex
	failures int
}

func (c *failingConn) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures
}

func (c *failingConn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	c.mu.Lock()
	if c.failures > 0 {
		c.failures--
		c.mu.Unlock()
		return 0, errors.New("out of buffers")
	}
	c.mu.Unlock()
	return c.memoryConn.ReadBatch(bufs, sizes, from)
}

// A node starts on a store whose records' time is over.
func TestNodeOnAnOldStore(t *testing.T) {
	for range 200 {
		store := memoryStore{}
		for i := range 10 {
			store[Key(fmt.Sprint(i))] = Record{Value: Int(1), Published: time.Now().Add(-48 * time.Hour), TTL: 24 * time.Hour}
		}
		var board switchboard
		n := NewNode(board.listen(addr(1)), Config{Store: store})
		n.Close()
	}
}

// Whoever calls Close, it returns when all is over.
func TestNodeCloseTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		n := board.nodes(t, 1, Config{})[0]
		var closers sync.WaitGroup
		for range 4 {
			closers.Go(func() {
				n.Close()
				if _, err := n.Get(context.Background(), "k"); !errors.Is(err, ErrClosed) {
					t.Errorf("Get after Close: error = %v, want %v", err, ErrClosed)
				}
			})
		}
		closers.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		live := board.listen(addr(2))
		m := NewNode(live, Config{})
		defer m.Close()
		if _, err := m.Set(ctx, "k", Int(1)); !errors.Is(err, context.Canceled) || m.Stats().Records != 0 {
			t.Errorf("Set with a context that is over = %v, %d records kept, want %v and none", err, m.Stats().Records, context.Canceled)
		}
	})
}

// A program that forgot its Conn is told so.
func TestNewNodeWithoutConn(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), "conn is nil"; !strings.Contains(got, want) {
			t.Errorf("NewNode(nil, ...) panics with %q, want %q in it", got, want)
		}
	}()
	NewNode(nil, Config{})
}
