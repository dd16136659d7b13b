package relay

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

// Access restricts the clients of a relay. The zero value lets in all programs, and the
// pages of the relay's own host.
type Access struct {
	// Tokens are the tokens that a client may come with. Without any, clients need none.
	Tokens []string

	// Origins are further sites whose pages may use the relay, as
	// https://example.org; "*" means all.
	Origins []string

	// Hosts are the names of the relay. *.example.org stands for each name one level
	// below example.org. If there are any, or the relay listens on a private or
	// loopback address, clients must call it by an IP address, localhost, or one of
	// these names. Otherwise any page could make a name of its own lead here.
	Hosts []string

	// Proxies are trusted reverse proxies. Their X-Forwarded-For and -Proto headers are
	// believed, and the check of host names is left to them.
	Proxies []netip.Prefix
}

// check returns why the page or program that sent r may not use the relay, or nil.
func (a *Access) check(r *http.Request) error {
	if err := a.checkHost(r); err != nil {
		return err
	}
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(a.Origins, "*") {
		return nil // a program, or all pages may
	}
	if slices.ContainsFunc(a.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) && a.fitsScheme(r, u.Scheme) {
		return nil
	}
	return fmt.Errorf("pages of %s may not use this relay: its operator can allow that origin", origin)
}

// fitsScheme reports whether the scheme of a page, http or https, is the one by which r
// came. A proxy may take https and pass on http. If it does not say so, or is not a
// trusted one, either scheme fits.
func (a *Access) fitsScheme(r *http.Request, scheme string) bool {
	if r.TLS != nil {
		return strings.EqualFold(scheme, "https")
	}
	came := r.Header.Get("X-Forwarded-Proto")
	switch {
	case came == "" || !a.isProxy(remoteAddr(r)):
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
	if err != nil || netaddr.IsPublic(here.Addr().Unmap()) && len(a.Hosts) == 0 || a.isProxy(remoteAddr(r)) {
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

// hostOf returns s, a host and perhaps a port, without the port and brackets.
func hostOf(s string) string {
	if host, _, err := net.SplitHostPort(s); err == nil {
		return host
	}
	return strings.Trim(s, "[]")
}

// clientAddr returns the address that r comes from: behind trusted proxies, the last
// address in X-Forwarded-For that is not one of them.
func (a *Access) clientAddr(r *http.Request) netip.Addr {
	ip := remoteAddr(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.isProxy(ip) {
			break
		}
		next, err := netip.ParseAddr(hostOf(strings.TrimSpace(hop))) // some proxies add the port
		if err != nil {
			break
		}
		ip = next.Unmap().WithZone("")
	}
	return ip
}

func (a *Access) isProxy(ip netip.Addr) bool { return in(ip, a.Proxies) }

// remoteAddr is the other end of the TCP connection of r.
func remoteAddr(r *http.Request) netip.Addr {
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv6Unspecified()
	}
	return addr.Addr().Unmap().WithZone("")
}

// allowsToken reports whether a client with a token may use the relay. The time that it
// takes does not depend on the tokens.
func (a *Access) allowsToken(token string) bool {
	ok := len(a.Tokens) == 0
	said := sha256.Sum256([]byte(token))
	for _, t := range a.Tokens {
		known := sha256.Sum256([]byte(t))
		ok = subtle.ConstantTimeCompare(said[:], known[:]) == 1 || ok
	}
	return ok
}
