//go:build !js

package wsrelay

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Access says who may use a relay. The zero value lets everybody but pages of
// other sites.
type Access struct {
	// Tokens are what clients must say one of. None means that they need none.
	Tokens []string

	// Origins are the sites, as https://example.org, whose pages may use the
	// relay besides those that come from its own host; "*" means all.
	Origins []string

	// Hosts are names that the relay goes by; *.example.org is any one below that.
	// If there are some, or the relay listens on a private or loopback address,
	// clients must call it by its IP address, localhost, or one of these. Else any
	// page could give itself a second name that leads here.
	Hosts []string

	// Proxies are those whose X-Forwarded-For and -Proto are believed, and whom the relay
	// leaves it to know their names.
	Proxies []netip.Prefix
}

// check reports why the page or program that sends r may not use the relay.
func (a *Access) check(r *http.Request) error {
	if err := a.checkHost(r); err != nil {
		return err
	}
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(a.Origins, "*") {
		return nil // no browser sends this
	}
	if slices.ContainsFunc(a.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) && a.fitsScheme(r, u.Scheme) {
		return nil
	}
	return fmt.Errorf("pages of %s may not use this relay: its operator can allow that origin", origin)
}

// fitsScheme reports whether the page that has sent r by a scheme is of this
// relay. A proxy may take https and pass on http; if it does not say, or is not
// known, either is fine.
func (a *Access) fitsScheme(r *http.Request, scheme string) bool {
	if r.TLS != nil {
		return strings.EqualFold(scheme, "https")
	}
	came := r.Header.Get("X-Forwarded-Proto")
	switch {
	case came == "" || !a.isProxy(remote(r)):
		return true
	case strings.EqualFold(came, "ws"):
		came = "http"
	case strings.EqualFold(came, "wss"):
		came = "https"
	}
	return strings.EqualFold(scheme, came)
}

func (a *Access) checkHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return nil
	}
	here, err := netip.ParseAddrPort(local.String())
	if err != nil || netaddr.IsPublic(here.Addr().Unmap()) && len(a.Hosts) == 0 || a.isProxy(remote(r)) {
		return nil
	}
	host := hostOf(r.Host)
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		return nil
	}
	_, parent, _ := strings.Cut(host, ".")
	if slices.ContainsFunc(a.Hosts, func(h string) bool {
		return strings.EqualFold(h, host) || parent != "" && strings.EqualFold(h, "*."+parent)
	}) {
		return nil
	}
	return fmt.Errorf("this relay is not known as %q: its operator can allow that host", host)
}

// hostOf is a host without port and brackets.
func hostOf(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		return host
	}
	return strings.Trim(s, "[]")
}

// client returns the address that r comes from: behind proxies, the last one in
// X-Forwarded-For that is none of them.
func (a *Access) client(r *http.Request) netip.Addr {
	ip := remote(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.isProxy(ip) {
			break
		}
		next, err := netip.ParseAddr(hostOf(strings.TrimSpace(hop))) // some add the port
		if err != nil {
			break
		}
		ip = next.Unmap().WithZone("")
	}
	return ip
}

func (a *Access) isProxy(ip netip.Addr) bool { return in(ip, a.Proxies) }

// remote is who sent r, from the relay's point of view.
func remote(r *http.Request) netip.Addr {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	return addr.Addr().Unmap().WithZone("")
}

// knows reports whether a client that says token may use the relay. The time it
// takes tells nothing of the tokens.
func (a *Access) knows(token string) bool {
	ok := len(a.Tokens) == 0
	said := sha256.Sum256([]byte(token))
	for _, t := range a.Tokens {
		known := sha256.Sum256([]byte(t))
		ok = subtle.ConstantTimeCompare(said[:], known[:]) == 1 || ok
	}
	return ok
}

// site is what counts as one place that clients come from.
func site(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(64)
	return p.Addr()
}

// wide is the network around a site of which one customer may have all: four
// times what a site may have is for all of it.
func wide(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return ip
	}
	p, _ := ip.Prefix(48)
	return p.Addr()
}

const perWide = 4
