package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// A client that comes back within the grace time gets its port again, and later another
// one. Datagrams that arrive meanwhile are counted and dropped.
func TestGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		first := l.join(home, message.Hello{})
		first.tell(datagram{remote, ask(1)})
		first.vanish()
		first.lent.to.Receive(remote, []byte(reply(1)))
		if got := l.server.Stats().Away; got != 1 {
			t.Errorf("Away = %d, want 1", got)
		}
		time.Sleep(time.Minute - time.Millisecond)
		second := l.join(home, message.Hello{Resume: first.resume})
		if second.addr != first.addr || second.resume == first.resume || second.lent != first.lent {
			t.Errorf("lent %v with %x, want %v with another one than %x",
				second.addr, second.resume, first.addr, first.resume)
		}
		if got := second.hear(datagram{remote, reply(1)}); len(got) != 1 {
			t.Errorf("%d datagrams came in, want 1: the relay knows what was asked before", len(got))
		}
		time.Sleep(time.Hour)
		if _, over := second.isOver(); over {
			t.Error("the grace time ended the session")
		}
		second.vanish()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := l.net.count(); n != 0 {
			t.Errorf("%d ports are lent after the grace time, want 0", n)
		}
		third := l.join(home, message.Hello{Resume: second.resume})
		if third.addr == first.addr {
			t.Errorf("lent %v with the token of before, want another address", third.addr)
		}
		if got := l.server.Stats(); got.Accepted != 3 || got.Resumed != 1 || got.Lent != 1 {
			t.Errorf("accepted %d, resumed %d, lent %d, want 3, 1, 1", got.Accepted, got.Resumed, got.Lent)
		}
	})
}

// A client that comes back just as its grace time ends keeps its port, although the
// timer has fired: it waits for the lock that the newcomer holds.
func TestBackAtTheLastMoment(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		first := l.join(home, message.Hello{})
		first.vanish()
		lease := l.server.leases.find(first.addr)
		fired := lease.generation
		second := l.join(home, message.Hello{Resume: first.resume})
		l.server.leases.expire(lease, fired)
		if got := l.server.leases.find(first.addr); got != lease {
			t.Fatal("the lease ended under its client")
		}
		if got := second.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the client got %d datagrams, want 1", len(got))
		}
		second.vanish()
		l.server.leases.expire(lease, lease.generation)
		if got := l.server.leases.find(first.addr); got != nil {
			t.Error("the lease of a client that is away does not end")
		}
	})
}

// A client that says goodbye gives its port back at once.
func TestGoodbye(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		c := l.join(home, message.Hello{})
		c.leave()
		if n := l.net.count(); n != 0 {
			t.Errorf("%d ports are lent, want 0", n)
		}
	})
}

// The session that is resumed from elsewhere ends with an error, and its end does
// not hurt the new one.
func TestTakeover(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		old := l.join(home, message.Hello{})
		for range 5 {
			c := l.join(home, message.Hello{Resume: old.resume})
			if c.addr != old.addr {
				t.Errorf("lent %v, want %v", c.addr, old.addr)
			}
			if got := old.refused(); got != message.CodeReplaced {
				t.Errorf("code %d, want %d", got, message.CodeReplaced)
			}
			if _, over := old.isOver(); !over {
				t.Error("the older connection goes on, want its end")
			}
			old = c
		}
		time.Sleep(time.Hour)
		if got := old.hear(datagram{remote, ask(1)}); len(got) != 1 {
			t.Errorf("the last client got %d datagrams, want 1", len(got))
		}
	})
}

// A token that is guessed, changed or made by another relay is as good as none.
func TestForgedTokens(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Secret, cfg.PublicIPs = []byte("the secret of this relay"), ownAddrs
		cfg.Limits.ClientsPerIP = -1
		l := newLab(t, cfg)
		victim := l.join(home, message.Hello{})
		forged := []message.Hello{
			{Resume: "x"}, {Resume: victim.resume[:tokenLen-1]}, {Resume: victim.resume + "x"},
			{Resume: string(make([]byte, tokenLen))},
			{Resume: victim.resume, Family: 6},
		}
		for i := range 8 * tokenLen {
			b := []byte(victim.resume)
			b[i/8] ^= 1 << (i % 8)
			forged = append(forged, message.Hello{Resume: string(b)})
		}
		for _, secret := range []string{"", "another secret", "the secret of this rela", "the secret of this relay!"} {
			other := newTokens([]byte(secret))
			forged = append(forged, message.Hello{Resume: other.issue(time.Now(), victim.addr)})
		}
		mine, early := newTokens(cfg.Secret), newTokens(cfg.Secret)
		elsewhere := netip.AddrPortFrom(netip.MustParseAddr("5.5.5.6"), victim.addr.Port())
		forged = append(forged,
			message.Hello{Resume: mine.issue(time.Now(), elsewhere)},
			// A port lent before the relay started that now has another holder.
			message.Hello{Resume: early.issue(l.server.start.Add(-time.Hour), victim.addr)})
		for _, h := range forged {
			c := l.join(home, h)
			if c.addr == victim.addr || c.resume == victim.resume {
				t.Errorf("hello with token %x and family %d got %v, which is another's", h.Resume, h.Family, c.addr)
			}
			c.leave()
		}
		if _, over := victim.isOver(); over {
			t.Error("the session was taken over")
		}
		if got := l.server.Stats().Resumed; got != 0 {
			t.Errorf("Resumed = %d, want 0", got)
		}
	})
}

