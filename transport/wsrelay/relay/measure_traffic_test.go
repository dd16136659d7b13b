//go:build linux

package relay

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// fleet is many clients in one process.
type fleet struct {
	conns    []*wsrelay.Conn
	answers  []atomic.Int64 // that each got
	got      atomic.Int64   // datagrams that came in
	lost     atomic.Int64   // connections that broke
	back     atomic.Int64   // that are there again
	same     atomic.Int64   // those of them with the address from before
	lastBack atomic.Int64   // when, in Unix ns
}

// clientsRole opens a number of clients, and then obeys the lines of fleet.act.
func clientsRole(args []string) {
	n, err := strconv.Atoi(args[1])
	exitOn(err)
	f := &fleet{conns: make([]*wsrelay.Conn, n), answers: make([]atomic.Int64, n)}
	var opening sync.WaitGroup
	places := make(chan bool, 64)
	for i := range f.conns {
		places <- true
		opening.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c, err := wsrelay.Dial(ctx, wsrelay.Config{Relays: []string{"ws://" + args[0]}, OnState: f.watch})
			exitOn(err)
			f.conns[i] = c
			go f.read(i)
			<-places
		})
	}
	opening.Wait()
	addrs := make([]string, n)
	for i, c := range f.conns {
		addrs[i] = c.LocalAddr().String()
	}
	answers(strings.Join(addrs, " "), f.act)
}

func (f *fleet) watch(s wsrelay.State) {
	switch {
	case s.Phase == wsrelay.Lost:
		f.lost.Add(1)
	case s.Phase == wsrelay.Connected && f.lost.Load() > 0:
		f.back.Add(1)
		if !s.Changed {
			f.same.Add(1)
		}
		f.lastBack.Store(time.Now().UnixNano())
	}
}

// act obeys a line:
//
//	exchange ADDR N  each client sends N requests to the address, one after the other, and again if no answer comes
//	blast ADDR MS    the first client sends requests in batches, for so long
//	got              how many datagrams came in
//	back             how many clients lost the relay, are back, have the same address; and when the last one came
func (f *fleet) act(line string) any {
	w := append(strings.Fields(line), "", "")
	n, _ := strconv.Atoi(w[2])
	switch w[0] {
	case "exchange":
		start := time.Now()
		var all sync.WaitGroup
		var again atomic.Int64
		for i := range f.conns {
			all.Go(func() { f.exchange(i, netip.MustParseAddrPort(w[1]), n, &again) })
		}
		all.Wait()
		return fmt.Sprint(time.Since(start).Milliseconds(), again.Load())
	case "blast":
		blast(f.conns[0], netip.MustParseAddrPort(w[1]), time.Duration(n)*time.Millisecond)
		return "done"
	case "back":
		return fmt.Sprint(f.lost.Load(), f.back.Load(), f.same.Load(), f.lastBack.Load())
	}
	return f.got.Load()
}

