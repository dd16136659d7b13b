package relay

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Clients cannot reach an address that the machine gets while the relay runs, and can reach
// it again after the machine has lost it.
func TestMachineChanges(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		own, err := []netip.Addr{}, error(nil)
		l.server.hosts.list = func() ([]netip.Addr, error) { return own, err }
		c := l.join(home, message.Hello{})
		n := 0
		check := func(when string, want int) {
			t.Helper()
			n++
			if got := len(c.tell(datagram{remote, ask(n)})); got != want {
				t.Errorf("%s: %d datagrams went out, want %d", when, got, want)
			}
			if got := len(c.hear(datagram{remote, ask(n)})); got != want {
				t.Errorf("%s: %d datagrams came in, want %d", when, got, want)
			}
		}
		check("at first", 1)
		own = []netip.Addr{remote.Addr()}
		time.Sleep(time.Minute)
		check("with the address", 0)
		own, err = nil, errors.New("no list")
		time.Sleep(time.Minute)
		check("while there is no list", 0)
		err = nil
		check("within the same minute", 0)
		time.Sleep(time.Minute)
		check("without the address", 1)
		if got := c.tell(datagram{netip.AddrPortFrom(labPublic4, 4000), ask(1)}); len(got) != 0 {
			t.Errorf("%d datagrams went to the public address, want none", len(got))
		}
	})
}
