package udpsocket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// networks are the Network of this system, and the one of other systems.
var networks = map[string]func() (Network, error){
	"system":    New,
	"goSockets": func() (Network, error) { return new(goSockets), nil },
}

// datagram is one datagram and the address of the other end.
type datagram struct {
	addr    netip.AddrPort
	payload string
}

// arrived is a Receiver for a test.
type arrived chan datagram

func (a arrived) Receive(from netip.AddrPort, p []byte) {
	select {
	case a <- datagram{from, string(p)}:
	default: // the test waits for no more
	}
}

func (a arrived) next(t testing.TB) datagram {
	t.Helper()
	select {
	case d := <-a:
		return d
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrives")
		return datagram{}
	}
}

func eachNetwork(t *testing.T, f func(t *testing.T, n Network)) {
	for name, open := range networks {
		t.Run(name, func(t *testing.T) {
			n, err := open()
			if err != nil {
				t.Fatal(err)
			}
			f(t, n)
			n.Close()
		})
	}
}

func openLent(t testing.TB, n Network, bind string, to Receiver) Socket {
	t.Helper()
	s, err := n.Open(netip.MustParseAddrPort(bind), to)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Datagrams of all lengths go both ways, over both families.
func TestLentSocket(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		if probe, err := net.ListenPacket("udp", ip+":0"); err != nil {
			t.Logf("no %s here: %v", ip, err)
			continue
		} else {
			probe.Close()
		}
		eachNetwork(t, func(t *testing.T, n Network) {
			inA, inB := make(arrived, 10), make(arrived, 10)
			a, b := openLent(t, n, ip+":0", inA), openLent(t, n, ip+":0", inB)
			at := func(s Socket) netip.AddrPort { return netip.MustParseAddrPort(fmt.Sprintf("%s:%d", ip, s.Port())) }
			for _, size := range []int{0, 1, 1400, message.MaxDatagram} {
				p := bytes.Repeat([]byte{byte(size)}, size)
				if n, sent := a.Send([][]byte{p}, []netip.AddrPort{at(b)}); n != 1 || sent != size {
					t.Errorf("send of %d bytes = %d, %d, want 1, %[1]d", size, n, sent)
				}
				if got := inB.next(t); got.addr != at(a) || got.payload != string(p) {
					t.Errorf("%d bytes from %v, want %d from %v", len(got.payload), got.addr, size, at(a))
				}
			}
			// Nobody listens there, as an ICMP message may say. The socket still works.
			b.Send([][]byte{{1}}, []netip.AddrPort{netip.MustParseAddrPort(ip + ":1")})
			// One in the middle is longer than UDP takes.
			three := [][]byte{{1}, make([]byte, 1<<16), {2}}
			if got, size := b.Send(three, []netip.AddrPort{at(a), at(a), at(a)}); got != 2 || size != 2 {
				t.Errorf("send = %d, %d, want 2 of 2 bytes", got, size)
			}
			if got := inA.next(t).payload + inA.next(t).payload; got != "\x01\x02" {
				t.Errorf("got %q, want \\x01\\x02", got)
			}
			a.Close()
			if got, size := a.Send([][]byte{{1}}, []netip.AddrPort{at(b)}); got != 0 || size != 0 {
				t.Errorf("send on a closed socket = %d, %d, want 0, 0", got, size)
			}
			again, err := n.Open(netip.MustParseAddrPort(fmt.Sprintf("%s:%d", ip, a.Port())), inA)
			if err != nil {
				t.Fatalf("port of a closed socket: %v", err)
			}
			if _, err := n.Open(at(b), inA); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("port in use: %v, want that it is taken", err)
			}
			again.Close()
			b.Close()
		})
	}
}

// Sockets are opened and closed while datagrams arrive. No datagram is delivered to a
// closed socket, nor to a newer one with the same descriptor.
func TestLentSocketsComeAndGo(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n Network) {
		out, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 50 {
					in := &own{t: t}
					s := openLent(t, n, "127.0.0.1:0", in)
					in.port = []byte(fmt.Sprint(s.Port()))
					in.open.Lock()
					in.isOpen = true
					in.open.Unlock()
					to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.Port())}
					for range 20 {
						out.WriteTo(in.port, to)
					}
					s.Close()
					in.open.Lock()
					in.isOpen = false
					in.open.Unlock()
				}
			})
		}
		all.Wait()
	})
}

// own takes datagrams for its own port only, while it is open. The port is set before
// anything is sent.
type own struct {
	t      testing.TB
	port   []byte
	open   sync.Mutex // guards isOpen
	isOpen bool
}

func (o *own) Receive(_ netip.AddrPort, p []byte) {
	o.open.Lock()
	defer o.open.Unlock()
	if o.isOpen && !bytes.Equal(p, o.port) {
		o.t.Errorf("port %s got what is for %s", o.port, p)
	}
}

// echoes sends each datagram back to its own socket, a given number of times, so that
// there is always more to read.
type echoes struct {
	out  net.PacketConn
	left atomic.Int64
}

func (e *echoes) Receive(_ netip.AddrPort, p []byte) {
	if e.left.Add(-1) > 0 {
		port, _ := strconv.Atoi(string(p))
		e.out.WriteTo(p, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	}
}

// A socket that always has more to read does not keep another one waiting.
func TestFloodedSocket(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n Network) {
		out, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		flood, quiet := &echoes{out: out}, make(arrived, 1)
		flood.left.Store(1 << 40)
		a, b := openLent(t, n, "127.0.0.1:0", flood), openLent(t, n, "127.0.0.1:0", quiet)
		to := func(s Socket) net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.Port())} }
		for range 128 {
			out.WriteTo([]byte(fmt.Sprint(a.Port())), to(a))
		}
		for range 20 {
			out.WriteTo([]byte("quiet"), to(b))
			quiet.next(t)
		}
		flood.left.Store(0)
		a.Close()
		b.Close()
	})
}
