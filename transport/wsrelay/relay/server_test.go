package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Access depends on the relay's address, the name that it is called by, and the page.
func TestAccess(t *testing.T) {
	const public, local, lan = "5.5.5.5", "127.0.0.1", "192.168.1.2"
	open, pages := Access{}, Access{Origins: []string{"https://kadmesh.example"}}
	named := Access{Hosts: []string{"relay.lan"}}
	proxied := Access{Proxies: prefixes("10.0.0.0/8")}
	for _, tt := range []struct {
		name         string
		access       Access
		at, from     string
		host, origin string
		want         bool
	}{
		{"program", open, public, "9.0.0.1", "relay.example", "", true},
		{"own page", open, public, "9.0.0.1", "relay.example", "https://relay.example", true},
		{"own page, port", open, public, "9.0.0.1", "relay.example:8080", "http://relay.example:8080", true},
		{"own page, case", open, public, "9.0.0.1", "relay.example", "https://Relay.Example", true},
		{"other page", open, public, "9.0.0.1", "relay.example", "https://evil.example", false},
		{"other port", open, public, "9.0.0.1", "relay.example", "https://relay.example:444", false},
		{"prefix", open, public, "9.0.0.1", "relay.example", "https://relay.example.evil.example", false},
		{"user", open, public, "9.0.0.1", "relay.example", "https://relay.example@evil.example", false},
		{"file or sandbox", open, public, "9.0.0.1", "relay.example", "null", false},
		{"no origin", open, public, "9.0.0.1", "relay.example", "garbage", false},
		{"empty hosts", open, public, "9.0.0.1", "", "https://", false},
		{"allowed page", pages, public, "9.0.0.1", "relay.example", "https://kadmesh.example", true},
		{"allowed page, other scheme", pages, public, "9.0.0.1", "relay.example", "http://kadmesh.example", false},
		{"page not allowed", pages, public, "9.0.0.1", "relay.example", "https://evil.example", false},
		{"all pages", Access{Origins: []string{"*"}}, public, "9.0.0.1", "relay.example", "null", true},

		{"here by address", open, local, local, "127.0.0.1:8080", "", true},
		{"here by name", open, local, local, "localhost:8080", "http://localhost:8080", true},
		{"here by IPv6", open, "::1", "::1", "[::1]:8080", "", true},
		{"here by IPv6 without port", open, "::1", "::1", "[::1]", "", true},
		{"other page here", open, local, local, "localhost:8080", "http://localhost:3000", false},
		{"rebinding", open, local, local, "evil.example:8080", "http://evil.example:8080", false},
		{"rebinding, all pages", Access{Origins: []string{"*"}}, local, local, "evil.example", "http://evil.example", false},
		{"rebinding without origin", open, local, local, "evil.example", "", false},
		{"rebinding, mapped", open, "::ffff:127.0.0.1", local, "evil.example", "", false},
		{"rebinding to the network", open, lan, lan, "evil.example", "", false},
		{"rebinding, dot", open, local, local, "localhost.evil.example", "", false},
		{"no host", open, local, local, "", "", false},
		{"known name", named, lan, lan, "relay.lan:80", "http://relay.lan:80", true},
		{"known name, case", named, lan, lan, "Relay.LAN", "", true},
		{"unknown name", named, lan, lan, "other.lan", "", false},
		{"public, known name", named, public, "9.0.0.1", "relay.lan", "http://relay.lan", true},
		{"public, unknown name", named, public, "9.0.0.1", "evil.example", "http://evil.example", false},
		{"below a name", Access{Hosts: []string{"*.example.org"}}, public, "9.0.0.1", "relay.example.org", "", true},
		{"further below", Access{Hosts: []string{"*.example.org"}}, public, "9.0.0.1", "a.b.example.org", "", false},
		{"by proxy", proxied, lan, "10.1.2.3", "relay.example", "https://relay.example", true},
		{"not by the proxy", proxied, lan, "192.168.1.3", "relay.example", "", false},
		{"by proxy, other page", proxied, lan, "10.1.2.3", "relay.example", "https://evil.example", false},
	} {
		r := httptest.NewRequest("GET", "/relay", nil)
		r.Host, r.RemoteAddr = tt.host, net.JoinHostPort(tt.from, "50000")
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		at := tcpAddr(netip.MustParseAddr(tt.at), 8080)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, at))
		if err := tt.access.check(r); (err == nil) != tt.want {
			t.Errorf("%s: check = %v, want allowed %v", tt.name, err, tt.want)
		}
	}
}

