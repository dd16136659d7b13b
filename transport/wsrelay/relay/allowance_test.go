package relay

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// A destination that does not answer gets three datagrams of the DHT in half a minute.
func TestSilentDestination(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		for range 3 {
			n := 0
			for i := range 10 {
				n += len(c.tell(datagram{remote, ask(i)}))
			}
			if n != 3 {
				t.Errorf("%d datagrams went to a silent destination, want 3", n)
			}
			if got, want := counted(c.dropped()), "silent destination 7"; got != want {
				t.Errorf("drops = %s, want %s", got, want)
			}
			time.Sleep(30 * time.Second)
		}
	})
}

// A destination that has answered one client is free to all clients. The answer must match
// a request.
func TestProof(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		a, b := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		hundred := func(c *rawClient) (n int) {
			for i := range 100 {
				n += len(c.tell(datagram{remote, ask(1000 + i)}))
			}
			return n
		}
		a.tell(datagram{remote, ask(1)}, datagram{remote, ask(2)}, datagram{remote, ask(3)})
		a.hear(
			datagram{remote, reply(4)},         // to what was not asked
			datagram{remote, ask(1)},           // no answer, but an echo
			datagram{remote, "no rpc"},         //
			datagram{destination(1), reply(1)}, // from elsewhere
			datagram{netip.AddrPortFrom(remote.Addr(), remote.Port()+1), reply(1)})
		if n := hundred(a); n != 0 {
			t.Errorf("%d datagrams went to a destination that has not answered, want 0", n)
		}
		a.hear(datagram{remote, reply(2)})
		if n := hundred(a); n != 100 {
			t.Errorf("%d datagrams went to one that has answered, want 100", n)
		}
		if n := hundred(b); n != 100 {
			t.Errorf("%d datagrams of another client went there, want 100", n)
		}
		time.Sleep(2*time.Hour + time.Second)
		if n := hundred(b); n != 3 {
			t.Errorf("%d datagrams went there hours later, want 3", n)
		}
	})
}

// A client cannot try the addresses of a network, one after the other: some are
// let through at once, then some in each second. Addresses that answer do not count.
func TestNewDestinations(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		next := 0
		scan := func(n int, answers bool) (sent int) {
			for range n {
				next++
				if got := c.tell(datagram{destination(next), ask(next)}); len(got) > 0 {
					sent++
					if answers {
						c.hear(datagram{destination(next), reply(next)})
					}
				}
			}
			return sent
		}
		if got := scan(500, true); got != 500 {
			t.Errorf("%d of 500 who answer were reached, want all", got)
		}
		if got := scan(3000, false); got != 200 {
			t.Errorf("%d addresses were reached at once, want 200", got)
		}
		if got, want := counted(c.dropped()), "new destinations 2800"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
		if got := scan(100, false); got != 5 {
			t.Errorf("%d addresses were reached a second later, want 5", got)
		}
		time.Sleep(time.Minute)
		if got := scan(1000, false); got != 200 {
			t.Errorf("%d addresses were reached a minute later, want 200", got)
		}
		// One that is known is no new one.
		if got := c.tell(datagram{destination(next - 999), ask(1)}); len(got) != 1 {
			t.Errorf("%d datagrams went to a known address, want 1", len(got))
		}
	})
}

// A scan of all ports of a host gets no further than one of hosts.
func TestPortScan(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		sent := 0
		for port := 1; port < 1<<16; port += 200 {
			var list []datagram
			for p := port; p < min(port+200, 1<<16); p++ {
				list = append(list, datagram{netip.AddrPortFrom(remote.Addr(), uint16(p)), ask(p)})
			}
			sent += len(c.tell(list...))
			time.Sleep(200 * time.Millisecond)
		}
		if sent > 600 {
			t.Errorf("%d of 65535 ports were tried in a minute, want 600 at most", sent)
		}
	})
}

// All clients together send little to an address that has not answered.
func TestCrowd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.ClientsPerIP = -1
		l := newLab(t, cfg)
		sent := 0
		for i := range 100 {
			c := l.join(home, message.Hello{})
			for range 3 {
				sent += len(c.tell(datagram{remote, ask(i)}))
			}
		}
		if sent != 50 {
			t.Errorf("100 clients sent %d datagrams to one address at once, want 50", sent)
		}
		time.Sleep(time.Second)
		c := l.join(home, message.Hello{})
		long := append([]byte(reply(1))[:21], 0xc5, 0x36, 0x98)
		long = append(long, bytes.Repeat([]byte("x"), 13976)...) // 14,000 bytes
		n := 0
		for range 3 {
			n += len(c.tell(datagram{destination(1), string(long)}))
		}
		c = l.join(home, message.Hello{})
		for range 3 {
			n += len(c.tell(datagram{destination(1), string(long)}))
		}
		if n != 5 {
			t.Errorf("%d datagrams of 14,000 bytes went to one address, want 5", n)
		}
	})
}

