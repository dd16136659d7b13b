package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"nhooyr.io/websocket"
)

// A client that says hello is welcomed; both ways lead through the lent address.
func TestSession(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Bootstrap = []netip.AddrPort{remote, netip.MustParseAddrPort("[2a00::7]:4000")}
		l := newLab(t, cfg)
		c := l.open(home)
		c.say((&message.Hello{}).Encode())
		w, ok := c.welcomed()
		if !ok || w.Lent.Addr() != labPublic4 || w.Grace != time.Minute || w.MaxDatagram != message.MaxDatagram ||
			w.NewPerMinute != 300 || !slices.Equal(w.Bootstrap, []netip.AddrPort{remote}) {
			t.Fatalf("welcome = %+v, want one with the defaults, an address, and the IPv4 node", w)
		}
		c.lent = l.net.at(w.Lent.Port())
		want := []datagram{{remote, ask(1)}, {destination(1), ask(2)}}
		if got := c.tell(want...); !slices.Equal(got, want) {
			t.Errorf("relay sent %+v, want %+v", got, want)
		}
		want = []datagram{{remote, reply(1)}, {destination(2), ask(3)}}
		if got := c.hear(want...); !slices.Equal(got, want) {
			t.Errorf("client got %+v, want %+v", got, want)
		}
	})
}

// The longest datagram passes, both ways and between clients; a longer one does
// not.
func TestLongestDatagram(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		c, other := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		long := func(n int) string {
			// An answer that is a binary of 16-bit length.
			p := append([]byte(reply(1))[:21], 0xc5, 0, 0)
			binary.BigEndian.PutUint16(p[22:], uint16(n-24))
			return string(p) + strings.Repeat("x", n-24)
		}
		if n := len(c.tell(datagram{remote, ask(1)})); n != 1 {
			t.Fatalf("%d datagrams went out, want 1", n)
		}
		for _, n := range []int{30, 125, 126, 4000, 65507} {
			want := []datagram{{remote, long(n)}}
			if got := c.hear(want...); !slices.Equal(got, want) {
				t.Errorf("%d bytes to the client: %d datagrams, want 1 as sent", n, len(got))
			}
			if got := c.tell(want...); !slices.Equal(got, want) {
				t.Errorf("%d bytes from the client: %d datagrams, want 1 as sent", n, len(got))
			}
			c.tell(datagram{other.addr, long(n)})
			other.tell(datagram{c.addr, long(n)})
			if got := c.datagrams(); len(got) != 1 || got[0].payload != long(n) {
				t.Errorf("%d bytes between clients: %d datagrams, want 1 as sent", n, len(got))
			}
		}
		if got := c.tell(datagram{remote, long(65508)}); len(got) != 0 {
			t.Errorf("a datagram of 65508 bytes went out, want none")
		}
		if got, want := counted(c.dropped()), "not rpc 1"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
	})
}

