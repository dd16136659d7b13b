//go:build direct && linux

package direct

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// host is a network namespace. Its only way out is a TUN device, and this process has the
// other end of it.
type host struct {
	name string
	ip   netip.Addr
	tun  *os.File
}

// wires carry packets from host to host, each after the delay of its wire, like netem,
// which not every kernel has.
type wires struct {
	hosts []*host
	pipes map[[2]netip.Addr]*pipe
	work  sync.WaitGroup
}

// pipe is one direction of a wire.
type pipe struct {
	delay   time.Duration
	cut     atomic.Bool
	packets chan packet
}

type packet struct {
	due  time.Time
	data []byte
}

// pipeDepth is the maximum number of packets on their way; further ones are lost.
const pipeDepth = 4096

// newWires makes a host for each address, with the delays between them.
func newWires(t *testing.T, delay func(a, b netip.Addr) time.Duration, ips ...string) *wires {
	t.Helper()
	w := &wires{pipes: make(map[[2]netip.Addr]*pipe)}
	t.Cleanup(w.close)
	for i, ip := range ips {
		w.hosts = append(w.hosts, newHost(t, fmt.Sprintf("kadmesh%d-%d", os.Getpid(), i), netip.MustParseAddr(ip)))
	}
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if a != b {
				p := &pipe{delay: delay(a.ip, b.ip), packets: make(chan packet, pipeDepth)}
				w.pipes[[2]netip.Addr{a.ip, b.ip}] = p
				w.work.Go(func() { p.deliver(b) })
			}
		}
	}
	var reading sync.WaitGroup
	for _, h := range w.hosts {
		reading.Go(func() { w.take(h) })
	}
	w.work.Go(func() {
		reading.Wait()
		for _, p := range w.pipes {
			close(p.packets)
		}
	})
	return w
}

func newHost(t *testing.T, name string, ip netip.Addr) *host {
	t.Helper()
	device := fmt.Sprintf("km%d", ip.AsSlice()[3])
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	h := &host{name: name, ip: ip, tun: openTUN(t, device)}
	run(t, "ip", "link", "set", device, "netns", name)
	run(t, "ip", "-n", name, "addr", "add", ip.String()+"/24", "dev", device)
	run(t, "ip", "-n", name, "link", "set", device, "up")
	run(t, "ip", "-n", name, "link", "set", "lo", "up")
	return h
}

// openTUN makes a TUN device. The device exists until it is closed.
func openTUN(t *testing.T, device string) *os.File {
	t.Helper()
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open /dev/net/tun: %v", err)
	}
	var request struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], device)
	request.flags = syscall.IFF_TUN | syscall.IFF_NO_PI
	_, _, errno := syscall.Syscall(
		syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		t.Fatalf("make TUN device %s: %v", device, errno)
	}
	return os.NewFile(uintptr(fd), device)
}

// take puts the packets from h into the pipes.
func (w *wires) take(h *host) {
	b := make([]byte, 1<<16)
	for {
		n, err := h.tun.Read(b)
		if err != nil {
			return
		}
		if n < 20 || b[0]>>4 != 4 {
			continue
		}
		p := w.pipes[[2]netip.Addr{h.ip, netip.AddrFrom4([4]byte(b[16:20]))}]
		if p == nil || p.cut.Load() {
			continue
		}
		select {
		case p.packets <- packet{time.Now().Add(p.delay), append([]byte(nil), b[:n]...)}:
		default:
		}
	}
}

func (p *pipe) deliver(to *host) {
	for packet := range p.packets {
		time.Sleep(time.Until(packet.due))
		if !p.cut.Load() {
			to.tun.Write(packet.data)
		}
	}
}

// cut cuts the wire between two hosts, or mends it.
func (w *wires) cut(a, b *host, cut bool) {
	w.pipes[[2]netip.Addr{a.ip, b.ip}].cut.Store(cut)
	w.pipes[[2]netip.Addr{b.ip, a.ip}].cut.Store(cut)
}

func (w *wires) close() {
	for _, h := range w.hosts {
		h.tun.Close()
	}
	w.work.Wait()
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
