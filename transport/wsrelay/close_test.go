//go:build !js

package wsrelay

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// Close ends waiting calls, tells the relay, and leaves no goroutine: the bubble would not
// end with one.
func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		status := make(chan websocket.StatusCode)
		go func() { status <- s.ends() }()
		reading := make(chan error)
		go func() {
			_, err := c.ReadBatch([][]byte{nil}, make([]int, 1), make([]netip.AddrPort, 1))
			reading <- err
		}()
		synctest.Wait()
		start := time.Now()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Errorf("Close = %v, want nil", err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Close took %v, want no time", took)
		}
		if err := <-reading; err != ErrClosed {
			t.Errorf("ReadBatch = %v, want %v", err, ErrClosed)
		}
		if got := <-status; got != websocket.StatusNormalClosure {
			t.Errorf("relay saw status %d, want %d", got, websocket.StatusNormalClosure)
		}
		if n, err := c.WriteBatch([][]byte{nil}, []netip.AddrPort{v4}); n != 0 || !hasText(err, ErrClosed.Error()) {
			t.Errorf("WriteBatch = %d, %v, want 0, %v", n, err, ErrClosed)
		}
		if _, err := c.ReadBatch([][]byte{nil}, make([]int, 1), make([]netip.AddrPort, 1)); err != ErrClosed {
			t.Errorf("ReadBatch = %v, want %v", err, ErrClosed)
		}
	})
}

// Close at every moment of a connection's life, with writers at work.
func TestCloseAtAnyTime(t *testing.T) {
	moments := map[string]struct {
		relay func(n *fakeNet)
		after time.Duration
	}{
		"dialling":        {func(n *fakeNet) { n.kill("relay:80", true) }, time.Second},
		"no welcome":      {func(n *fakeNet) { n.relay("relay:80") }, time.Second},
		"waiting":         {func(n *fakeNet) {}, time.Minute},
		"relay is silent": {func(n *fakeNet) { n.relay("relay:80").answer = greet }, time.Second},
		"relay reads": {func(n *fakeNet) {
			n.relay("relay:80").answer = func(s *fakeSession) { greet(s); s.ends() }
		}, time.Second},
		"relay breaks off": {func(n *fakeNet) {
			n.relay("relay:80").answer = func(s *fakeSession) { greet(s); s.read(); s.breakOff() }
		}, time.Minute},
		"welcome comes": {func(n *fakeNet) {
			n.relay("relay:80").answer = func(s *fakeSession) { time.Sleep(time.Second); greet(s) }
		}, time.Second},
	}
	for name, m := range moments {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				n := newFakeNet(t)
				m.relay(n)
				c, err := newConn(n.config("relay:80").withDefaults())
				if err != nil {
					t.Fatal(err)
				}
				go c.run()
				var writing sync.WaitGroup
				for range 4 {
					writing.Go(func() {
						for c.closed() == nil {
							c.WriteBatch([][]byte{make([]byte, 1000)}, []netip.AddrPort{v4})
							time.Sleep(100 * time.Millisecond)
						}
					})
				}
				time.Sleep(m.after)
				start := time.Now()
				c.Close()
				if took := time.Since(start); took > time.Second {
					t.Errorf("Close took %v, want at most 1s", took)
				}
				writing.Wait()
			})
		})
	}
}

func greet(s *fakeSession) {
	s.send((&message.Welcome{Lent: v4, MaxDatagram: message.MaxDatagram}).Encode())
}

// Many writers and a reader at once; everything arrives once, unmixed.
func TestConcurrentUse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const writers, batches = 8, 50
		c, s, _ := pair(t)
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for b := range batches {
					write(t, c, v4, fmt.Sprint(w, b), fmt.Sprint(w, b, "again"))
					time.Sleep(time.Millisecond)
				}
			})
		}
		go func() { // what comes goes back
			for b := s.read(); b != nil; b = s.read() {
				s.send(b)
			}
		}()
		seen := make(map[string]bool)
		for len(seen) < 2*writers*batches {
			for _, d := range read(t, c, 7) {
				if seen[d.payload] || d.addr != v4 {
					t.Fatalf("%q from %v came twice, or from elsewhere", d.payload, d.addr)
				}
				seen[d.payload] = true
			}
		}
		writing.Wait()
		c.Close()
	})
}

// A context that ends during Dial leaves nothing behind, and one that ends later
// means nothing.
func TestDialContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		n.kill("relay:80", true)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := Dial(ctx, n.config("relay:80")); !hasText(err, "canceled") {
			t.Errorf("Dial = %v, want canceled", err)
		}
		n.kill("relay:80", false)
		go n.relay("relay:80").welcome(v4)
		ctx, cancel = context.WithCancel(t.Context())
		c, err := Dial(ctx, n.config("relay:80"))
		if err != nil {
			t.Fatalf("Dial = %v, want nil", err)
		}
		cancel()
		time.Sleep(10 * time.Second)
		if p := c.State().Phase; p != Connected {
			t.Errorf("phase = %v, want connected", p)
		}
		c.Close()
	})
}