// A page of the same host is another origin if it came without TLS.
func TestAccessScheme(t *testing.T) {
	a := Access{Proxies: prefixes("10.0.0.0/8")}
	for _, tt := range []struct {
		from, proto string
		tls         bool
		origin      string
		want        bool
	}{
		{"9.0.0.1", "", true, "https://relay.example", true},
		{"9.0.0.1", "", true, "http://relay.example", false},
		{"9.0.0.1", "http", false, "https://relay.example", true}, // made up by a client
		{"10.0.0.1", "", false, "https://relay.example", true},
		{"10.0.0.1", "https", false, "https://relay.example", true},
		{"10.0.0.1", "wss", false, "https://relay.example", true},
		{"10.0.0.1", "https", false, "http://relay.example", false},
	} {
		r := httptest.NewRequest("GET", "/relay", nil)
		r.Host, r.RemoteAddr = "relay.example", net.JoinHostPort(tt.from, "50000")
		r.Header.Set("Origin", tt.origin)
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		if tt.tls {
			r.TLS = new(tls.ConnectionState)
		}
		if err := a.check(r); (err == nil) != tt.want {
			t.Errorf("%+v: check = %v, want allowed %v", tt, err, tt.want)
		}
	}
}

// Clients count for the address that the proxy saw, and only a proxy is believed.
func TestClientAddress(t *testing.T) {
	a := Access{Proxies: prefixes("10.0.0.0/8", "fd00::/8")}
	for _, tt := range []struct {
		from    string
		forward []string
		want    string
	}{
		{"9.0.0.1:5", nil, "9.0.0.1"},
		{"9.0.0.1:5", []string{"1.2.3.4"}, "9.0.0.1"},
		{"[::ffff:9.0.0.1]:5", nil, "9.0.0.1"},
		{"[fe80::1%eth0]:5", nil, "fe80::1"},
		{"10.0.0.1:5", []string{"9.0.0.1"}, "9.0.0.1"},
		{"10.0.0.1:5", []string{"1.2.3.4, 9.0.0.1"}, "9.0.0.1"}, // the first is made up
		{"10.0.0.1:5", []string{"1.2.3.4", "9.0.0.1"}, "9.0.0.1"},
		{"10.0.0.1:5", []string{"9.0.0.1,10.0.0.2"}, "9.0.0.1"},
		{"10.0.0.1:5", []string{"10.0.0.3,10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:5", []string{"9.0.0.1:1234"}, "9.0.0.1"},
		{"10.0.0.1:5", []string{"[2a00::1]:1234"}, "2a00::1"},
		{"10.0.0.1:5", []string{"2a00::1"}, "2a00::1"},
		{"10.0.0.1:5", []string{"[2a00::1]"}, "2a00::1"},
		{"10.0.0.1:5", []string{"::ffff:9.0.0.1"}, "9.0.0.1"},
		{"10.0.0.1:5", []string{"9.0.0.1, unknown"}, "10.0.0.1"},
		{"10.0.0.1:5", nil, "10.0.0.1"},
		{"[fd00::1]:5", []string{" 9.0.0.1 "}, "9.0.0.1"},
		{"@", nil, "::"},
	} {
		r := httptest.NewRequest("GET", "/relay", nil)
		r.RemoteAddr = tt.from
		for _, f := range tt.forward {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := a.clientAddr(r); got != netip.MustParseAddr(tt.want) {
			t.Errorf("client of %s via %q = %v, want %s", tt.from, tt.forward, got, tt.want)
		}
	}
}

// A handshake that is not for a relay is refused as HTTP does.
func TestHandshake(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		for name, tt := range map[string]struct {
			header string
			want   int
		}{
			"good":             {"Host: relay.example", 101},
			"one of several":   {"Sec-WebSocket-Protocol: chat, " + message.Subprotocol, 101},
			"no subprotocol":   {"Sec-WebSocket-Protocol: ", 400},
			"wrong":            {"Sec-WebSocket-Protocol: chat", 400},
			"other version":    {"Sec-WebSocket-Protocol: kadmesh-relay.v2", 400},
			"no WebSocket":     {"Upgrade: ", 426},
			"old WebSocket":    {"Sec-WebSocket-Version: 8", 400},
			"no key":           {"Sec-WebSocket-Key: ", 400},
			"other page":       {"Origin: https://evil.example", 403},
			"own page":         {"Origin: https://relay.example", 101},
			"wants to deflate": {"Sec-WebSocket-Extensions: permessage-deflate", 101},
		} {
			c := l.open(home, tt.header)
			if c.resp.StatusCode != tt.want {
				t.Errorf("%s: status %d, want %d", name, c.resp.StatusCode, tt.want)
			}
			if got := c.resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
				t.Errorf("%s: extensions %q, want none", name, got)
			}
			if got := c.resp.Header.Get("Sec-WebSocket-Protocol"); tt.want == 101 && got != message.Subprotocol {
				t.Errorf("%s: subprotocol %q, want %s", name, got, message.Subprotocol)
			}
			c.vanish()
		}
		c := l.openVia(home, netip.MustParseAddr("127.0.0.1"), "", "Host: evil.example")
		if c.resp.StatusCode != 403 {
			t.Errorf("rebinding: status %d, want 403", c.resp.StatusCode)
		}
		if got := l.server.Stats(); got.Forbidden != 2 || got.Connections != 0 {
			t.Errorf("%d forbidden, %d connections, want 2, 0", got.Forbidden, got.Connections)
		}
	})
}

