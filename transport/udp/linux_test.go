//go:build !js && linux

package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"unsafe"
)

func TestSockaddr(t *testing.T) {
	tests := []struct {
		addr string
		v6   bool // family of the socket
		size uint32
		raw  string // what follows the family in memory
		want string
	}{
		{"192.0.2.1:258", false, 16, "0102c00002010000000000000000", "192.0.2.1:258"},
		{"[::ffff:192.0.2.1]:258", false, 16, "0102c00002010000000000000000", "192.0.2.1:258"},
		{"192.0.2.1:258", true, 28, "01020000000000000000000000000000ffffc000020100000000", "192.0.2.1:258"},
		{"[2001:db8::1]:65535", true, 28, "ffff0000000020010db800000000000000000000000100000000", "[2001:db8::1]:65535"},
		{"[2001:db8::1]:1", false, 28, "00010000000020010db800000000000000000000000100000000", "[2001:db8::1]:1"},
	}
	for _, tt := range tests {
		// Traces of an earlier message must not show through.
		sa := syscall.RawSockaddrInet6{Family: 99, Port: 9, Flowinfo: 9, Addr: [16]byte{9, 15: 9}, Scope_id: 9}
		if got := encode(&sa, netip.MustParseAddrPort(tt.addr), tt.v6); got != tt.size {
			t.Errorf("encode(%v, v6 %v) = %d bytes, want %d", tt.addr, tt.v6, got, tt.size)
		}
		raw := fmt.Sprintf("%x", unsafe.Slice((*byte)(unsafe.Pointer(&sa)), tt.size)[2:])
		if raw != tt.raw {
			t.Errorf("encode(%v, v6 %v) wrote %v, want %v", tt.addr, tt.v6, raw, tt.raw)
		}
		if got, scope := decode(&sa); got.String() != tt.want || (tt.size == 28 && scope != 0) {
			t.Errorf("decode after encode(%v, v6 %v) = %v, scope %d, want %v, 0", tt.addr, tt.v6, got, scope, tt.want)
		}
	}
}

// Link-local peers get an address that can be answered as it is, alone and in a
// batch.
func TestLinkLocal(t *testing.T) {
	host := linkLocal(t)
	eachPath(t, func(t *testing.T, listen listener) {
		a := listen(t, netip.AddrPortFrom(host, 0).String())
		b := listen(t, "[::]:0")
		send(t, a, netip.AddrPortFrom(host, b.LocalAddr().Port()), "one", "two")
		for _, d := range receive(t, b, 2) {
			if d.from != a.LocalAddr() {
				t.Errorf("came from %v, want %v", d.from, a.LocalAddr())
			}
			send(t, b, d.from, d.data)
			send(t, b, d.from, d.data, d.data)
		}
		receive(t, a, 6)
	})
}

// linkLocal is a link-local address of this machine, with its zone.
func linkLocal(t *testing.T) netip.Addr {
	ifis, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, ifi := range ifis {
		addrs, err := ifi.Addrs()
		if err != nil || ifi.Flags&net.FlagUp == 0 {
			continue
		}
		for _, addr := range addrs {
			p, err := netip.ParsePrefix(addr.String())
			if err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				return p.Addr().WithZone(ifi.Name)
			}
		}
	}
	t.Skip("no IPv6: no interface has a link-local address")
	return netip.Addr{}
}

func TestZone(t *testing.T) {
	ifis, err := net.Interfaces()
	if err != nil || len(ifis) == 0 {
		t.Fatal("no network interfaces: ", err)
	}
	m := multi{zones: make(map[uint32]string)}
	for _, ifi := range ifis {
		if got := m.zone(uint32(ifi.Index)); got != ifi.Name {
			t.Errorf("zone(%d) = %q, want %q", ifi.Index, got, ifi.Name)
		}
	}
	if got, want := m.zone(1<<31-1), "2147483647"; got != want {
		t.Errorf("zone of no interface = %q, want %q", got, want)
	}
	if len(m.zones) != len(ifis) {
		t.Errorf("%d names are remembered, want %d", len(m.zones), len(ifis))
	}
	m.zones[7] = "remembered"
	if got := m.zone(7); got != "remembered" {
		t.Errorf("zone(7) = %q, want the name remembered", got)
	}
}

