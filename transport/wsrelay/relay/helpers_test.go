package relay

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
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
func watched(cfg wsrelay.Config) (wsrelay.Config, <-chan wsrelay.State) {
	states := make(chan wsrelay.State, 10000)
	cfg.OnState = func(s wsrelay.State) { states <- s }
	return cfg, states
}

// next waits for the next state of that phase.
func next(t testing.TB, states <-chan wsrelay.State, p wsrelay.Phase) wsrelay.State {
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

// inBubble runs f in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