// A relay that starts again with the same secret and ports lends everybody the
// port from before, if it is soon.
func TestRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.PublicIPs, cfg.Secret, cfg.Ports = ownAddrs, []byte("kept"), PortRange{5000, 5099}
		cfg.Limits.ClientsPerIP = -1
		l := newLab(t, cfg)
		var clients []*rawClient
		for i := range 40 {
			clients = append(clients, l.join(home, message.Hello{Family: []byte{4, 6}[i%2]}))
		}
		early, late := clients[0], clients[1]
		early.vanish()
		late.vanish()
		go l.close()
		synctest.Wait()
		for _, c := range clients[2:] {
			var r message.Restarting
			m := c.next()
			if m != nil && message.Kind(m[0]) == message.KindRestarting {
				r, _ = message.DecodeRestarting(m[1:])
			}
			if r.ReconnectIn < 2*time.Second || r.ReconnectIn > 3*time.Second || r.TryFor != time.Minute {
				t.Errorf("last message %x, want restarting in 2 to 3s, try for 1m", m)
			}
			if status, over := c.isOver(); !over || status != 1012 {
				t.Errorf("closed %v with %d, want 1012", over, status)
			}
		}

		time.Sleep(time.Second)
		l = newLab(t, cfg)
		// A new client may get the port of a client that has yet to come back, which then
		// gets another port.
		taken := map[netip.AddrPort]bool{l.join(home, message.Hello{}).addr: true}
		for _, c := range clients[2:] {
			now := l.join(home, message.Hello{Resume: c.resume})
			if now.addr != c.addr && !taken[c.addr] {
				t.Errorf("lent %v, want %v as before", now.addr, c.addr)
			}
			taken[now.addr] = true
		}
		time.Sleep(9 * time.Minute)
		if got := l.join(home, message.Hello{Resume: early.resume}).addr; got != early.addr && !taken[early.addr] {
			t.Errorf("lent %v after 9 minutes, want %v as before", got, early.addr)
		}
		time.Sleep(time.Minute + time.Second)
		before := l.server.Stats().Resumed
		if l.join(home, message.Hello{Resume: late.resume}); l.server.Stats().Resumed != before {
			t.Error("a token from before the start is honoured for more than 10 minutes after it")
		}
	})
}

// A welcome may get lost: the token of the one before is good until the client has
// used a later one.
func TestLostWelcome(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		first := l.join(home, message.Hello{})
		first.vanish()
		var last *rawClient
		for range 3 {
			last = l.join(home, message.Hello{Resume: first.resume})
			if last.addr != first.addr {
				t.Fatalf("lent %v, want %v", last.addr, first.addr)
			}
			last.vanish()
		}
		if c := l.join(home, message.Hello{Resume: last.resume}); c.addr != first.addr {
			t.Errorf("lent %v, want %v", c.addr, first.addr)
		}
		if c := l.join(home, message.Hello{Resume: first.resume}); c.addr == first.addr {
			t.Error("a token is good after a later one was used")
		}
	})
}

