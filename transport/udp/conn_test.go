//go:build !js

package udp

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// A socket's own address, and which other sockets can reach it and be reached.
func TestStacks(t *testing.T) {
	tests := []struct {
		addr  string // to listen on
		local string // IP of LocalAddr
		v4    string // IP under which an IPv4 peer reaches it, "" if not at all
		v6    string
	}{
		{"127.0.0.1:0", "127.0.0.1", "127.0.0.1", ""},
		{"[::ffff:127.0.0.1]:0", "127.0.0.1", "127.0.0.1", ""},
		{"0.0.0.0:0", "0.0.0.0", "127.0.0.1", ""},
		{"[::1]:0", "::1", "", "::1"},
		{"[::]:0", "::", "127.0.0.1", "::1"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			eachPath(t, func(t *testing.T, listen listener) {
				c := listen(t, tt.addr)
				if got := c.LocalAddr(); got.Addr().String() != tt.local || got.Port() == 0 {
					t.Errorf("LocalAddr = %v, want %v and a port", got, tt.local)
				}
				checkPeer(t, c, listen, "127.0.0.1", tt.v4)
				checkPeer(t, c, listen, "::1", tt.v6)
			})
		})
	}
}

// checkPeer exchanges batches between c and a new peer on the IP host, if c can
// be reached under the IP at, and otherwise expects c to refuse to send there.
func checkPeer(t *testing.T, c *Conn, listen listener, host, at string) {
	t.Helper()
	if at == "" {
		to := netip.AddrPortFrom(netip.MustParseAddr(host), 9)
		for size := 1; size <= 2; size++ {
			bufs := make([][]byte, size)
			n, err := c.WriteBatch(bufs, slices.Repeat([]netip.AddrPort{to}, size))
			if n != 0 || err == nil || !strings.HasPrefix(err.Error(), "send to "+to.String()+": ") {
				t.Errorf("WriteBatch of %d to %v = %d, %v, want 0 and an error that names it", size, to, n, err)
			}
		}
		return
	}
	peer := listen(t, netip.AddrPortFrom(netip.MustParseAddr(host), 0).String())
	send(t, peer, reach(c, at), "one", "two")
	for _, d := range receive(t, c, 2) {
		if d.from != peer.LocalAddr() {
			t.Errorf("came from %v, want %v", d.from, peer.LocalAddr())
		}
		send(t, c, d.from, d.data)
	}
	send(t, c, peer.LocalAddr(), "three", "four")
	mapped := netip.AddrPortFrom(netip.AddrFrom16(peer.LocalAddr().Addr().As16()), peer.LocalAddr().Port())
	send(t, c, mapped, "five", "six")
	for _, d := range receive(t, peer, 6) {
		if d.from != reach(c, at) {
			t.Errorf("answer %q came from %v, want %v", d.data, d.from, reach(c, at))
		}
	}
}

func TestListenErrors(t *testing.T) {
	taken := open(t, "127.0.0.1:0", newBatcher).LocalAddr()
	tests := []struct {
		name string
		addr netip.AddrPort
		want string
	}{
		{"no address", netip.AddrPort{}, "listen on invalid AddrPort: no IP address"},
		{"multicast", netip.MustParseAddrPort("239.1.1.1:0"), "listen on 239.1.1.1:0: a multicast address"},
		{"mapped multicast", netip.MustParseAddrPort("[::ffff:239.1.1.1]:0"), "listen on 239.1.1.1:0: a multicast address"},
		{"IPv6 multicast", netip.MustParseAddrPort("[ff02::1]:0"), "listen on [ff02::1]:0: a multicast address"},
		{"port in use", taken, "listen on " + taken.String() + ": bind: "},
		{"not ours", netip.MustParseAddrPort("192.0.2.1:0"), "listen on 192.0.2.1:0: bind: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Listen(tt.addr)
			if err == nil {
				c.Close()
				t.Fatalf("Listen = nil, want %q…", tt.want)
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("Listen = %q, want %q…", err, tt.want)
			}
		})
	}
}

func TestListenFreesSocketOnError(t *testing.T) {
	wrong := errors.New("wrong")
	var addr netip.AddrPort
	_, err := listen(netip.MustParseAddrPort("127.0.0.1:0"), func(s *single) (batcher, error) {
		addr = s.sock.LocalAddr().(*net.UDPAddr).AddrPort()
		return nil, wrong
	})
	if !errors.Is(err, wrong) {
		t.Fatalf("listen = %v, want %v", err, wrong)
	}
	open(t, addr.String(), newBatcher) // fails if the port is still taken
}

func TestClose(t *testing.T) {
	eachPath(t, func(t *testing.T, listen listener) {
		c := listen(t, "127.0.0.1:0")
		if err := c.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
		bufs, sizes, from := buffers(2, 1)
		for size := range 3 {
			n, err := c.WriteBatch(bufs[:size], slices.Repeat([]netip.AddrPort{c.LocalAddr()}, size))
			if closed := errors.Is(err, net.ErrClosed); n != 0 || closed != (size > 0) {
				t.Errorf("WriteBatch of %d after Close = %d, %v, want 0, net.ErrClosed if any", size, n, err)
			}
		}
		if _, err := c.ReadBatch(bufs, sizes, from); !errors.Is(err, net.ErrClosed) {
			t.Errorf("ReadBatch after Close = %v, want net.ErrClosed", err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close = %v, want net.ErrClosed", err)
		}
	})
}

func TestCloseEndsRead(t *testing.T) {
	eachPath(t, func(t *testing.T, listen listener) {
		for range 50 {
			c := listen(t, "127.0.0.1:0")
			send(t, c, c.LocalAddr(), "ready")
			ready, done := make(chan struct{}), make(chan error)
			go func() {
				bufs, sizes, from := buffers(4, 16)
				_, err := c.ReadBatch(bufs, sizes, from)
				close(ready)
				for err == nil {
					_, err = c.ReadBatch(bufs, sizes, from)
				}
				done <- err
			}()
			<-ready
			c.Close()
			err := <-done
			if !errors.Is(err, net.ErrClosed) {
				t.Fatalf("ReadBatch = %v, want net.ErrClosed", err)
			}
			want := "receive on " + c.LocalAddr().String() + ": use of closed network connection"
			if err.Error() != want {
				t.Fatalf("ReadBatch = %q, want %q", err, want)
			}
		}
	})
}