func (f *fleet) exchange(i int, to netip.AddrPort, n int, again *atomic.Int64) {
	for range n {
		before := f.answers[i].Load()
		for tries := 0; f.answers[i].Load() == before; tries++ {
			if tries%500 == 0 {
				again.Add(int64(min(tries, 1)))
				f.conns[i].WriteBatch([][]byte{ping(uint64(i))}, []netip.AddrPort{to})
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
}

func (f *fleet) read(i int) {
	bufs, sizes, from := buffers(64)
	for {
		n, err := f.conns[i].ReadBatch(bufs, sizes, from)
		if err != nil {
			return
		}
		f.got.Add(int64(n))
		for j := range n {
			if bufs[j][0] == 1 {
				f.answers[i].Add(1)
			}
		}
	}
}

func buffers(n int) ([][]byte, []int, []netip.AddrPort) {
	bufs := make([][]byte, n)
	for i := range bufs {
		bufs[i] = make([]byte, 1500)
	}
	return bufs, make([]int, n), make([]netip.AddrPort, n)
}

// blast sends requests of 100 bytes in batches for a while, after one that is
// answered.
func blast(c core.Conn, to netip.AddrPort, d time.Duration) {
	c.WriteBatch([][]byte{ping(0)}, []netip.AddrPort{to})
	time.Sleep(200 * time.Millisecond)
	bufs, addrs := make([][]byte, 64), slices.Repeat([]netip.AddrPort{to}, 64)
	for i := range bufs {
		bufs[i] = append(ping(uint64(i+1)), make([]byte, 100)...)[:100]
		// An argument of more bytes makes it 100 in all.
		bufs[i][29] = 100 - 30
	}
	relayed, _ := c.(*wsrelay.Conn)
	sent := func() uint64 { n := relayed.Stats(); return n.Sent.Datagrams + n.Dropped.Outgoing }
	var before uint64
	if relayed != nil {
		before = sent()
	}
	for start, written := time.Now(), uint64(0); time.Since(start) < d; {
		c.WriteBatch(bufs, addrs)
		written += uint64(len(bufs))
		for relayed != nil && before+written-sent() > 400 { // the queue holds 512
			runtime.Gosched()
		}
	}
}

// nodeRole answers requests, and says how many came. With the argument "sink" it answers
// requests with number 0 only.
func nodeRole(args []string) {
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	exitOn(err)
	var got atomic.Int64
	go func() {
		bufs, sizes, from := buffers(64)
		for {
			n, err := c.ReadBatch(bufs, sizes, from)
			exitOn(err)
			got.Add(int64(n))
			out, to := bufs[:0:0], from[:0:0]
			for i, b := range bufs[:n] {
				if args[0] != "sink" || binary.BigEndian.Uint64(b[1:]) == 0 {
					out, to = append(out, append(append([]byte{1}, b[1:21]...), 0xc0)), append(to, from[i])
				}
			}
			c.WriteBatch(out, to)
		}
	}()
	answers(c.LocalAddr(), func(string) any { return got.Load() })
}

// senderRole sends requests to the address that it reads, for two seconds.
func senderRole([]string) {
	c, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	exitOn(err)
	answers("ready", func(line string) any {
		blast(c, netip.MustParseAddrPort(line), 2*time.Second)
		return "done"
	})
}

// Many clients, in processes of their own, exchange datagrams with a node.
func TestMeasureClients(t *testing.T) {
	needsMeasure(t)
	const each = 1000
	relay, addr := start(t, 2, "relay", "127.0.0.1:0")
	node, at := start(t, 2, "node", "all")
	_ = node
	before := relay.resident()
	begin := time.Now()
	var fleets []*process
	for range *measureClients / each {
		f, _ := start(t, 2, "clients", addr, fmt.Sprint(each))
		fleets = append(fleets, f)
	}
	n := each * len(fleets)
	t.Logf("%d clients connected in %v, relay %v of processor time, %.1f kB each", n,
		time.Since(begin).Round(time.Millisecond), relay.processor(), float64(relay.resident()-before)/float64(n))
	used, begin := relay.processor(), time.Now()
	var all sync.WaitGroup
	for _, f := range fleets {
		all.Go(func() {
			got := f.numbers(fmt.Sprint("exchange ", at, " 10"))
			t.Logf("%d clients, 10 exchanges each: %d ms, %d sent again", each, got[0], got[1])
		})
	}
	all.Wait()
	took := time.Since(begin)
	passed := relay.numbers("stats")
	t.Logf("%d datagrams from clients and %d to them in %v (%.0f/s), relay %v of processor time, %.1f kB each",
		passed[0], passed[1],
		took.Round(time.Millisecond), float64(passed[0]+passed[1])/took.Seconds(), relay.processor()-used,
		float64(relay.resident()-before)/float64(n))
}

// One client sends, or gets, as many datagrams as go through a relay on one
// processor.
func TestMeasureForwarding(t *testing.T) {
	needsMeasure(t)
	relay, addr := start(t, 1, "relay", "127.0.0.1:0")
	node, at := start(t, 1, "node", "sink")
	clients, lent := start(t, 1, "clients", addr, "1")
	sender, _ := start(t, 1, "sender")
	show := func(what string, passed, arrived int, took, used time.Duration) {
		t.Logf("%s: %d datagrams of 100 B in %v: %.0f/s, %.0f per second of the relay's processor time; %d arrived", what,
			passed, took.Round(time.Millisecond), float64(passed)/took.Seconds(), float64(passed)/used.Seconds(), arrived)
	}
	for range 3 {
		before, arrived, used, begin := relay.numbers("stats"), node.numbers("got"), relay.processor(), time.Now()
		clients.ask("blast " + at + " 2000")
		took := time.Since(begin) - 200*time.Millisecond
		after := relay.numbers("stats")
		show("from a client", after[0]-before[0], node.numbers("got")[0]-arrived[0], took, relay.processor()-used)

		before, arrived, used, begin = relay.numbers("stats"), clients.numbers("got"), relay.processor(), time.Now()
		sender.ask(lent)
		took = time.Since(begin) - 200*time.Millisecond
		after = relay.numbers("stats")
		show("to a client", after[1]-before[1], clients.numbers("got")[0]-arrived[0], took, relay.processor()-used)
	}
}

// The time from request to answer, with a socket and through a relay.
func TestMeasureRTT(t *testing.T) {
	needsMeasure(t)
	_, addr := start(t, 2, "relay", "127.0.0.1:0")
	_, at := start(t, 2, "node", "all")
	to := netip.MustParseAddrPort(at)
	relayed, _ := dialReal(t, wsrelay.Config{Relays: []string{"ws://" + addr}})
	for range 3 {
		var p50 []time.Duration
		for _, c := range []core.Conn{udpConn(t), relayed} {
			bufs, sizes, from := buffers(1)
			var took []time.Duration
			for i := range 10000 {
				start := time.Now()
				c.WriteBatch([][]byte{ping(uint64(i))}, []netip.AddrPort{to})
				c.ReadBatch(bufs, sizes, from)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			p50 = append(p50, took[5000])
			t.Logf("%T: p50 %v, p99 %v", c, took[5000], took[9900])
		}
		t.Logf("added: %v", p50[1]-p50[0])
	}
}

// A relay is restarted in order, and all its clients come back.
func TestMeasureRestart(t *testing.T) {
	needsMeasure(t)
	relay, addr := start(t, 2, "relay", "127.0.0.1:0")
	const each = 1000
	var fleets []*process
	for range *measureBack / each {
		f, _ := start(t, 2, "clients", addr, fmt.Sprint(each))
		fleets = append(fleets, f)
	}
	begin := time.Now()
	relay.stop()
	stopped := time.Since(begin)
	start(t, 2, "relay", addr)
	started := time.Since(begin)
	for lost, back, same, last := 0, 0, 0, 0; back < each*len(fleets); {
		time.Sleep(100 * time.Millisecond)
		lost, back, same, last = 0, 0, 0, 0
		for _, f := range fleets {
			got := f.numbers("back")
			lost, back, same, last = lost+got[0], back+got[1], same+got[2], max(last, got[3])
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("%d clients are back after a minute, want all", back)
		}
		if back == each*len(fleets) {
			t.Logf("%d clients lost the relay %d times; it was stopped after %v, started after %v, "+
				"the last one came back after %v; %d have the same address",
				back, lost, stopped.Round(time.Millisecond), started.Round(time.Millisecond),
				time.Unix(0, int64(last)).Sub(begin).Round(time.Millisecond), same)
		}
	}
}