// After a restart, a port belongs to its last holder, even if an earlier holder comes back
// first. The earlier holder then loses it.
func TestRestartSuccession(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Secret, cfg.Ports = []byte("kept"), PortRange{5000, 5001}
		l := newLab(t, cfg)
		l.join(home, message.Hello{}) // has the other port
		former := l.join(home, message.Hello{})
		former.leave()
		heir := l.join(home, message.Hello{})
		if heir.addr != former.addr {
			t.Fatalf("lent %v, want %v", heir.addr, former.addr)
		}
		l.close()
		time.Sleep(time.Second)

		l = newLab(t, cfg)
		thief := l.join(home, message.Hello{Resume: former.resume})
		if thief.addr != former.addr {
			t.Errorf("lent %v, want %v while nobody else has asked for it", thief.addr, former.addr)
		}
		back := l.join(home, message.Hello{Resume: heir.resume})
		if back.addr != heir.addr {
			t.Errorf("lent %v, want %v as before", back.addr, heir.addr)
		}
		if got := thief.refused(); got != message.CodeReplaced {
			t.Errorf("code %d for who had it first, want %d", got, message.CodeReplaced)
		}
		for _, token := range []string{former.resume, thief.resume} {
			if c := l.join(home, message.Hello{Resume: token}); c.addr == heir.addr {
				t.Error("who had the port first took it back")
			} else {
				c.leave()
			}
		}
		if _, over := back.isOver(); over {
			t.Error("the heir lost the port")
		}
		if again := l.join(home, message.Hello{Resume: heir.resume}); again.addr != heir.addr {
			t.Errorf("lent %v, want %v: the welcome may not have arrived", again.addr, heir.addr)
		}
	})
}

// Clients of one prefix and all clients together are limited. A page that was loaded
// anew takes the place of the one that has been away for longest.
func TestClientLimits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.ClientsPerIP, cfg.Limits.Clients = 3, 5
		l := newLab(t, cfg)
		refused := func(from netip.Addr, want message.Code) {
			t.Helper()
			c := l.open(from)
			c.say((&message.Hello{}).Encode())
			if got := c.refused(); got != want {
				t.Errorf("code %d, want %d", got, want)
			}
		}
		a, b, c := l.join(home, message.Hello{}), l.join(home, message.Hello{}), l.join(home, message.Hello{})
		refused(home, message.CodePerIP)
		b.vanish()
		time.Sleep(time.Second)
		a.vanish()
		d := l.join(home, message.Hello{}) // in the place of b
		if back := l.join(home, message.Hello{Resume: a.resume}); back.addr != a.addr {
			t.Errorf("lent %v, want %v: another one was away for longer", back.addr, a.addr)
		}
		refused(home, message.CodePerIP)

		elsewhere := home.Next()
		l.join(elsewhere, message.Hello{})
		// A client that comes back from another prefix counts there.
		if moved := l.join(elsewhere, message.Hello{Resume: c.resume}); moved.addr != c.addr {
			t.Errorf("lent %v, want %v", moved.addr, c.addr)
		}
		l.join(home, message.Hello{})
		refused(elsewhere.Next(), message.CodeFull)
		d.leave()
		l.join(elsewhere, message.Hello{})
		// There is no room left for another one to move there.
		last := l.open(elsewhere)
		last.say((&message.Hello{Resume: a.resume}).Encode())
		if got := last.refused(); got != message.CodePerIP {
			t.Errorf("code %d, want %d", got, message.CodePerIP)
		}
	})
}

// Hosts of one /64 count together, and hosts of one /48 have a bound in common.
func TestSites(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.ClientsPerIP = 1
		l := newLab(t, cfg)
		for _, tt := range []struct {
			from string
			want message.Code
		}{
			{"2a00:1:2:3::1", 0}, {"2a00:1:2:3:ffff::2", message.CodePerIP}, {"2a00:1:2:4::1", 0},
			{"2a00:1:2:5::1", 0}, {"2a00:1:2:6::1", 0}, {"2a00:1:2:7::1", message.CodePerIP}, {"2a00:1:3:1::1", 0},
			{"9.0.0.1", 0}, {"::ffff:9.0.0.1", message.CodePerIP}, {"9.0.0.2", 0},
		} {
			c := l.open(netip.MustParseAddr(tt.from))
			c.say((&message.Hello{}).Encode())
			if got := c.refused(); got != tt.want {
				t.Errorf("client from %s: code %d, want %d", tt.from, got, tt.want)
			}
		}
	})
}

// Ports are lent in a random order, the port given back last at the end. Ports of other
// programs are passed over.
func TestPorts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Ports = PortRange{5000, 5009}
		l := newLab(t, cfg)
		l.net.taken = map[uint16]bool{5003: true, 5007: true}
		seen := make(map[netip.AddrPort]int)
		for range 3 * 8 {
			c := l.join(home, message.Hello{})
			seen[c.addr]++
			c.leave()
		}
		if len(seen) != 8 {
			t.Errorf("%d ports were lent in turn, want 8", len(seen))
		}
		for a, n := range seen {
			if n != 3 {
				t.Errorf("%v was lent %d times, want 3 as all others", a, n)
			}
		}
		for range 8 {
			l.join(home, message.Hello{})
		}
		c := l.open(home)
		c.say((&message.Hello{}).Encode())
		if got := c.refused(); got != message.CodeFull {
			t.Errorf("code %d, want %d", got, message.CodeFull)
		}
		c = l.open(home)
		c.say((&message.Hello{Family: 6}).Encode())
		if got := c.refused(); got != message.CodeFull {
			t.Errorf("code %d for IPv6, want %d", got, message.CodeFull)
		}
	})
}

