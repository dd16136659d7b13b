//go:build !js

package site

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
)

// guest is a connection with an address, which records its end.
type guest struct {
	net.Conn
	from   string
	closed bool
}

func (g *guest) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(g.from))
}
func (g *guest) Close() error { g.closed = true; return nil }

// come opens n connections from an address.
func come(v *ConnLimiter, n int, from string) (list []*guest) {
	for range n {
		g := &guest{from: netip.AddrPortFrom(netip.MustParseAddr(from), 50000).String()}
		v.state(g, http.StateNew)
		list = append(list, g)
	}
	return list
}

func closed(list []*guest) (n int) {
	for _, g := range list {
		if g.closed {
			n++
		}
	}
	return n
}

// A source gets no more than its share. Its idle connections are closed first.
func TestConnsOfOneSource(t *testing.T) {
	v := ConnLimiter{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	host := come(&v, 600, "192.0.2.1")
	if n := closed(host); n != 600-maxPerSource || v.Refused() != 600-maxPerSource {
		t.Errorf("%d of 600 closed, %d counted, want %d", n, v.Refused(), 600-maxPerSource)
	}
	network := append(come(&v, 40, "2001:db8::1"), come(&v, 40, "2001:db8::2")...)
	if n := closed(network); n != 80-maxPerSource {
		t.Errorf("%d of 80 closed of a /64, want %d", n, 80-maxPerSource)
	}
	if n := closed(come(&v, 100, "10.0.0.1")); n != 0 {
		t.Errorf("%d connections of a proxy closed, want none", n)
	}
	v.state(host[3], http.StateIdle)
	v.state(host[2], http.StateIdle)
	v.state(host[1], http.StateIdle)
	v.state(host[3], http.StateActive)
	v.state(host[3], http.StateIdle)
	if n := closed(come(&v, 1, "192.0.2.1")); n != 0 || !host[2].closed || host[1].closed || host[3].closed {
		t.Error("want the connection closed that was idle for longest, and no other")
	}
	v.state(host[2], http.StateClosed) // known to be over already
	if n := closed(come(&v, 3, "192.0.2.1")); n != 1 {
		t.Errorf("%d of 3 closed, want 1: 2 were idle", n)
	}
}

// Beyond MaxConns, idle connections of any source make room.
func TestConnsFromEverywhere(t *testing.T) {
	var v ConnLimiter
	var all []*guest
	for i := range MaxConns {
		all = append(all, come(&v, 1, netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}).String())...)
	}
	if n := closed(come(&v, 1, "198.51.100.1")); n != 1 {
		t.Error("one too many is let in, want it closed: nobody is idle")
	}
	v.state(all[7], http.StateActive)
	v.state(all[7], http.StateIdle)
	if n := closed(come(&v, 1, "198.51.100.1")); n != 0 || !all[7].closed {
		t.Error("new one closed, want the idle one closed")
	}
	v.state(all[8], http.StateHijacked)
	if n := closed(come(&v, 1, "198.51.100.2")); n != 0 {
		t.Error("new one closed, want room: one was taken over")
	}
	for _, g := range all {
		v.state(g, http.StateClosed)
	}
	if len(v.conns) != 2 || len(v.sources) != 2 {
		t.Errorf("%d connections of %d sites left, want 2 of 2", len(v.conns), len(v.sources))
	}
}
