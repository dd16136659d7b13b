//go:build direct && linux

package direct

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/netns"
)

// wires carry packets from host to host, each after the delay of its wire, like netem,
// which not every kernel has.
type wires struct {
	hosts []*netns.Host
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
		addr := netip.PrefixFrom(netip.MustParseAddr(ip), 24)
		h, err := netns.New(fmt.Sprintf("kadmesh%d-%d", os.Getpid(), i), fmt.Sprintf("km%d", addr.Addr().AsSlice()[3]), addr)
		if err != nil {
			t.Fatal(err)
		}
		w.hosts = append(w.hosts, h)
	}
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if a != b {
				p := &pipe{delay: delay(a.Addr, b.Addr), packets: make(chan packet, pipeDepth)}
				w.pipes[[2]netip.Addr{a.Addr, b.Addr}] = p
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

// take puts the packets from h into the pipes.
func (w *wires) take(h *netns.Host) {
	b := make([]byte, 1<<16)
	for {
		n, err := h.TUN.Read(b)
		if err != nil {
			return
		}
		to, _ := netns.Destination(b[:n])
		p := w.pipes[[2]netip.Addr{h.Addr, to}]
		if p == nil || p.cut.Load() {
			continue
		}
		select {
		case p.packets <- packet{time.Now().Add(p.delay), append([]byte(nil), b[:n]...)}:
		default:
		}
	}
}

func (p *pipe) deliver(to *netns.Host) {
	for packet := range p.packets {
		time.Sleep(time.Until(packet.due))
		if !p.cut.Load() {
			to.TUN.Write(packet.data)
		}
	}
}

// cut cuts the wire between two hosts, or mends it.
func (w *wires) cut(a, b *netns.Host, cut bool) {
	w.pipes[[2]netip.Addr{a.Addr, b.Addr}].cut.Store(cut)
	w.pipes[[2]netip.Addr{b.Addr, a.Addr}].cut.Store(cut)
}

func (w *wires) close() {
	for _, h := range w.hosts {
		h.Close()
	}
	w.work.Wait()
}
