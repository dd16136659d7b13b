//go:build !js

package wsrelay

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// book keeps which port is lent to whom.
type book struct {
	server *Server
	limits *Limits
	start  time.Time
	net    network

	ports map[byte]*ports // by family; their queues are guarded by mu

	mu     sync.RWMutex // guards what follows; taken before the lock of a lease
	tokens tokens
	leases map[netip.AddrPort]*lease
	// sites has the leases by where their clients are, first those that have been
	// away for longest. It is empty if there is no bound for a site.
	sites map[netip.Addr][]*lease
	wide  map[netip.Addr]int // how many there are in the networks around
}

// maxAttempts is how many ports are tried that turn out to be in use by others.
const maxAttempts = 64

// find returns the lease of an address, or nil if it is not lent.
func (b *book) find(a netip.AddrPort) *lease {
	if p := b.ports[netaddr.Family(a.Addr())]; p == nil || p.public != a.Addr() {
		return nil // the usual case, without the lock
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.leases[a]
}

// lend gives c a port: the one of its resume token, if it can, else another one.
// old is the session that had it until now, or nil.
func (b *book) lend(now time.Time, c *session, h *hello) (old *session, resumed bool, err *RelayError) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.resume(now, h); l != nil {
		if err := b.move(l, c.site); err != nil {
			return nil, false, err
		}
		return b.hand(now, l, c, h.resume), true, nil
	}
	if err := b.admit(c.site); err != nil {
		return nil, false, err
	}
	if l := b.restore(now, h); l != nil {
		b.settle(l, c.site)
		return b.hand(now, l, c, h.resume), true, nil
	}
	l, err := b.open(h.family)
	if err != nil {
		return nil, false, err
	}
	b.settle(l, c.site)
	return b.hand(now, l, c, ""), false, nil
}

// hand welcomes c, which came with the token given, as the holder of l, and
// returns who was it before.
func (b *book) hand(now time.Time, l *lease, c *session, token string) *session {
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	l.turns++
	l.used, l.token = token, b.tokens.issue(now, l.addr)
	c.lease = l
	c.say(b.server.welcome(l)) // before any datagram
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.holder
	l.holder = c
	return old
}

// resume returns the lease that the token of h is for, if it is still there.
//
// Two tokens are: the last one, and the one before, since the welcome with the
// last one may not have arrived. After a restart, a port that was restored goes on
// to whoever shows that it was lent it later.
func (b *book) resume(now time.Time, h *hello) *lease {
	p, port, lent := b.claim(h)
	if p == nil {
		return nil
	}
	l := b.leases[netip.AddrPortFrom(p.public, port)]
	switch {
	case l == nil:
		return nil
	case h.resume == l.token || h.resume == l.used:
		return l
	case !l.restored.IsZero() && lent.After(l.restored) && b.isRestorable(now, lent):
		l.restored = lent
		return l
	}
	return nil
}

// isRestorable reports whether a token of that time is of before the start of the
// relay, and still counts.
func (b *book) isRestorable(now, lent time.Time) bool {
	return lent.Before(b.start) && now.Sub(b.start) <= restoreTime
}

// claim returns what the token of h is for, or nil if it is none, or none of this
// relay. The token may be for a lease that is over.
func (b *book) claim(h *hello) (p *ports, port uint16, lent time.Time) {
	fam, port, lent, ok := b.tokens.read(h.resume)
	if !ok || h.family != 0 && h.family != fam {
		return nil, 0, lent
	}
	if p = b.ports[fam]; p == nil || !b.tokens.valid(h.resume, p.public) {
		return nil, 0, lent
	}
	return p, port, lent
}

// restore lends a port again that was lent before the relay started, if its
// token says so and nobody has the port.
func (b *book) restore(now time.Time, h *hello) *lease {
	p, port, lent := b.claim(h)
	if p == nil || !b.isRestorable(now, lent) || !p.take(port) {
		return nil
	}
	l, err := b.bind(p, port)
	if err != nil {
		p.giveBack(port)
		return nil
	}
	l.restored = lent
	return l
}

