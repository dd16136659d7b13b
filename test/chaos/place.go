//go:build chaos && linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netns"
)

// place is where the processes of a network run.
type place interface {
	// addr returns the address of the node at a seat.
	addr(seat int) netip.AddrPort
	// command returns the command that runs a program at a seat.
	command(seat int, program string, args ...string) *exec.Cmd
	// user returns an address to listen on for users of the network, with port 0.
	user() netip.AddrPort
	close()
}

// port is the port of all nodes.
const port = 8468

// newPlace returns the place of a run, and its wires if they can be broken. skipped says
// why not.
func newPlace(apart string, nodes int) (p place, w wires, skipped string, err error) {
	if apart == "never" {
		return newLoopback(), nil, "loss, delay and cut: not asked for", nil
	}
	if err := netns.Available(); err != nil {
		if apart == "always" {
			return nil, nil, "", err
		}
		return newLoopback(), nil, fmt.Sprintf("loss, delay and cut: %v", err), nil
	}
	f, err := newFabric(nodes)
	return f, f, "", err
}

// loopback has an address of 127.0.0.0/8 for each seat. The second byte is drawn from the
// process id, and the third counts: two networks at a time do not meet.
type loopback struct{ second, third byte }

var loopbacks atomic.Uint32 // how many there were

func newLoopback() loopback { return loopback{byte(1 + os.Getpid()%254), byte(loopbacks.Add(1))} }

func (l loopback) addr(seat int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, l.second, l.third, byte(1 + seat)}), port)
}

func (l loopback) command(_ int, program string, args ...string) *exec.Cmd {
	return exec.Command(program, args...)
}

func (l loopback) user() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:0") }

func (l loopback) close() {}

// fabric has a host for each seat, and one for the users. It takes all packets from
// host to host.
type fabric struct {
	hosts  []*netns.Host // by seat, and then the one of the users
	byAddr map[netip.Addr]int
	moving sync.WaitGroup

	mu    sync.Mutex // guards the fields below
	loss  float64
	delay time.Duration
	apart map[int]bool // the seats that are cut off from all others
}

// newFabric makes the hosts. Their network is drawn from the process id, so that two
// runs at a time do not meet.
func newFabric(nodes int) (*fabric, error) {
	f := &fabric{byAddr: make(map[netip.Addr]int)}
	pid := os.Getpid()
	for i := range nodes + 1 {
		name, last := fmt.Sprintf("kadmesh%d-%d", pid, i), byte(1+i)
		if i == nodes {
			name, last = "", 254
		}
		ip := netip.AddrFrom4([4]byte{10, byte(100 + pid>>8%100), byte(pid), last})
		h, err := netns.New(name, fmt.Sprintf("km%d.%d", pid%10_000_000, i), netip.PrefixFrom(ip, 24))
		if err != nil {
			f.close()
			return nil, err
		}
		f.byAddr[ip] = len(f.hosts)
		f.hosts = append(f.hosts, h)
	}
	for i := range f.hosts {
		f.moving.Go(func() { f.carry(i) })
	}
	return f, nil
}

func (f *fabric) addr(seat int) netip.AddrPort { return netip.AddrPortFrom(f.hosts[seat].Addr, port) }

func (f *fabric) command(seat int, program string, args ...string) *exec.Cmd {
	return f.hosts[seat].Command(program, args...)
}

func (f *fabric) user() netip.AddrPort { return netip.AddrPortFrom(f.hosts[len(f.hosts)-1].Addr, 0) }

func (f *fabric) close() {
	for _, h := range f.hosts {
		h.Close()
	}
	f.moving.Wait()
}

// carry takes the packets of a host to the others.
func (f *fabric) carry(from int) {
	b := make([]byte, 1<<16)
	for {
		n, err := f.hosts[from].TUN.Read(b)
		if err != nil {
			return
		}
		addr, _ := netns.Destination(b[:n])
		to, known := f.byAddr[addr]
		if !known {
			continue
		}
		switch pass, delay := f.passes(from, to); {
		case pass && delay == 0:
			f.hosts[to].TUN.Write(b[:n])
		case pass:
			packet := append([]byte(nil), b[:n]...)
			time.AfterFunc(delay, func() { f.hosts[to].TUN.Write(packet) })
		}
	}
}

// passes decides the fate of a packet.
func (f *fabric) passes(from, to int) (pass bool, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.apart[from] == f.apart[to] && (f.loss == 0 || rand.Float64() >= f.loss), f.delay
}

func (f *fabric) setLoss(share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loss = share
}

func (f *fabric) setDelay(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delay = d
}

func (f *fabric) cut(seats []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.apart = make(map[int]bool)
	for _, i := range seats {
		f.apart[i] = true
	}
}
