package relay

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Frames are counted however the stream is cut.
func TestFrameCount(t *testing.T) {
	var stream []byte
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 70000, 0} {
		stream = append(stream, header(finalBinary, true, n)...)
		stream = append(stream, make([]byte, n)...)
	}
	stream = append(stream, header(finalPing, false, 3)...)
	for _, size := range []int{1, 2, 3, 7, 256, len(stream)} {
		var f frameCounter
		n := 0
		for part := range slices.Chunk(stream, size) {
			n += f.count(part)
		}
		if n != 9 {
			t.Errorf("%d frames in parts of %d bytes, want 9", n, size)
		}
	}
}

// Pings without end are read slowly, and the pauses are counted. A client that sends few
// pings is not slowed.
func TestPingFlood(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good, bad := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		bad.deaf.Store(true)
		flood := slices.Repeat(header(finalPing, true, 0), 1000)
		start := time.Now()
		for range 50 {
			bad.raw(flood)
		}
		if took := time.Since(start); took < 15*time.Second || took > 60*time.Second {
			t.Errorf("50,000 pings were read in %v, want 2000 a second beyond 8000", took)
		}
		if got := l.server.Stats().Paused; got < 100 {
			t.Errorf("Paused = %d, want one for each pause", got)
		}
		if got := good.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the good client got %d datagrams, want 1", len(got))
		}
		before := l.server.Stats().Paused
		bad.vanish()
		time.Sleep(time.Second)
		for range 1000 {
			good.raw(header(finalPing, true, 0))
		}
		synctest.Wait()
		if got := l.server.Stats().Paused; got > before+1 {
			t.Errorf("Paused = %d, want %d: 1000 pings are no flood", got, before)
		}
	})
}

// Clients of one address cannot open connections as fast as they can close them.
func TestUpgradeFlood(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		status := func(from int) int {
			c := l.open(destination(from).Addr())
			c.vanish()
			if c.resp.StatusCode == 503 && c.resp.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			return c.resp.StatusCode
		}
		open := 0
		for range 300 {
			if status(1) == 101 {
				open++
			}
		}
		if open != 100 {
			t.Errorf("%d connections were opened at once, want 100", open)
		}
		if got := status(2); got != 101 {
			t.Errorf("status %d for another address, want 101", got)
		}
		if got := l.server.Stats().TurnedAway; got != 200 {
			t.Errorf("TurnedAway = %d, want 200", got)
		}
		time.Sleep(time.Second)
		for range 10 {
			if got := status(1); got != 101 {
				t.Errorf("status %d a second later, want 101", got)
			}
		}
	})
}
