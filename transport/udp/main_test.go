//go:build !js

package udp

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

// TestMain fails if a goroutine or a file descriptor outlives the tests.
func TestMain(m *testing.M) { os.Exit(proctest.NothingLeft(m)) }

// paths are the ways to move batches: the one that this system picks, and the portable
// one, tested on every system.
var paths = []struct {
	name string
	via  func(*single) (batcher, error)
}{
	{"batched", newBatcher},
	{"portable", func(s *single) (batcher, error) { return s, nil }},
}

// listener binds to an address for the length of a test.
type listener func(t testing.TB, addr string) *Conn

// eachPath runs f once for each way to move batches.
func eachPath(t *testing.T, f func(t *testing.T, listen listener)) {
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			f(t, func(t testing.TB, addr string) *Conn { return open(t, addr, p.via) })
		})
	}
}

// open binds to addr, to be closed with the test. It skips the test if addr is
// IPv6 and the machine has none. Reads fail after 20 s, so that a lost datagram
// is an error and not a hang.
func open(t testing.TB, addr string, via func(*single) (batcher, error)) *Conn {
	t.Helper()
	ap := netip.MustParseAddrPort(addr)
	if ap.Addr().Is6() && !ap.Addr().Is4In6() {
		probe, err := net.ListenPacket("udp6", "[::1]:0")
		if err != nil {
			t.Skip("no IPv6: ", err)
		}
		probe.Close()
	}
	c, err := listen(ap, via)
	if err != nil {
		t.Fatalf("listen = %v, want nil", err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.sock.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// reach is the loopback address with the given family under which others reach c.
func reach(c *Conn, ip string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), c.LocalAddr().Port())
}

// datagram is one received datagram.
type datagram struct {
	data string
	from netip.AddrPort
}

// receive reads want datagrams and no more, in batches of at most eight.
func receive(t testing.TB, c *Conn, want int) []datagram {
	t.Helper()
	bufs, sizes, from := buffers(min(want, 8), maxDatagram)
	var got []datagram
	for len(got) < want {
		room := min(want-len(got), len(bufs))
		n, err := c.ReadBatch(bufs[:room], sizes[:room], from[:room])
		if err != nil {
			t.Fatalf("ReadBatch after %d of %d datagrams = %v, want nil", len(got), want, err)
		}
		for i := range n {
			got = append(got, datagram{string(bufs[i][:sizes[i]]), from[i]})
		}
	}
	return got
}

// buffers makes the arguments of ReadBatch for n datagrams of size bytes.
func buffers(n, size int) ([][]byte, []int, []netip.AddrPort) {
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = make([]byte, size)
	}
	return bufs, make([]int, n), make([]netip.AddrPort, n)
}

// send writes one batch to addr and expects all of it to go out.
func send(t testing.TB, c *Conn, addr netip.AddrPort, data ...string) {
	t.Helper()
	bufs, to := make([][]byte, len(data)), make([]netip.AddrPort, len(data))
	for i := range data {
		bufs[i], to[i] = []byte(data[i]), addr
	}
	if n, err := c.WriteBatch(bufs, to); n != len(data) || err != nil {
		t.Fatalf("WriteBatch = %d, %v, want %d, nil", n, err, len(data))
	}
}
