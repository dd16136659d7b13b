package site

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// MaxVisitors is how many connections a server of NewServer has at a time that
// are not WebSockets. When there are more, one that waits for a next request is
// closed, or else the new one: visitors of the page cannot take away the file
// descriptors that clients of a relay need.
const MaxVisitors = 512

// maxPerSite is how many of them may come from one IPv4 address or one /64 of
// IPv6.
const maxPerSite = 32

// Visitors are the connections of a server. The zero Visitors bound those of each
// address alike.
type Visitors struct {
	// Proxies bring visitors from many addresses, so that theirs has no bound of
	// its own.
	Proxies []netip.Prefix

	mu      sync.Mutex // guards what follows
	conns   map[net.Conn]*visitor
	sites   map[netip.Addr]int // how many of conns, but those of Proxies
	turns   uint64             // how often one began to wait
	refused uint64
}

// visitor is what is known of a connection.
type visitor struct {
	site netip.Addr // not valid for one of a proxy
	idle uint64     // the turn in which it began to wait for a next request, or 0
}

// Refused is how many connections were closed because there were too many.
func (v *Visitors) Refused() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

// state is that of http.Server.ConnState.
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

// enter takes in a new connection, or closes it if there is no room.
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

// makeRoom closes the connection that has waited for longest, of a site if that
// is valid, or returns false if none waits.
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

// leave forgets a connection, if it is known.
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

// site is what c counts with.
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

// bottom is the connection below TLS, whose own Close may wait.
func bottom(c net.Conn) net.Conn {
	if outer, ok := c.(interface{ NetConn() net.Conn }); ok {
		return outer.NetConn()
	}
	return c
}