// Connections without a hello do not fill a relay.
func TestConnections(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Limits.Clients = 10
		cfg.Limits.ClientsPerIP = 4
		l := newLab(t, cfg)
		client := l.join(home, message.Hello{})
		busy := home.Next()
		for i := range 12 {
			want := 101
			if i >= 8 {
				want = 503
			}
			if c := l.open(busy); c.resp.StatusCode != want {
				t.Errorf("connection %d from one address: status %d, want %d", i, c.resp.StatusCode, want)
			}
		}
		from := busy.Next()
		for range 10 + MaxStrangers - 9 {
			if c := l.open(from); c.resp.StatusCode != 101 {
				t.Fatalf("status %d, want 101", c.resp.StatusCode)
			}
			from = from.Next()
		}
		c := l.open(from)
		if c.resp.StatusCode != 503 || c.resp.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, want 503 with Retry-After", c.resp.StatusCode)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := l.server.Stats(); got.Connections != 1 || got.TurnedAway != 5 {
			t.Errorf("%d connections, %d turned away, want 1, 5", got.Connections, got.TurnedAway)
		}
		l.join(busy, message.Hello{})
		if _, over := client.isOver(); over {
			t.Error("a client was given up for them")
		}
	})
}

// Shutdown ends at the latest with its context, and breaks the remaining connections.
func TestShutdown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		good, mute := l.join(home, message.Hello{}), l.open(home)
		stuck := l.join(home, message.Hello{})
		stuck.gate <- true
		for range 10 {
			stuck.lent.to.Receive(remote, []byte(ask(1)))
			synctest.Wait()
		}
		deaf := l.join(home, message.Hello{})
		deaf.deaf.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := l.server.Shutdown(ctx)
		if took := time.Since(start); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v after %v, want deadline exceeded after 3s", err, took)
		}
		for name, c := range map[string]*rawClient{"good": good, "mute": mute, "deaf": deaf} {
			if status, over := c.isOver(); !over || status != 1012 {
				t.Errorf("%s client: over %v with %d, want 1012", name, over, status)
			}
			if m := c.next(); m == nil || message.Kind(m[0]) != message.KindRestarting {
				t.Errorf("%s client got %x, want restarting", name, m)
			}
		}
		if c := l.open(home); c.resp.StatusCode != 503 {
			t.Errorf("status %d after Shutdown, want 503", c.resp.StatusCode)
		}
		if err := l.server.Shutdown(t.Context()); err != errClosing {
			t.Errorf("second Shutdown = %v, want %v", err, errClosing)
		}
		<-stuck.gate
	})
}