// A send that the kernel stops half-way goes on where it stopped. UDP on loopback
// never fills its buffer; a pair of Unix sockets does.
func TestSendGoesOnWhenFull(t *testing.T) {
	const count = 2000 // more than one sendmmsg takes, and than the pair holds
	from, to := socketPair(t)
	var want, got []string
	var out, in vector
	bufs := make([][]byte, count)
	for i := range bufs {
		want = append(want, fmt.Sprint("message ", i))
		bufs[i] = []byte(want[i])
	}
	out.load(bufs)
	for i := range out.msgs {
		out.msgs[i].hdr.Namelen = 0 // the pair is connected
	}
	room, _, _ := buffers(7, 32)
	full := 0
	for sent := false; !sent || len(got) < count; {
		if !sent {
			if sent = out.send(from); !sent {
				full++
			}
		}
		in.load(room)
		if !in.recv(to) || in.errno != 0 {
			t.Fatalf("nothing received after %d of %d: %v", len(got), count, in.errno)
		}
		for i := range in.done {
			size, _ := in.size(i)
			got = append(got, string(room[i][:size]))
		}
	}
	if full == 0 || out.sent != count || out.errno != 0 {
		t.Errorf("full %d times, sent %d, error %v, want some, %d, none", full, out.sent, out.errno, count)
	}
	if !slices.Equal(got, want) {
		t.Errorf("received %d messages that differ from the %d sent", len(got), len(want))
	}
	if in.recv(to) {
		t.Error("received more than was sent")
	}
}

// socketPair is two Unix datagram sockets connected to each other, without waits.
func socketPair(t *testing.T) (a, b uintptr) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("socketpair = %v, want nil", err)
	}
	t.Cleanup(func() {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
	})
	return uintptr(fds[0]), uintptr(fds[1])
}

// WriteBatch keeps none of the caller's buffers, not even between batches.
func TestBuffersAreLetGo(t *testing.T) {
	c := open(t, "127.0.0.1:0", newBatcher)
	send(t, c, c.LocalAddr(), "one", "two", "three")
	receive(t, c, 3)
	for _, v := range []*vector{&c.io.(*multi).in, &c.io.(*multi).out} {
		for i, iov := range v.iovs {
			if iov.Base != nil {
				t.Errorf("buffer %d of %d is kept", i, len(v.iovs))
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		for _, size := range []int{1, 2, 64} {
			t.Run(fmt.Sprint(host, " ", size), func(t *testing.T) {
				eachPath(t, func(t *testing.T, listen listener) {
					c := listen(t, host)
					addr := c.LocalAddr()
					if addr.Addr().IsUnspecified() {
						addr = reach(c, "127.0.0.1")
					}
					bufs, sizes, from := buffers(size, 100)
					to := slices.Repeat([]netip.AddrPort{addr}, size)
					got := testing.AllocsPerRun(100, func() {
						if n, err := c.WriteBatch(bufs, to); n != size || err != nil {
							t.Errorf("WriteBatch = %d, %v, want %d, nil", n, err, size)
						}
						for left := size; left > 0; {
							n, err := c.ReadBatch(bufs[:left], sizes[:left], from[:left])
							if err != nil {
								t.Fatalf("ReadBatch = %v, want nil", err)
							}
							left -= n
						}
					})
					if got != 0 {
						t.Errorf("%v allocations per batch of %d, want 0", got, size)
					}
				})
			})
		}
	}
}

// A socket set to report ICMP errors passes them to its reader, which can
// go on after them.
func TestReadGoesOnAfterError(t *testing.T) {
	eachPath(t, func(t *testing.T, listen listener) {
		c, gone := listen(t, "127.0.0.1:0"), listen(t, "127.0.0.1:0")
		gone.Close()
		control(t, c.sock, func(fd int) error {
			return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
		})
		send(t, c, gone.LocalAddr(), "lost")
		bufs, sizes, from := buffers(2, 8)
		n, err := c.ReadBatch(bufs, sizes, from)
		if n != 0 || !errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadBatch = %d, %v, want 0, connection refused", n, err)
		}
		send(t, c, c.LocalAddr(), "one", "two")
		receive(t, c, 2)
	})
}

// The kernel grants the same as for the largest buffer asked for by hand.
func TestSocketBuffers(t *testing.T) {
	c := open(t, "127.0.0.1:0", newBatcher)
	plain, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	plain.SetReadBuffer(maxSocketBuffer)
	plain.SetWriteBuffer(maxSocketBuffer)
	for name, option := range map[string]int{"receive": syscall.SO_RCVBUF, "send": syscall.SO_SNDBUF} {
		got, want := socketOption(t, c.sock, option), socketOption(t, plain, option)
		if got != want {
			t.Errorf("%s buffer = %d bytes, want %d", name, got, want)
		}
	}
}

func socketOption(t *testing.T, sock *net.UDPConn, option int) (value int) {
	t.Helper()
	control(t, sock, func(fd int) (err error) {
		value, err = syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, option)
		return err
	})
	return value
}

// control calls f with the descriptor of sock.
func control(t *testing.T, sock *net.UDPConn, f func(fd int) error) {
	t.Helper()
	raw, err := sock.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
