package site

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// MaxVisitors is the number of connections, WebSockets aside, that a server of
// NewServer has at a time. Beyond it, the connection that has been idle for longest is
// closed, or the new one if none is idle. So visitors of the page cannot use up the
// file descriptors that a relay's clients need.
const MaxVisitors = 512

// maxPerSite is the number of connections, of MaxVisitors, from one IPv4 address or one
// IPv6 /64.
const maxPerSite = 32

// Visitors bounds the connections of a server, in all and by source. The zero Visitors
// is ready to use.
type Visitors struct {
	// Proxies are addresses of reverse proxies, which have no bound by source: their
	// connections serve many visitors.
	Proxies []netip.Prefix

	mu      sync.Mutex // guards the fields below
	conns   map[net.Conn]*visitor
	sites   map[netip.Addr]int // number of connections by source, proxies aside
	turns   uint64             // number of times that a connection became idle
	refused uint64
}

// visitor is one connection.
type visitor struct {
	site netip.Addr // source; not valid for a proxy
	idle uint64     // value of turns when it became idle; 0 if it is not idle
}

// Refused returns the number of new connections closed because of a bound.
func (v *Visitors) Refused() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

// state is the http.Server.ConnState.
func (v *Visitors) state(c net.Conn, s http.ConnState) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch s {
	case http.StateNew:
		v.enter(c)
	case http.StateActive, http.StateIdle:
		if w := v.conns[c]; w != nil {
			w.idle = 0
			if s == http.StateIdle {
				v.turns++
				w.idle = v.turns
			}
		}
	case http.StateHijacked, http.StateClosed:
		v.leave(c)
	}
}

// enter adds a new connection, or closes it if there is no room.
func (v *Visitors) enter(c net.Conn) {
	w := &visitor{site: v.site(c)}
	if v.sites[w.site] >= maxPerSite && !v.makeRoom(w.site) ||
		len(v.conns) >= MaxVisitors && !v.makeRoom(netip.Addr{}) {
		v.refused++
		bottom(c).Close()
		return
	}
	if v.conns == nil {
		v.conns, v.sites = make(map[net.Conn]*visitor), make(map[netip.Addr]int)
	}
	v.conns[c] = w
	if w.site.IsValid() {
		v.sites[w.site]++
	}
}

// makeRoom closes the connection that has been idle for longest, of one source if site
// is valid. It returns false if none is idle.
func (v *Visitors) makeRoom(site netip.Addr) bool {
	var oldest net.Conn
	for c, w := range v.conns {
		if w.idle > 0 && (!site.IsValid() || w.site == site) && (oldest == nil || w.idle < v.conns[oldest].idle) {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	v.leave(oldest)
	bottom(oldest).Close()
	return true
}

// leave removes a connection if it is known.
func (v *Visitors) leave(c net.Conn) {
	w := v.conns[c]
	if w == nil {
		return
	}
	delete(v.conns, c)
	if w.site.IsValid() {
		if v.sites[w.site]--; v.sites[w.site] == 0 {
			delete(v.sites, w.site)
		}
	}
}

// site returns the source of a connection: its IPv4 address, or the first address of
// its IPv6 /64. A proxy has none.
func (v *Visitors) site(c net.Conn) netip.Addr {
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.IPv6Unspecified()
	}
	ip := from.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(v.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return netip.Addr{}
	}
	if ip.Is6() {
		p, _ := ip.Prefix(64)
		ip = p.Addr()
	}
	return ip
}

// bottom returns the connection below TLS. Closing a TLS connection may block.
func bottom(c net.Conn) net.Conn {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok {
		return outer.NetConn()
	}
	return c
}
