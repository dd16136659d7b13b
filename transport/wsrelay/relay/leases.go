package relay

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/udpsocket"
)

// book keeps which port is lent to whom.
type leases struct {
	server *Server
	limits *Limits
	start  time.Time
	net    udpsocket.Network

	ports map[byte]*ports // by family; their queues are guarded by mu

	mu     sync.RWMutex // guards what follows; taken before the lock of a lease
	tokens tokens
	byAddr map[netip.AddrPort]*lease
	// sites has the leases by where their clients are, first those that have been
	// away for longest. It is empty if there is no bound for a site.
	byPrefix64  map[netip.Addr][]*lease
	perPrefix48 map[netip.Addr]int // how many there are in the networks around
}

// maxAttempts is how many ports are tried that turn out to be in use by others.
const maxPortTries = 64

// find returns the lease of an address, or nil if it is not lent.
func (b *leases) find(a netip.AddrPort) *lease {
	if p := b.ports[message.Family(a.Addr())]; p == nil || p.public != a.Addr() {
		return nil // the usual case, without the lock
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byAddr[a]
}

// lend gives c a port: the one of its resume token, if it can, else another one.
// old is the session that had it until now, or nil.
func (b *leases) lend(now time.Time, c *session, h *message.Hello) (old *session, resumed bool, err *message.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.resume(now, h); l != nil {
		if err := b.move(l, c.prefix); err != nil {
			return nil, false, err
		}
		return b.assign(now, l, c, h.Resume), true, nil
	}
	if err := b.makeRoom(c.prefix); err != nil {
		return nil, false, err
	}
	if l := b.restore(now, h); l != nil {
		b.place(l, c.prefix)
		return b.assign(now, l, c, h.Resume), true, nil
	}
	l, err := b.open(h.Family)
	if err != nil {
		return nil, false, err
	}
	b.place(l, c.prefix)
	return b.assign(now, l, c, ""), false, nil
}

// hand welcomes c, which came with the token given, as the holder of l, and
// returns who was it before.
func (b *leases) assign(now time.Time, l *lease, c *session, token string) *session {
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	l.generation++
	l.prevToken, l.token = token, b.tokens.issue(now, l.addr)
	c.lease = l
	c.send(b.server.welcome(l)) // before any datagram
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
func (b *leases) resume(now time.Time, h *message.Hello) *lease {
	p, port, lent := b.claim(h)
	if p == nil {
		return nil
	}
	l := b.byAddr[netip.AddrPortFrom(p.public, port)]
	switch {
	case l == nil:
		return nil
	case h.Resume == l.token || h.Resume == l.prevToken:
		return l
	case !l.lentBefore.IsZero() && lent.After(l.lentBefore) && b.isRestorable(now, lent):
		l.lentBefore = lent
		return l
	}
	return nil
}

// isRestorable reports whether a token of that time is of before the start of the
// relay, and still counts.
func (b *leases) isRestorable(now, lent time.Time) bool {
	return lent.Before(b.start) && now.Sub(b.start) <= restoreTime
}

// claim returns what the token of h is for, or nil if it is none, or none of this
// relay. The token may be for a lease that is over.
func (b *leases) claim(h *message.Hello) (p *ports, port uint16, lent time.Time) {
	fam, port, lent, ok := b.tokens.read(h.Resume)
	if !ok || h.Family != 0 && h.Family != fam {
		return nil, 0, lent
	}
	if p = b.ports[fam]; p == nil || !b.tokens.valid(h.Resume, p.public) {
		return nil, 0, lent
	}
	return p, port, lent
}

// restore lends a port again that was lent before the relay started, if its
// token says so and nobody has the port.
func (b *leases) restore(now time.Time, h *message.Hello) *lease {
	p, port, lent := b.claim(h)
	if p == nil || !b.isRestorable(now, lent) || !p.take(port) {
		return nil
	}
	l, err := b.bind(p, port)
	if err != nil {
		p.giveBack(port)
		return nil
	}
	l.lentBefore = lent
	return l
}

// open lends a free port of a family, or of any if that is 0.
func (b *leases) open(fam byte) (*lease, *message.Error) {
	p := b.ports[fam]
	if fam == 0 {
		if p = b.ports[4]; p == nil {
			p = b.ports[6]
		}
	}
	if p == nil {
		return nil, message.Errorf(message.CodeFull, "this relay lends no IPv%d addresses", fam)
	}
	var failed error
	for range maxPortTries {
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
		b.server.log.Warn("no port can be lent", "bind", p.bind, "ports", p.pool, "error", failed)
	}
	return nil, message.Errorf(message.CodeFull, "no port is free")
}

// isTaken reports whether err says that a port is not to be had, while others may
// be.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}

// bind opens the socket of a new lease.
func (b *leases) bind(p *ports, port uint16) (*lease, error) {
	l := &lease{server: b.server}
	sock, err := b.net.Open(netip.AddrPortFrom(p.bind, port), l)
	if err != nil {
		return nil, err
	}
	l.sock = sock
	l.addr = netip.AddrPortFrom(p.public, sock.Port())
	b.byAddr[l.addr] = l
	return l, nil
}

// admit makes room for one more client from a site, or says why there is none.
func (b *leases) makeRoom(site netip.Addr) *message.Error {
	if err := b.makeRoomAt(site); err != nil {
		return err
	}
	if len(b.byAddr) >= b.limits.Peers {
		return message.Errorf(message.CodeFull, "%d clients already", len(b.byAddr))
	}
	return nil
}

// admitFrom makes room at a site. Who comes anew takes the place of the one from
// there that has been away for longest: a page that was loaded again does not
// know its token.
func (b *leases) makeRoomAt(site netip.Addr) *message.Error {
	list := b.byPrefix64[site]
	if max := b.limits.PeersPerIP; max < 0 || len(list) < max && b.perPrefix48[limit.Prefix48(site)] < perPrefix48*max {
		return nil
	}
	i := slices.IndexFunc(list, func(l *lease) bool { return l.expiry != nil })
	if i < 0 {
		return message.Errorf(message.CodePerIP, "%d clients from this address or network already", max(len(list), b.perPrefix48[limit.Prefix48(site)]))
	}
	b.release(list[i])
	return nil
}

// move notes that the client of l has come back, perhaps from another site.
func (b *leases) move(l *lease, site netip.Addr) *message.Error {
	if l.prefix != site {
		if err := b.makeRoomAt(site); err != nil {
			return err
		}
		b.unplace(l)
		b.place(l, site)
	}
	return nil
}

// settle puts l at the end of the list of a site.
func (b *leases) place(l *lease, site netip.Addr) {
	l.prefix = site
	if b.limits.PeersPerIP > 0 {
		b.byPrefix64[site] = append(b.byPrefix64[site], l)
		b.perPrefix48[limit.Prefix48(site)]++
	}
}

// unsettle takes l off the list of its site.
func (b *leases) unplace(l *lease) {
	if b.limits.PeersPerIP <= 0 {
		return
	}
	if n := limit.Prefix48(l.prefix); b.perPrefix48[n] > 1 {
		b.perPrefix48[n]--
	} else {
		delete(b.perPrefix48, n)
	}
	list := slices.DeleteFunc(b.byPrefix64[l.prefix], func(o *lease) bool { return o == l })
	if len(list) == 0 {
		delete(b.byPrefix64, l.prefix)
	} else {
		b.byPrefix64[l.prefix] = list
	}
}

// left notes that c has ended: its port stays lent for the grace time, or is free
// at once if the client will not come back.
func (b *leases) disconnected(c *session, forGood bool) {
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
		b.unplace(l)
		b.place(l, l.prefix)
		l.generation++
		turn := l.generation
		l.expiry = time.AfterFunc(b.limits.Grace, func() { b.expire(l, turn) })
	}
}

// expire ends the lease if nothing has happened to it since the turn given.
func (b *leases) expire(l *lease, turn int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.generation == turn {
		b.release(l)
	}
}

// release ends a lease. Its client is away.
func (b *leases) release(l *lease) {
	l.generation++
	if l.expiry != nil {
		l.expiry.Stop()
	}
	delete(b.byAddr, l.addr)
	b.unplace(l)
	l.sock.Close()
	b.ports[message.Family(l.addr.Addr())].giveBack(l.addr.Port())
}

// close ends all leases. Their clients are gone.
func (b *leases) close() {
	b.mu.Lock()
	for _, l := range b.byAddr {
		b.release(l)
	}
	b.mu.Unlock()
	b.net.Close()
}

// lent is how many leases there are.
func (b *leases) count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.byAddr)
}
