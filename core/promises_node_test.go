package core

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowConn is a Conn for which each datagram takes a minute to send.
type slowConn struct {
	*memoryConn
	sending, early atomic.Int32 // writes under way, now and when it was closed
}

func (c *slowConn) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	if len(bufs) == 0 {
		return 0, nil
	}
	c.sending.Add(1)
	defer c.sending.Add(-1)
	<-time.After(time.Minute) // of the bubble
	return c.memoryConn.WriteBatch(bufs, to)
}

func (c *slowConn) Close() error {
	c.early.Store(c.sending.Load())
	return c.memoryConn.Close()
}

// Close lets datagrams under way leave before it closes the Conn.
func TestCloseWaitsForDatagramsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		c := &slowConn{memoryConn: board.listen(addr(1))}
		n := NewNode(c, Config{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.Ping(t.Context(), addr(2))
		}()
		synctest.Wait()
		if c.sending.Load() == 0 {
			t.Fatal("nothing is being sent")
		}
		n.Close()
		if got := c.early.Load(); got != 0 {
			t.Errorf("the conn was closed during %d writes, want none", got)
		}
		<-done
	})
}

// A Conn that only returns errors costs a node hundreds of reads a second at most.
func TestErrorsOfAConnAreReadSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var board switchboard
		c := &brokenConn{memoryConn: board.listen(addr(1))}
		n := NewNode(c, Config{})
		time.Sleep(10 * time.Second)
		if got := c.reads.Load(); got > 10_000 || got < 10 {
			t.Errorf("%d reads in ten seconds, want 10 to 10,000", got)
		}
		n.Close()
	})
}

// brokenConn is a Conn that cannot read.
type brokenConn struct {
	*memoryConn
	reads atomic.Int32
}

func (c *brokenConn) ReadBatch([][]byte, []int, []netip.AddrPort) (int, error) {
	c.reads.Add(1)
	return 0, netErr{}
}

type netErr struct{}

func (netErr) Error() string { return "no network" }
