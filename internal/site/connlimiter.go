package site

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// MaxConns is the number of connections, WebSockets aside, that a server of
// NewServer has at a time. Beyond it, the connection that has been idle for longest is
// closed, or the new one if none is idle. So visitors of the page cannot use up the
// file descriptors that a relay's clients need.
const MaxConns = 512

// maxPerSource is the number of connections, of MaxConns, from one IPv4 address or one
// IPv6 /64.
const maxPerSource = 32

// ConnLimiter bounds the connections of a server, in all and by source. The zero ConnLimiter
// is ready to use.
type ConnLimiter struct {
	// Proxies are addresses of reverse proxies, which have no bound by source: their
	// connections serve many visitors.
	Proxies []netip.Prefix

	mu      sync.Mutex // guards the fields below
	conns   map[net.Conn]*limitedConn
	sources map[netip.Addr]int // number of connections by source, proxies aside
	turns   uint64             // number of times that a connection became idle
	refused uint64
}

// limitedConn is one connection.
type limitedConn struct {
	source netip.Addr // source; not valid for a proxy
	idle   uint64     // value of turns when it became idle; 0 if it is not idle
}

// Refused returns the number of new connections closed because of a bound.
func (l *ConnLimiter) Refused() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// state is the http.Server.ConnState.
func (l *ConnLimiter) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s {
	case http.StateNew:
		l.enter(c)
	case http.StateActive, http.StateIdle:
		if w := l.conns[c]; w != nil {
			w.idle = 0
			if s == http.StateIdle {
				l.turns++
				w.idle = l.turns
			}
		}
	case http.StateHijacked, http.StateClosed:
		l.leave(c)
	}
}

// enter adds a new connection, or closes it if there is no room.
func (l *ConnLimiter) enter(c net.Conn) {
	w := &limitedConn{source: l.sourceOf(c)}
	if l.sources[w.source] >= maxPerSource && !l.makeRoom(w.source) ||
		len(l.conns) >= MaxConns && !l.makeRoom(netip.Addr{}) {
		l.refused++
		belowTLS(c).Close()
		return
	}
	if l.conns == nil {
		l.conns, l.sources = make(map[net.Conn]*limitedConn), make(map[netip.Addr]int)
	}
	l.conns[c] = w
	if w.source.IsValid() {
		l.sources[w.source]++
	}
}

// makeRoom closes the connection that has been idle for longest, of one source if site
// is valid. It returns false if none is idle.
func (l *ConnLimiter) makeRoom(source netip.Addr) bool {
	var oldest net.Conn
	for c, w := range l.conns {
		if w.idle > 0 && (!source.IsValid() || w.source == source) && (oldest == nil || w.idle < l.conns[oldest].idle) {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	l.leave(oldest)
	belowTLS(oldest).Close()
	return true
}

// leave removes a connection if it is known.
func (l *ConnLimiter) leave(c net.Conn) {
	w := l.conns[c]
	if w == nil {
		return
	}
	delete(l.conns, c)
	if w.source.IsValid() {
		if l.sources[w.source]--; l.sources[w.source] == 0 {
			delete(l.sources, w.source)
		}
	}
}

// sourceOf returns the source of a connection: its IPv4 address, or the first address of
// its IPv6 /64. A proxy has none.
func (l *ConnLimiter) sourceOf(c net.Conn) netip.Addr {
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.IPv6Unspecified()
	}
	ip := from.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(l.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return netip.Addr{}
	}
	if ip.Is6() {
		p, _ := ip.Prefix(64)
		ip = p.Addr()
	}
	return ip
}

// belowTLS returns the connection below TLS. Closing a TLS connection may block.
func belowTLS(c net.Conn) net.Conn {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok {
		return outer.NetConn()
	}
	return c
}