// A malformed message ends the session with an error that says so.
func TestMalformed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good := (&message.Hello{Token: "token", Resume: "resume"}).Encode()
		hellos := map[string][]byte{
			"datagrams first": messageOf(datagram{remote, ask(1)}),
			"welcome first":   (&message.Welcome{Lent: remote}).Encode(),
			"unknown first":   {77},
			"family 5":        {byte(message.KindHello), message.Version, 5, 0, 0},
			"more behind it":  append(slices.Clone(good), 0),
			"long":            append(slices.Clone(good), make([]byte, 60000)...),
		}
		for n := 2; n < len(good); n++ {
			hellos[fmt.Sprintf("hello cut to %d", n)] = good[:n]
		}
		hellos["hello cut to 1"] = good[:1]
		for name, m := range hellos {
			c := l.open(home)
			c.say(m)
			if got := c.refused(); got != message.CodeMalformed {
				t.Errorf("%s: code %d, want %d", name, got, message.CodeMalformed)
			}
			if status, over := c.isOver(); !over || status != int(websocket.StatusProtocolError) {
				t.Errorf("%s: closed %v with %d, want %d", name, over, status, websocket.StatusProtocolError)
			}
			time.Sleep(100 * time.Millisecond) // the relay does not take many at once
		}
		later := map[string][]byte{
			"hello":      (&message.Hello{}).Encode(),
			"welcome":    (&message.Welcome{Lent: remote}).Encode(),
			"restarting": (&message.Restarting{}).Encode(),
			"error":      message.Errorf(message.CodeFull, "full").Encode(),
			"drops":      {byte(message.KindDrops), 0, 0, 0, 0, 1},
			"port 0":     messageOf(datagram{netip.AddrPortFrom(remote.Addr(), 0), ask(1)}),
			"family 5":   {0, 0, 1, 5, 1, 2, 3, 4, 16, 0, 'x'},
			"mapped": slices.Concat([]byte{0, 0, 1, 6}, make([]byte, 10), []byte{255, 255, 8, 8, 8, 8},
				[]byte{16, 0, 'x'}),
		}
		two := messageOf(datagram{remote, ask(1)}, datagram{netip.MustParseAddrPort("[2a00::7]:4000"), ask(2)})
		whole := len(messageOf(datagram{remote, ask(1)}))
		for n := 2; n < len(two); n++ {
			if n != whole {
				later[fmt.Sprintf("datagrams cut to %d", n)] = two[:n]
			}
		}
		for name, m := range later {
			c := l.join(home, message.Hello{})
			c.say(m)
			if got := c.refused(); got != message.CodeMalformed {
				t.Errorf("%s: code %d, want %d", name, got, message.CodeMalformed)
			}
			if _, over := c.isOver(); !over {
				t.Errorf("%s: the connection goes on, want its end", name)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// A message of a type that is yet to come is ignored, as is one without
// datagrams.
func TestUnknownMessage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).join(home, message.Hello{})
		for _, m := range [][]byte{{6}, {255, 1, 2, 3}, {0}} {
			c.say(m)
		}
		if got := c.tell(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("%d datagrams went out, want 1", len(got))
		}
	})
}

func TestOtherVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newLab(t, labConfig()).open(home)
		c.say([]byte{byte(message.KindHello), 2, 'w', 'h', 'o', ' ', 'k', 'n', 'o', 'w', 's'})
		if got := c.refused(); got != message.CodeVersion {
			t.Errorf("code %d, want %d", got, message.CodeVersion)
		}
	})
}

func TestToken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Access.Tokens = []string{"one", "two"}
		l := newLab(t, cfg)
		const refused = message.CodeToken
		for token, want := range map[string]message.Code{"": refused, "on": refused, "onee": refused, "one": 0, "two": 0} {
			c := l.open(home)
			c.say((&message.Hello{Token: token}).Encode())
			if got := c.refused(); got != want {
				t.Errorf("token %q: code %d, want %d", token, got, want)
			}
			c.leave()
		}
	})
}

// A client without a token is told that it needs one, and a client with a wrong token
// that its token is wrong.
func TestTextOfATokenRefusal(t *testing.T) {
	c := &session{server: &Server{cfg: Config{Access: Access{Tokens: []string{"one"}}}}}
	for token, wrong := range map[string]bool{"": false, "two": true} {
		e := c.onHello((&message.Hello{Token: token}).Encode())
		if e == nil || e.Code != message.CodeToken || strings.Contains(e.Text, "not this one") != wrong {
			t.Errorf("token %q: %v", token, e)
		}
	}
}

// Frames that RFC 6455 does not allow end the connection.
func TestFrames(t *testing.T) {
	big := bytes.Repeat([]byte{9}, message.MaxLen+1)
	tests := []struct {
		name string
		send func(c *rawClient)
		code message.Code
	}{
		{"text", func(c *rawClient) { c.send(0x81, true, []byte{0}) }, message.CodeMalformed},
		{"empty", func(c *rawClient) { c.send(0x82, true, nil) }, message.CodeMalformed},
		{"too long", func(c *rawClient) { c.send(0x82, true, big) }, message.CodeMalformed},
		{"too long in pieces", func(c *rawClient) {
			c.send(0x02, true, big[:40000])
			c.send(0x80, true, big[40000:])
		}, message.CodeMalformed},
		{"not masked", func(c *rawClient) { c.send(0x82, false, []byte{9}) }, 0},
		{"unknown opcode", func(c *rawClient) { c.send(0x83, true, []byte{9}) }, 0},
		{"reserved bit", func(c *rawClient) { c.send(0xc2, true, []byte{9}) }, 0},
		{"continues nothing", func(c *rawClient) { c.send(0x80, true, []byte{9}) }, 0},
		{"begins before the end", func(c *rawClient) { c.send(0x02, true, []byte{9}); c.send(0x82, true, []byte{9}) }, 0},
		{"ping in pieces", func(c *rawClient) { c.send(0x09, true, nil) }, 0},
		{"long ping", func(c *rawClient) { c.send(0x89, true, big[:126]) }, 0},
		{"status 1005", func(c *rawClient) { c.send(0x88, true, []byte{3, 237}) }, 0},
		{"half a status", func(c *rawClient) { c.send(0x88, true, []byte{3}) }, 0},
		{"HTTP", func(c *rawClient) { c.raw([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) }, 0},
		{"claims to be huge", func(c *rawClient) {
			c.raw(append(header(0x82, true, 1<<62), big...))
		}, message.CodeMalformed},
		{"negative length", func(c *rawClient) {
			b := header(0x82, true, 1<<62)
			b[2] = 255
			c.raw(b)
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				c := newLab(t, labConfig()).join(home, message.Hello{})
				tt.send(c)
				if got := c.refused(); got != tt.code {
					t.Errorf("code %d, want %d", got, tt.code)
				}
				time.Sleep(15 * time.Second)
				if _, over := c.isOver(); !over {
					t.Error("the connection goes on, want its end")
				}
			})
		})
	}
}

// A message in fragments, with pings between, is one message. A hello that comes with the
// handshake is heard.
func TestFragments(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		h := (&message.Hello{}).Encode()
		c := l.openVia(home, labPublic4, string(append(header(0x82, true, len(h)), h...)))
		w, ok := c.welcomed()
		if !ok {
			t.Fatalf("no welcome for a hello that came with the handshake")
		}
		c.lent = l.net.at(w.Lent.Port())
		m := messageOf(datagram{remote, ask(1)})
		c.send(0x02, true, m[:1])
		for _, b := range m[1:] {
			c.send(0x89, true, []byte("ping"))
			c.send(0x00, true, nil)
			c.send(0x00, true, []byte{b})
		}
		c.send(0x80, true, nil)
		synctest.Wait()
		if got, want := c.lent.took(), []datagram{{remote, ask(1)}}; !slices.Equal(got, want) {
			t.Errorf("relay sent %+v, want %+v", got, want)
		}
	})
}

// All that comes with the handshake is heard, also if it is more than fits into
// the small buffers that the session keeps.
func TestEarly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		h := (&message.Hello{}).Encode()
		early := append(header(0x82, true, len(h)), h...)
		var want []datagram
		for i := range 60 {
			d := datagram{destination(i), ask(i)}
			m := messageOf(d)
			early = append(append(early, header(0x82, true, len(m))...), m...)
			want = append(want, d)
		}
		c := l.openVia(home, labPublic4, string(early))
		w, ok := c.welcomed()
		if !ok {
			t.Fatal("no welcome")
		}
		if got := l.net.at(w.Lent.Port()).took(); !slices.Equal(got, want) {
			t.Errorf("relay sent %d datagrams, want %d", len(got), len(want))
		}
	})
}

// A client that does not send hello, or does not end a message, is given up.
func TestSilentClient(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		mute := l.open(home)
		slow := l.open(home)
		slow.raw(header(0x82, true, 5))
		late := l.join(home, message.Hello{})
		late.raw(append(header(0x82, true, 50), 0, 1, 2))
		pinger := l.open(home)
		for range 9 {
			time.Sleep(time.Second)
			pinger.send(0x89, true, nil)
		}
		time.Sleep(999 * time.Millisecond)
		for _, c := range []*rawClient{mute, slow, late, pinger} {
			if _, over := c.isOver(); over {
				t.Error("given up after less than 10s, want 10s")
			}
		}
		time.Sleep(time.Millisecond)
		for _, c := range []*rawClient{mute, slow, late, pinger} {
			if _, over := c.isOver(); !over {
				t.Error("the connection goes on after 10s, want its end")
			}
		}
		if n := l.net.count(); n != 1 {
			t.Errorf("%d ports are lent, want 1: that of the client that said hello", n)
		}
	})
}