// When the system has no more sockets, another port would not help.
func TestNoMoreSockets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		for fail, want := range map[error]int{syscall.EMFILE: 1, syscall.EADDRINUSE: 64} {
			l.net.fail, l.net.opened = &net.OpError{Op: "listen", Err: fail}, 0
			c := l.open(home)
			c.say((&message.Hello{}).Encode())
			if got := c.refused(); got != message.CodeFull || l.net.opened != want {
				t.Errorf("%v: code %d after %d attempts, want %d after %d",
					fail, got, l.net.opened, message.CodeFull, want)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	ips := func(list ...string) (a []netip.Addr) {
		for _, s := range list {
			a = append(a, netip.MustParseAddr(s))
		}
		return a
	}
	private := errors.New("private")
	for _, tt := range []struct {
		name string
		cfg  Config
		want error // nil, ErrNotPublic, or any
	}{
		{"zero", Config{}, ErrNotPublic},
		{"demonstration", Config{AllowPrivate: true}, nil},
		{"public", Config{PublicIPs: ownAddrs, Ports: PortRange{5000, 5000}}, nil},
		{"link-local", Config{PublicIPs: ips("169.254.0.1")}, ErrNotPublic},
		{"documentation", Config{PublicIPs: ips("2001:db8::1")}, ErrNotPublic},
		{"unspecified", Config{PublicIPs: ips("0.0.0.0"), AllowPrivate: true}, private},
		{"mapped", Config{PublicIPs: ips("::ffff:5.5.5.5")}, private},
		{"zone", Config{PublicIPs: ips("fe80::1%eth0"), AllowPrivate: true}, private},
		{"two of a family", Config{PublicIPs: ips("5.5.5.5", "5.5.5.6")}, private},
		{"missing", Config{PublicIPs: []netip.Addr{{}}}, private},
		{"bind mapped", Config{PublicIPs: ownAddrs, BindIPs: ips("::ffff:5.5.5.5")}, private},
		{"deny nothing", Config{PublicIPs: ownAddrs, Deny: []netip.Prefix{{}}}, private},
		{"deny mapped", Config{PublicIPs: ownAddrs, Deny: prefixes("::ffff:8.0.0.0/104")}, private},
		{"low ports", Config{PublicIPs: ownAddrs, Ports: PortRange{1023, 5000}}, private},
		{"no ports", Config{PublicIPs: ownAddrs, Ports: PortRange{5000, 4999}}, private},
		{"ports backwards", Config{PublicIPs: ownAddrs, Ports: PortRange{5000, 1025}}, private},
	} {
		_, err := tt.cfg.check()
		if (err == nil) != (tt.want == nil) || errors.Is(tt.want, ErrNotPublic) && !errors.Is(err, ErrNotPublic) {
			t.Errorf("%s: check = %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Where the system chooses ports, and gives none, nothing is kept of that.
func TestNoPortQueue(t *testing.T) {
	p := newPorts(labPublic4, labPublic4, PortRange{})
	for range 3 {
		port, ok := p.next()
		if port != 0 || !ok {
			t.Errorf("next = %d, %v, want 0, true", port, ok)
		}
		p.giveBack(port)
	}
	if len(p.free) > 0 {
		t.Errorf("ports %v are in the queue, want none", p.free)
	}
}

// Many ports are taken and given back without an order being lost.
func TestPortQueue(t *testing.T) {
	p := newPorts(labPublic4, labPublic4, PortRange{2000, 2099})
	all := slices.Clone(p.free)
	for i, port := range all {
		if i%2 == 0 && !p.take(port) {
			t.Errorf("port %d is not free, want it free", port)
		}
	}
	if p.take(all[0]) || p.take(1999) || p.take(2100) {
		t.Error("a port that is lent, or not in the range, was taken")
	}
	var got []uint16
	for port, ok := p.next(); ok; port, ok = p.next() {
		got = append(got, port)
	}
	if len(got) != 50 {
		t.Errorf("%d ports are left, want 50", len(got))
	}
	for _, port := range got {
		p.giveBack(port)
	}
	if !slices.Equal(p.free, got) {
		t.Errorf("ports come in the order %v, want that in which they were given back, %v", p.free, got)
	}
	if s := fmt.Sprint(p.pool); s != "2000-2099" {
		t.Errorf("String = %s, want 2000-2099", s)
	}
}
