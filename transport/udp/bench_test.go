//go:build !js && unix

package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// BenchmarkEcho sends 100-byte datagrams from a client to a server that sends
// them back, with a number of them outstanding. One operation is one datagram
// there and back; both ends are in this process, and both use the same path.
func BenchmarkEcho(b *testing.B) {
	for _, outstanding := range []int{1, 64, 256} {
		for _, p := range paths {
			b.Run(fmt.Sprintf("outstanding=%d/%s", outstanding, p.name), func(b *testing.B) {
				server := open(b, "127.0.0.1:0", p.via)
				client := open(b, "127.0.0.1:0", p.via)
				for _, c := range []*Conn{server, client} {
					if err := c.sock.SetReadDeadline(time.Time{}); err != nil {
						b.Fatal(err)
					}
				}
				reads := make(chan int)
				go func() { reads <- echo(b, server) }()
				b.ReportAllocs()
				b.ResetTimer()
				before := cpuTime(b)
				request(b, client, server.LocalAddr(), outstanding)
				used := cpuTime(b) - before
				b.StopTimer()
				server.Close()
				b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(2*b.N), "cpu-µs/datagram")
				b.ReportMetric(float64(b.N)/float64(<-reads), "datagrams/read")
			})
		}
	}
}

// echo sends datagrams back until c is closed, and returns how many reads
// that took.
func echo(b *testing.B, c *Conn) int {
	bufs, sizes, from := buffers(64, 1500)
	out := make([][]byte, len(bufs))
	for reads := 0; ; reads++ {
		n, err := c.ReadBatch(bufs, sizes, from)
		if errors.Is(err, net.ErrClosed) {
			return reads
		}
		for i := range n {
			out[i] = bufs[i][:sizes[i]]
		}
		if _, err := c.WriteBatch(out[:n], from[:n]); err != nil {
			b.Error(err)
		}
	}
}

// request sends b.N datagrams to addr and receives as many, never with more than
// outstanding on their way.
func request(b *testing.B, c *Conn, addr netip.AddrPort, outstanding int) {
	bufs, sizes, from := buffers(64, 1500)
	out, _, to := buffers(outstanding, 100)
	for i := range to {
		to[i] = addr
	}
	left := b.N // to be sent
	for n, received := outstanding, 0; received < b.N; received += n {
		n = min(n, left)
		if sent, err := c.WriteBatch(out[:n], to[:n]); sent != n {
			b.Fatal(err)
		}
		left -= n
		var err error
		if n, err = c.ReadBatch(bufs, sizes, from); err != nil {
			b.Fatal(err)
		}
	}
}

// cpuTime is the processor time that this process has used, the kernel's work
// for it included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