// open lends a free port of a family, or of any if that is 0.
func (b *book) open(fam byte) (*lease, *RelayError) {
	p := b.ports[fam]
	if fam == 0 {
		if p = b.ports[4]; p == nil {
			p = b.ports[6]
		}
	}
	if p == nil {
		return nil, &RelayError{CodeFull, fmt.Sprintf("this relay lends no IPv%d addresses", fam)}
	}
	var failed error
	for range maxAttempts {
		port, ok := p.next()
		if !ok {
			break
		}
		l, err := b.bind(p, port)
		if err == nil {
			return l, nil
		}
		p.giveBack(port)
		if failed = err; !isTaken(err) {
			break // another port would not help
		}
	}
	if failed != nil {
		b.server.log.Warn("no port can be lent", "bind", p.bind, "ports", p.all, "error", failed)
	}
	return nil, &RelayError{CodeFull, "no port is free"}
}

// isTaken reports whether err says that a port is not to be had, while others may
// be.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}

// bind opens the socket of a new lease.
func (b *book) bind(p *ports, port uint16) (*lease, error) {
	l := &lease{server: b.server}
	sock, err := b.net.open(netip.AddrPortFrom(p.bind, port), l)
	if err != nil {
		return nil, err
	}
	l.sock = sock
	l.addr = netip.AddrPortFrom(p.public, sock.port())
	b.leases[l.addr] = l
	return l, nil
}

// admit makes room for one more client from a site, or says why there is none.
func (b *book) admit(site netip.Addr) *RelayError {
	if err := b.admitFrom(site); err != nil {
		return err
	}
	if len(b.leases) >= b.limits.Peers {
		return &RelayError{CodeFull, fmt.Sprintf("%d clients already", len(b.leases))}
	}
	return nil
}

// admitFrom makes room at a site. Who comes anew takes the place of the one from
// there that has been away for longest: a page that was loaded again does not
// know its token.
func (b *book) admitFrom(site netip.Addr) *RelayError {
	list := b.sites[site]
	if max := b.limits.PeersPerIP; max < 0 || len(list) < max && b.wide[wide(site)] < perWide*max {
		return nil
	}
	i := slices.IndexFunc(list, func(l *lease) bool { return l.expiry != nil })
	if i < 0 {
		return &RelayError{CodePerIP, fmt.Sprintf("%d clients from this address or network already", max(len(list), b.wide[wide(site)]))}
	}
	b.release(list[i])
	return nil
}

// move notes that the client of l has come back, perhaps from another site.
func (b *book) move(l *lease, site netip.Addr) *RelayError {
	if l.site != site {
		if err := b.admitFrom(site); err != nil {
			return err
		}
		b.unsettle(l)
		b.settle(l, site)
	}
	return nil
}

// settle puts l at the end of the list of a site.
func (b *book) settle(l *lease, site netip.Addr) {
	l.site = site
	if b.limits.PeersPerIP > 0 {
		b.sites[site] = append(b.sites[site], l)
		b.wide[wide(site)]++
	}
}

// unsettle takes l off the list of its site.
func (b *book) unsettle(l *lease) {
	if b.limits.PeersPerIP <= 0 {
		return
	}
	if n := wide(l.site); b.wide[n] > 1 {
		b.wide[n]--
	} else {
		delete(b.wide, n)
	}
	list := slices.DeleteFunc(b.sites[l.site], func(o *lease) bool { return o == l })
	if len(list) == 0 {
		delete(b.sites, l.site)
	} else {
		b.sites[l.site] = list
	}
}

// left notes that c has ended: its port stays lent for the grace time, or is free
// at once if the client will not come back.
func (b *book) left(c *session, forGood bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := c.lease
	l.mu.Lock()
	mine := l.holder == c
	if mine {
		l.holder = nil
	}
	l.mu.Unlock()
	switch {
	case !mine:
	case forGood:
		b.release(l)
	default:
		b.unsettle(l)
		b.settle(l, l.site)
		l.turns++
		turn := l.turns
		l.expiry = time.AfterFunc(b.limits.Grace, func() { b.expire(l, turn) })
	}
}

// expire ends the lease if nothing has happened to it since the turn given.
func (b *book) expire(l *lease, turn int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.turns == turn {
		b.release(l)
	}
}

// release ends a lease. Its client is away.
func (b *book) release(l *lease) {
	l.turns++
	if l.expiry != nil {
		l.expiry.Stop()
	}
	delete(b.leases, l.addr)
	b.unsettle(l)
	l.sock.close()
	b.ports[netaddr.Family(l.addr.Addr())].giveBack(l.addr.Port())
}

// close ends all leases. Their clients are gone.
func (b *book) close() {
	b.mu.Lock()
	for _, l := range b.leases {
		b.release(l)
	}
	b.mu.Unlock()
	b.net.close()
}

// lent is how many leases there are.
func (b *book) lent() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.leases)
}
