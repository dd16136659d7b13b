package wsrelay

import (
	"net/netip"
	"testing"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// detached returns a link without a socket, to call receive on.
func detached(t testing.TB) *link {
	c, err := newConn(Config{Relays: []string{"ws://relay"}}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return newLink(c)
}

// To receive and to read takes no allocation.
func TestReceiveAllocs(t *testing.T) {
	l := detached(t)
	if err := l.receive((&message.Welcome{Lent: v4}).Encode()); err != nil {
		t.Fatal(err)
	}
	message := messageOf(datagram{v4, "one"}, datagram{v6, "two"})
	bufs, sizes, from := [][]byte{make([]byte, 9), make([]byte, 9)}, make([]int, 2), make([]netip.AddrPort, 2)
	allocs := testing.AllocsPerRun(1000, func() {
		l.receive(message)
		if n, err := l.conn.ReadBatch(bufs, sizes, from); n != 2 || err != nil {
			t.Fatalf("ReadBatch = %d, %v, want 2, nil", n, err)
		}
	})
	if allocs > 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

// FuzzReceive lets a relay send up to three messages of any bytes, before and after its
// welcome. Only the datagrams of well-formed messages can be read, and memory is bounded.
func FuzzReceive(f *testing.F) {
	w := message.Welcome{Lent: v4, MaxDatagram: message.MaxDatagram, Resume: "token", Bootstrap: []netip.AddrPort{v6}}
	drops := message.EncodeDrops(&[message.DropReasons]uint32{1, 2, 3})
	f.Add(w.Encode(), messageOf(datagram{v4, "a"}, datagram{v6, "b"}), drops)
	restarting := message.Restarting{ReconnectIn: 1 << 40, TryFor: 1 << 40}
	f.Add(w.Encode(), restarting.Encode(), message.Errorf(message.CodeReplaced, "text\xff").Encode())
	f.Add([]byte{}, []byte{0}, w.Encode())
	f.Add(w.Encode(), []byte{200, 1, 2}, []byte{0, 255, 255, 4})
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		l := detached(t)
		var want []datagram
		for _, m := range [][]byte{first, second, third} {
			welcomed := l.isWelcomed()
			if l.receive(m) != nil {
				break
			}
			if welcomed && message.Kind(m[0]) == message.KindDatagrams {
				want = append(want, datagrams(t, m)...)
			}
		}
		want = want[max(0, len(want)-maxQueued):]
		got, _ := get(l.conn.in, len(want)+1, 1<<16)
		if len(got) != len(want) {
			t.Fatalf("%d datagrams can be read, want %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("datagram %d = %v, want %v", i, got[i], want[i])
			}
		}
		if st := l.conn.State(); l.isWelcomed() != st.Addr.IsValid() {
			t.Errorf("lent address %v, welcomed = %v", st.Addr, l.isWelcomed())
		}
	})
}