// A request that came in entitles to one answer, soon, and to no more. Also where
// the number of new destinations is used up.
func TestEntitlement(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.NewDestinations = Rate{PerSecond: 1, Burst: 1}
		c := newLab(t, cfg).join(home, message.Hello{})
		c.tell(datagram{destination(0), ask(0)})
		for i := 1; i <= 300; i++ {
			if got := c.hear(datagram{destination(i), ask(i)}); len(got) != 1 {
				t.Fatalf("%d requests came in, want 1", len(got))
			}
			answer := datagram{destination(i), reply(i)}
			if got := c.tell(answer, answer, datagram{destination(i), reply(i + 1000)}); len(got) != 1 {
				t.Errorf("%d answers to one request went out, want 1", len(got))
			}
			if i%50 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		// Not to somebody else.
		c.hear(datagram{destination(501), ask(501)})
		if got := c.tell(datagram{destination(502), reply(501)}); len(got) != 0 {
			t.Error("the answer went to another address than the request came from")
		}
		// Nor later: the debts go with the next ping.
		c.hear(datagram{destination(503), ask(503)})
		time.Sleep(10*time.Second + 25*time.Second)
		synctest.Wait()
		c.tell(datagram{destination(504), ask(504)})
		if got := c.tell(datagram{destination(503), reply(503)}); len(got) != 0 {
			t.Error("the answer went out long after the request")
		}
	})
}

// Answers owed are known without a bound on requests, too.
func TestEntitlementWithoutRates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.NewDestinations = Rate{PerSecond: 1, Burst: 1}
		cfg.Limits.Received = Rate{PerSecond: -1}
		c := newLab(t, cfg).join(home, message.Hello{})
		n := 0
		for i := range 100 {
			c.hear(datagram{destination(i), ask(i)})
			time.Sleep(time.Second)
			n += len(c.tell(datagram{destination(i), reply(i)}))
		}
		if n != 100 {
			t.Errorf("%d of 100 answers went out, want all", n)
		}
	})
}

// Only requests come in from addresses that the client has not sent to.
func TestStrangers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		list := []datagram{{remote, reply(1)}, {remote, "no rpc"}, {remote, ""}, {remote, ask(1)}, {remote, ask(1)[:40]}}
		if got, want := c.hear(list...), list[3:4]; !slices.Equal(got, want) {
			t.Errorf("client got %+v, want the request alone", got)
		}
		if got, want := counted(c.dropped()), "not rpc 4"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
		c.tell(datagram{remote, ask(1)})
		if got := c.hear(list...); !slices.Equal(got, list) {
			t.Errorf("client got %+v, want all", got)
		}
		time.Sleep(3 * time.Minute)
		if got := c.hear(list...); len(got) != 1 {
			t.Errorf("client got %d datagrams minutes later, want the request alone", len(got))
		}
	})
}

// A client that sends too much is read from slowly; one that gets too much does
// not.
func TestRates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		c := l.join(home, message.Hello{})
		local := datagram{netip.MustParseAddrPort("127.0.0.1:4000"), ask(1)}
		many := slices.Repeat([]datagram{local}, 500)
		start := time.Now()
		for range 38 {
			c.tell(many...)
			time.Sleep(0)
		}
		synctest.Wait()
		c.tell(many...)
		if took := time.Since(start); took < 2*time.Second {
			t.Errorf("19,500 datagrams were read in %v, want a pause for each 500 beyond 4000", took)
		}
		got := c.dropped()
		rate, destination := got[message.DropRate], got[message.DropDestination]
		if rate < 10000 || destination < 4000 || destination+rate != 19500 {
			t.Errorf("drops = %s, want 19,500, most of them for the rate", counted(got))
		}

		// Messages that say nothing are not for free either.
		time.Sleep(time.Minute)
		start = time.Now()
		for range 9000 {
			c.send(finalBinary, true, []byte{77})
		}
		if took := time.Since(start); took < 4*time.Second {
			t.Errorf("9000 messages were read in %v, want 5s for those beyond 4000", took)
		}

		other := l.join(home, message.Hello{})
		n := 0
		for range 5000 {
			n += len(other.hear(datagram{remote, ask(1)}))
		}
		if n != 4000 {
			t.Errorf("%d datagrams of a flood got to the client, want 4000", n)
		}
		if got, want := counted(other.dropped()), "rate 1000"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
		long := ask(1)[:21] + "\x92\xa4ping\x91\xc5\x75\x30" + strings.Repeat("x", 30000)
		n = 0
		time.Sleep(10 * time.Second)
		for range 300 {
			n += len(other.hear(datagram{remote, long}))
		}
		if want := (4 << 20) / len(long); n != want {
			t.Errorf("%d long datagrams of a flood got to the client, want %d", n, want)
		}
	})
}

// Neither junk nor requests from strangers keep away the answers that a client
// waits for, and junk does not keep away requests.
func TestFloodAndAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		c.tell(datagram{remote, ask(1)})
		for range 20000 {
			c.lent.to.Receive(destination(1), []byte("x"))
		}
		if got := c.hear(datagram{destination(2), ask(2)}); len(got) != 1 {
			t.Errorf("%d requests got through junk, want 1", len(got))
		}
		for i := range 20000 {
			c.lent.to.Receive(destination(3), []byte(ask(i)))
			if i%64 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := len(c.datagrams()); n != 3999 {
			t.Errorf("%d requests of a flood got through, want 3999", n)
		}
		if got := c.hear(datagram{remote, reply(1)}); len(got) != 1 {
			t.Errorf("%d answers got through a flood of requests, want 1", len(got))
		}
		if got, want := counted(c.dropped()), "not rpc 20000, rate 16001"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
	})
}
