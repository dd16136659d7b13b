//go:build !js

package wsrelay

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

func TestDial(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		n := newFakeNet(t)
		r := n.relay("relay:80")
		cfg, states := watched(n.config("relay:80"))
		cfg.Token, cfg.Family = "secret", 4
		bootstrap := []netip.AddrPort{v6, v4}
		go func() {
			s := r.session()
			want := message.Hello{Family: 4, Token: "secret"}
			if s.hello != want || s.version != message.Version || s.path != "/relay" {
				t.Errorf("hello = %v version %d to %s, want %v version %d to /relay",
					s.hello, s.version, s.path, want, message.Version)
			}
			s.send((&message.Welcome{Lent: v4, MaxDatagram: message.MaxDatagram, Bootstrap: bootstrap}).Encode())
		}()
		c := dialFake(t, cfg)
		if c.LocalAddr() != v4 {
			t.Errorf("LocalAddr = %v, want %v", c.LocalAddr(), v4)
		}
		if got := c.Bootstrap(); !slices.Equal(got, bootstrap) {
			t.Errorf("Bootstrap = %v, want %v", got, bootstrap)
		}
		first, second := <-states, <-states
		if want := (State{Phase: Connecting, Relay: "ws://relay:80/relay"}); first != want {
			t.Errorf("first state = %v, want %v", first, want)
		}
		if want := (State{Phase: Connected, Relay: "ws://relay:80/relay", Addr: v4}); second != want || c.State() != want {
			t.Errorf("second state = %v, and now %v, want %v", second, c.State(), want)
		}
	})
}

func TestReadAndWrite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		mapped := netip.AddrPortFrom(netip.AddrFrom16(v4.Addr().As16()), v4.Port())
		n, err := c.WriteBatch([][]byte{[]byte("a"), nil, []byte("c")}, []netip.AddrPort{v4, v6, mapped})
		if n != 3 || err != nil {
			t.Errorf("WriteBatch = %d, %v, want 3, nil", n, err)
		}
		want := []datagram{{v4, "a"}, {v6, ""}, {v4, "c"}}
		if got := datagrams(t, s.read()); !slices.Equal(got, want) {
			t.Errorf("relay got %v, want %v", got, want)
		}
		s.send(messageOf(want...))
		synctest.Wait()
		if got := read(t, c, 2); !slices.Equal(got, want[:2]) {
			t.Errorf("first batch = %v, want %v", got, want[:2])
		}
		if got := read(t, c, 2); !slices.Equal(got, want[2:]) {
			t.Errorf("second batch = %v, want %v", got, want[2:])
		}
		st := c.Stats()
		if wantT := (Traffic{1, 3, uint64(len(messageOf(want...)))}); st.Sent != wantT || st.Received != wantT {
			t.Errorf("traffic = %v and %v, want %v", st.Sent, st.Received, wantT)
		}
	})
}

// A datagram that no relay can carry is skipped. So is a datagram longer than the buffer of
// ReadBatch.
func TestUnfit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		long := make([]byte, message.MaxDatagram+1)
		to := []netip.AddrPort{v4, {}, netip.MustParseAddrPort("1.2.3.4:0"), netip.MustParseAddrPort("[fe80::1%eth0]:9"), v4, v6}
		n, err := c.WriteBatch([][]byte{long, nil, nil, nil, long[1:], []byte("x")}, to)
		if n != 2 || err == nil {
			t.Errorf("WriteBatch = %d, %v, want 2 and an error", n, err)
		}
		if got, want := datagrams(t, s.read()), []datagram{{v4, string(long[1:])}, {v6, "x"}}; !slices.Equal(got, want) {
			t.Errorf("relay got %d datagrams, or other ones, want the longest one and x", len(got))
		}
		s.send(messageOf(datagram{v4, "123"}, datagram{v4, "12"}, datagram{v4, "1234"}))
		bufs, sizes, from := [][]byte{make([]byte, 2)}, []int{0}, make([]netip.AddrPort, 1)
		if n, err := c.ReadBatch(bufs, sizes, from); n != 1 || err != nil || sizes[0] != 2 {
			t.Errorf("ReadBatch = %d, %v, %d bytes, want one of 2", n, err, sizes[0])
		}
		synctest.Wait()
		go c.ReadBatch(bufs, sizes, from)
		synctest.Wait()
		if st := c.Stats().Dropped; st.Unfit != 4 || st.TooLong != 2 {
			t.Errorf("dropped = %+v, want 4 unfit and 2 too long", st)
		}
		c.Close()
	})
}

// Datagrams written while one message is under way leave as one message.
func TestCoalescing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		write(t, c, v4, "first")
		synctest.Wait() // in the pipe, until the relay reads
		var want []datagram
		for i := range 100 {
			want = append(want, datagram{v6, fmt.Sprint(i)})
			write(t, c, v6, want[i].payload)
		}
		if got := datagrams(t, s.read()); len(got) != 1 {
			t.Errorf("first message has %d datagrams, want 1", len(got))
		}
		if got := datagrams(t, s.read()); !slices.Equal(got, want) {
			t.Errorf("second message has %d datagrams, or others, want %d", len(got), len(want))
		}
	})
}

// A relay that reads nothing costs the oldest datagrams, and never a writer's
// time; one that does not for long is given up.
func TestSlowRelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, states := pair(t)
		write(t, c, v4, "first")
		synctest.Wait()
		start := time.Now()
		for i := range 522 {
			write(t, c, v4, fmt.Sprint(i))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("writing took %v, want no time", took)
		}
		s.read()
		got := datagrams(t, s.read())
		if len(got) != 512 || got[0].payload != "10" || got[511].payload != "521" {
			t.Errorf("got %d datagrams from %q on, want 512 from 10 on", len(got), got[0].payload)
		}
		if n := c.Stats().Dropped.Outgoing; n != 10 {
			t.Errorf("dropped = %d, want 10", n)
		}

		write(t, c, v4, "stuck")
		synctest.Wait()
		write(t, c, v4, "behind")
		start = time.Now()
		st := next(t, states, Lost)
		if took := time.Since(start); took != 15*time.Second || !hasText(st.Reason, errStalled.Error()) {
			t.Errorf("lost after %v, %v, want after 15s, %v", took, st.Reason, errStalled)
		}
		if n := c.Stats().Dropped.Offline; n != 1 {
			t.Errorf("dropped with the connection = %d, want 1", n)
		}
	})
}

// A reader that does not keep up loses the oldest.
func TestSlowReader(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, s, _ := pair(t)
		for i := range 522 {
			s.send(messageOf(datagram{v4, fmt.Sprint(i)}))
		}
		synctest.Wait()
		got := read(t, c, 513)
		if len(got) != 512 || got[0].payload != "10" {
			t.Errorf("got %d datagrams from %q on, want 512 from 10 on", len(got), got[0].payload)
		}
		if n := c.Stats().Dropped.Incoming; n != 10 {
			t.Errorf("dropped = %d, want 10", n)
		}
	})
}