// A client that does not answer the goodbye does not hold up Shutdown for long.
func TestShutdownAlone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		for _, begun := range [][]byte{nil, header(0x82, true, 1<<40), {0x82}, header(0x89, true, 100)} {
			c := l.join(home, message.Hello{})
			c.deaf.Store(true)
			c.raw(begun)
		}
		start := time.Now()
		if err := l.server.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown = %v, want nil", err)
		}
		if took := time.Since(start); took >= 10*time.Second {
			t.Errorf("Shutdown took %v, want less than 10s", took)
		}
	})
}

// Between two clients of a relay, datagrams need no socket.
func TestBetweenClients(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.Deny = prefixes("5.0.0.0/8")
		l := newLab(t, cfg)
		a, b := l.join(home, message.Hello{}), l.join(home, message.Hello{})
		if got := a.tell(datagram{b.addr, ask(1)}, datagram{b.addr, "no rpc"}); len(got) != 0 {
			t.Errorf("%d datagrams went out, want none", len(got))
		}
		if got := b.datagrams(); len(got) != 1 || got[0] != (datagram{a.addr, ask(1)}) {
			t.Errorf("b got %+v, want a's request", got)
		}
		b.tell(datagram{a.addr, reply(1)}, datagram{a.addr, reply(2)})
		if got := a.datagrams(); len(got) != 2 {
			t.Errorf("a got %d datagrams, want 2", len(got))
		}
		// Nobody else can speak as a client.
		if got := b.hear(datagram{a.addr, ask(1)}); len(got) != 0 {
			t.Errorf("b got %+v over its socket from a lent address, want nothing", got)
		}
		a.leave()
		b.tell(datagram{a.addr, ask(1)})
		if got, want := counted(b.dropped()), "destination 2"; got != want {
			t.Errorf("drops = %s, want %s", got, want)
		}
	})
}

// Bootstrap nodes may be anywhere, but where the operator forbids it.
func TestSetBootstrap(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		near, low := netip.MustParseAddrPort("127.0.0.1:4000"), netip.MustParseAddrPort("8.8.8.8:53")
		denied := netip.MustParseAddrPort("8.1.0.1:4000")
		cfg := labConfig()
		cfg.Deny = prefixes("8.1.0.0/16")
		l := newLab(t, cfg)
		c := l.join(home, message.Hello{})
		all := []datagram{{near, ask(1)}, {low, ask(1)}, {denied, ask(1)}}
		if got := c.tell(all...); len(got) != 0 {
			t.Errorf("%d datagrams went out, want none", len(got))
		}
		l.server.SetBootstrap([]netip.AddrPort{netip.MustParseAddrPort("[::ffff:127.0.0.1]:4000"), low, denied})
		if got := c.tell(all...); len(got) != 2 {
			t.Errorf("%d datagrams went out, want those to the two that are not denied", len(got))
		}
	})
}

// A welcome names few bootstrap nodes however many there are: the first 16 of the
// family that is lent.
func TestManyBootstrapNodes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		for i := range 300 {
			cfg.Bootstrap = append(cfg.Bootstrap, netip.MustParseAddrPort("[2a00::7]:4000"), destination(i))
		}
		c := newLab(t, cfg).open(home)
		c.say((&message.Hello{}).Encode())
		w, ok := c.welcomed()
		if !ok || len(w.Bootstrap) != 16 || w.Bootstrap[0] != destination(0) || w.Bootstrap[15] != destination(15) {
			t.Errorf("welcome with %v, want the first 16 nodes of IPv4", w.Bootstrap)
		}
	})
}

// The clients of a large relay come back one after the other: it can take them in
// as they come.
func TestRestartSpread(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		l := newLab(t, labConfig())
		const clients = 5000
		var all []*session
		for range clients {
			c := &session{server: l.server} // one without a connection hears nothing
			l.server.connections.sessions[c] = struct{}{}
			all = append(all, c)
		}
		if err := l.server.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		perSecond := make(map[time.Duration]int)
		for _, c := range all {
			r, err := message.DecodeRestarting(c.farewell.frame[3:])
			if err != nil {
				t.Fatalf("frame %x: %v", c.farewell.frame, err)
			}
			perSecond[r.ReconnectIn/time.Second]++
			delete(l.server.connections.sessions, c)
		}
		for second, n := range perSecond {
			if n > 1200 {
				t.Errorf("%d of %d clients come back in second %d, want about 1000", n, clients, second)
			}
		}
	})
}
