package relay

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// unlimited is a relay that bounds nothing.
func unlimited(b *testing.B) *realRelay {
	none := Rate{PerSecond: -1}
	return startRelay(b, Config{Limits: Limits{
		Sent: none, SentBytes: none, Received: none, ReceivedBytes: none, NewDestinations: none, Unproven: none,
	}})
}

// ping is a request of the DHT, with room for a number of its own.
func ping(number uint64) []byte {
	b := append(make([]byte, 21, 100), "\x92\xa4ping\x91\xc4\x14....................."...)
	binary.BigEndian.PutUint64(b[1:], number)
	return b[:len(b)-1]
}

// answerPings answers on c until it is closed.
func answerPings(c core.Conn) {
	bufs, sizes, from := make([][]byte, 64), make([]int, 64), make([]netip.AddrPort, 64)
	out := make([][]byte, len(bufs))
	for i := range bufs {
		bufs[i], out[i] = make([]byte, 1500), append(make([]byte, 21), "\xc4\x14...................."...)
		out[i][0] = 1
	}
	for {
		n, err := c.ReadBatch(bufs, sizes, from)
		if err != nil {
			return
		}
		for i := range n {
			copy(out[i][1:21], bufs[i][1:21])
		}
		c.WriteBatch(out[:n], from[:n])
	}
}

// BenchmarkPing sends requests to a node with a socket on this machine, over a
// socket or over a relay, with a number of them outstanding. One operation is one
// request and its answer. Client, relay and node are in this process.
func BenchmarkPing(b *testing.B) {
	paths := map[string]func(b *testing.B) core.Conn{
		"direct": func(b *testing.B) core.Conn { return udpConn(b) },
		"relay": func(b *testing.B) core.Conn {
			c, _ := dialReal(b, wsrelay.Config{Relays: []string{unlimited(b).url}})
			return c
		},
	}
	for _, outstanding := range []int{1, 32, 128} {
		for name, open := range paths {
			b.Run(fmt.Sprintf("outstanding=%d/%s", outstanding, name), func(b *testing.B) {
				node, client := udpConn(b), open(b)
				go answerPings(node)
				b.ReportAllocs()
				pings(b, client, node.LocalAddr(), outstanding)
			})
		}
	}
}

func udpConn(b testing.TB) *udp.Conn {
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// pings sends b.N requests to addr and waits for the answers, with never more
// than outstanding on their way, and reports how long answers took.
func pings(b *testing.B, c core.Conn, addr netip.AddrPort, outstanding int) {
	bufs, sizes, from := make([][]byte, 64), make([]int, 64), make([]netip.AddrPort, 64)
	for i := range bufs {
		bufs[i] = make([]byte, 1500)
	}
	out, to := make([][]byte, outstanding), slices.Repeat([]netip.AddrPort{addr}, outstanding)
	for i := range out {
		out[i] = ping(0)
	}
	// A relay lets more through to an address once that has answered.
	c.WriteBatch([][]byte{ping(0)}, to[:1])
	c.ReadBatch(bufs, sizes, from)
	sent := make([]time.Time, b.N)
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	next := 0
	for n := outstanding; len(took) < b.N; {
		n = min(n, b.N-next)
		now := time.Now()
		for i := range n {
			binary.BigEndian.PutUint64(out[i][1:], uint64(next))
			sent[next] = now
			next++
		}
		if done, err := c.WriteBatch(out[:n], to[:n]); done != n {
			b.Fatal(err)
		}
		var err error
		if n, err = c.ReadBatch(bufs, sizes, from); err != nil {
			b.Fatal(err)
		}
		now = time.Now()
		for i := range n {
			took = append(took, now.Sub(sent[binary.BigEndian.Uint64(bufs[i][1:])]))
		}
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
