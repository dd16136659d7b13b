package wsrelay

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

var (
	v4 = netip.MustParseAddrPort("192.0.2.7:8468")
	v6 = netip.MustParseAddrPort("[2001:db8::7]:65535")
)

// datagram is one datagram and the address of the other end.
type datagram struct {
	addr    netip.AddrPort
	payload string
}

// datagrams takes a message of datagrams apart.
func datagrams(t testing.TB, m []byte) (list []datagram) {
	t.Helper()
	if len(m) == 0 || message.Kind(m[0]) != message.KindDatagrams {
		t.Fatalf("message = %x, want datagrams", m)
	}
	for b := m[1:]; len(b) > 0; {
		a, payload, rest, err := message.NextDatagram(b)
		if err != nil {
			t.Fatalf("datagrams of %x: %v", m, err)
		}
		list, b = append(list, datagram{a, string(payload)}), rest
	}
	return list
}

// messageOf puts datagrams together.
func messageOf(list ...datagram) (b []byte) {
	for _, d := range list {
		b = message.AppendDatagram(b, d.addr, []byte(d.payload))
	}
	return b
}

// watched adds to cfg that it tells its states to the channel.
func watched(cfg Config) (Config, <-chan State) {
	states := make(chan State, 10000)
	cfg.OnState = func(s State) { states <- s }
	return cfg, states
}

// next waits for the next state of that phase.
func next(t testing.TB, states <-chan State, p Phase) State {
	t.Helper()
	for limit := time.After(time.Hour); ; {
		select {
		case s := <-states:
			if s.Phase == p {
				return s
			}
		case <-limit:
			t.Fatalf("not %v within an hour", p)
		}
	}
}

// write sends payloads to a as one batch and expects all to be taken.
func write(t testing.TB, c *Conn, a netip.AddrPort, payloads ...string) {
	t.Helper()
	bufs, to := make([][]byte, len(payloads)), make([]netip.AddrPort, len(payloads))
	for i, p := range payloads {
		bufs[i], to[i] = []byte(p), a
	}
	if n, err := c.WriteBatch(bufs, to); n != len(bufs) || err != nil {
		t.Fatalf("WriteBatch = %d, %v, want %d, nil", n, err, len(bufs))
	}
}

// read reads one batch of up to size datagrams.
func read(t testing.TB, c *Conn, size int) (list []datagram) {
	t.Helper()
	bufs, sizes, from := make([][]byte, size), make([]int, size), make([]netip.AddrPort, size)
	for i := range bufs {
		bufs[i] = make([]byte, message.MaxDatagram)
	}
	n, err := c.ReadBatch(bufs, sizes, from)
	if err != nil {
		t.Fatalf("ReadBatch = %v, want nil", err)
	}
	for i := range n {
		list = append(list, datagram{from[i], string(bufs[i][:sizes[i]])})
	}
	return list
}

// hasText reports whether err says text.
func hasText(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }
