package relay

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Random bytes from a client do the relay no harm, and end the connection.
func TestGarbage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.ClientsPerIP = -1
		l := newLab(t, cfg)
		good := l.join(home, message.Hello{})
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 300 {
			var c *rawClient
			if i%2 == 0 {
				c = l.open(home)
			} else {
				c = l.join(home, message.Hello{})
			}
			for range r.IntN(4) {
				b := make([]byte, r.IntN(300))
				for i := range b {
					b[i] = byte(r.Uint32())
				}
				if i%3 == 0 {
					c.raw(b)
				} else {
					c.send(byte(0x80|r.IntN(16)), true, b)
				}
			}
			synctest.Wait()
			c.conn.Close()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := l.server.Stats(); got.Connections != 1 || got.Lent != 1 {
			t.Errorf("%d connections and %d ports, want those of the good client", got.Connections, got.Lent)
		}
		if got := good.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the good client got %d datagrams, want 1", len(got))
		}
	})
}

// Nothing that a client can put into a message gets anything out but well-formed
// datagrams to where it may send.
func FuzzServerMessage(f *testing.F) {
	f.Add([]byte{})
	f.Add(messageOf(datagram{remote, ask(1)}, datagram{netip.MustParseAddrPort("[2a00::7]:4000"), reply(2)}))
	f.Add((&message.Hello{Token: "t", Resume: "r"}).Encode())
	f.Fuzz(func(t *testing.T, m []byte) {
		n := &memNet{sockets: make(map[netip.AddrPort]*memSocket), port: 40000}
		cfg, err := labConfig().check()
		if err != nil {
			t.Fatal(err)
		}
		s, err := newServer(cfg, n)
		if err != nil {
			t.Fatal(err)
		}
		c := &session{server: s, prefix: home}
		if len(m) > 0 {
			c.onHello(m)
		}
		if c.lease == nil {
			if err := c.onHello((&message.Hello{}).Encode()); err != nil {
				t.Fatal(err)
			}
		}
		defer s.leases.close()
		defer c.keepalive.Stop()
		in := inboxes.Get().(*inbox)
		defer inboxes.Put(in)
		c.forward(in, m)
		for _, d := range n.at(c.lease.addr.Port()).took() {
			_, ok := in.parser.WellFormed([]byte(d.payload))
			if !ok || !netaddr.IsPublic(d.addr.Addr()) || d.addr.Port() < minPort {
				t.Errorf("%x went to %v", d.payload, d.addr)
			}
		}
	})
}

// Clients that come and go as fast as they can take no more ports than they may.
func TestHelloFlood(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good := l.join(home.Next(), message.Hello{})
		for i := range 300 {
			c := l.join(home, message.Hello{})
			if i%2 == 0 {
				c.say((&message.Hello{}).Encode())
			}
			c.vanish()
			if n := l.net.count(); n > 17 {
				t.Fatalf("%d ports are lent, want 16 to one address and 1", n)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := good.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the good client got %d datagrams, want 1", len(got))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := l.net.count(); n != 1 {
			t.Errorf("%d ports are lent a minute later, want 1", n)
		}
	})
}

// A message of many tiny frames, and pings without end, do no harm to others.
func TestTinyFrames(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good, bad := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		bad.send(0x02, true, nil)
		for range 20000 {
			bad.raw(header(0x00, true, 0))
		}
		time.Sleep(10 * time.Second)
		if _, over := bad.isOver(); !over {
			t.Error("a message without end goes on for longer than 10s")
		}
		if got := good.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the good client got %d datagrams, want 1", len(got))
		}
	})
}

// A flood to one client does not reach, nor hold up, another one.
func TestFloodIn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good, victim := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		victim.gate <- true
		b := []byte(ask(1))
		for i := range 100000 {
			binary.BigEndian.PutUint32(b[1:], uint32(i))
			victim.lent.to.Receive(destination(i), b)
		}
		if got := good.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the other client got %d datagrams, want 1", len(got))
		}
		<-victim.gate
		synctest.Wait()
		n := len(victim.datagrams())
		lost := victim.dropped()
		if uint64(n)+lost[message.DropRate]+lost[message.DropQueue] != 100000 || lost[message.DropRate] != 96000 {
			t.Errorf("the client got %d of 100,000, and was told of %s, want 4000 at most and the rest",
				n, counted(lost))
		}
	})
}