// The relay pings, and gives up a client that answers none of two pings. Any sign
// of life will do.
func TestPings(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		lively, dead := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		chatty := l.join(home, message.Hello{})
		dead.deaf.Store(true)
		chatty.deaf.Store(true)
		for range 60 {
			time.Sleep(10 * time.Second)
			chatty.send(0x8a, true, nil)
		}
		synctest.Wait()
		for name, c := range map[string]*rawClient{"lively": lively, "chatty": chatty} {
			if _, over := c.isOver(); over {
				t.Errorf("%s client was given up", name)
			}
			if c.pings < 600/25 || c.pings > 600/21 {
				t.Errorf("%d pings to the %s client in 10 minutes, want one every 22 to 25s", c.pings, name)
			}
		}
		if status, over := dead.isOver(); !over || status != -1 || dead.pings != 2 {
			t.Errorf("dead client: over %v with %d after %d pings, want an end after %d",
				over, status, dead.pings, 2)
		}
		if got := l.server.Stats().Silent; got != 1 {
			t.Errorf("Silent = %d, want 1", got)
		}
	})
}

// A client that reads nothing loses the oldest datagrams, and is disconnected. So is a
// client that reads too slowly, which is told why. Other clients do not notice.
func TestClientThatDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.Received, cfg.Limits.ReceivedBytes = Rate{PerSecond: -1}, Rate{PerSecond: -1}
		l := newLab(t, cfg)
		other := l.join(home, message.Hello{})
		c := l.join(home, message.Hello{})
		c.gate <- true
		long := ask(1)[:21] + "\x92\xa4ping\x91\xc5\x75\x30" + strings.Repeat("x", 30000)
		for range 100 {
			c.lent.to.Receive(remote, []byte(long))
		}
		time.Sleep(time.Second)
		if got := other.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("another client got %d datagrams, want 1", len(got))
		}
		// Two fit into each of 4 messages of 64 KiB. The message being written has only
		// one, the first.
		dropped := l.server.Stats().DroppedToClients[message.DropQueue]
		if want := uint64(100 - 2*4); dropped > want || dropped < want-4 {
			t.Errorf("%d datagrams were dropped, want about %d", dropped, want)
		}
		time.Sleep(15 * time.Second)
		if got := l.server.Stats().Errors[message.CodeSlow]; got != 1 {
			t.Errorf("%d clients were too slow after 16s, want 1", got)
		}
		<-c.gate
		synctest.Wait()
		if _, over := c.isOver(); !over {
			t.Error("a client that reads nothing is not cut")
		}
		if _, over := other.isOver(); over {
			t.Error("another client was cut")
		}
	})
}

func TestTooSlow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		c := l.join(home, message.Hello{})
		c.gate <- true
		c.lent.to.Receive(remote, []byte(ask(1)))
		c.lent.to.Receive(remote, []byte(ask(2)))
		time.Sleep(time.Millisecond)
		c.lent.to.Receive(remote, []byte(ask(3)))
		time.Sleep(14 * time.Second)
		<-c.gate
		if got := c.refused(); got != message.CodeSlow {
			t.Errorf("code %d, want %d", got, message.CodeSlow)
		}
		if _, over := c.isOver(); !over {
			t.Error("the connection goes on, want its end")
		}
	})
}

// Drops are reported to the client, once a second at most.
func TestDrops(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		c := l.join(home, message.Hello{})
		local := netip.MustParseAddrPort("127.0.0.1:4000")
		for range 3 {
			c.tell(datagram{local, ask(1)}, datagram{remote, "no rpc"}, datagram{local, ask(2)})
			time.Sleep(100 * time.Millisecond)
		}
		if m := c.next(); m != nil {
			t.Errorf("message %x, want none before a second is over", m)
		}
		if got, want := counted(c.dropped()), "destination 6, not rpc 3"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
		before := l.server.Stats().FromClients
		c.lent.full = true
		c.tell(datagram{remote, ask(1)})
		if got := l.server.Stats().FromClients; got.Datagrams != before.Datagrams || got.Bytes != before.Bytes {
			t.Errorf("passed on %+v, want %+v as before: the system took nothing", got, before)
		}
		c.hear(datagram{destination(1), "no rpc"}, datagram{local, ask(1)})
		if got, want := counted(c.dropped()), "destination 1, not rpc 1, system 1"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
		for n := range 3 {
			c.tell(datagram{local, ask(n)})
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		var reports [][]byte
		for m := c.next(); m != nil; m = c.next() {
			if message.Kind(m[0]) == message.KindDrops {
				reports = append(reports, m)
			}
		}
		if len(reports) != 1 {
			t.Errorf("reports %x of drops within a second, want one", reports)
		}
		time.Sleep(time.Minute)
		if m := c.next(); m != nil {
			t.Errorf("message %x, want none when nothing was dropped", m)
		}
	})
}
