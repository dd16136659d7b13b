package relay

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// maxPortTries is how many ports are tried for one lease, if other programs have them.
const maxPortTries = 64

// open lends a free port of a family, or of any family if that is 0.
func (t *leases) open(family byte) (*lease, *message.Error) {
	p := t.ports[family]
	if family == 0 {
		if p = t.ports[4]; p == nil {
			p = t.ports[6]
		}
	}
	if p == nil {
		return nil, message.Errorf(message.CodeFull, "this relay lends no IPv%d addresses", family)
	}
	var failed error
	for range maxPortTries {
		port, ok := p.next()
		if !ok {
			break
		}
		l, err := t.bind(p, port)
		if err == nil {
			return l, nil
		}
		p.giveBack(port)
		if failed = err; !isTaken(err) {
			break // another port would not help
		}
	}
	if failed != nil {
		t.server.cfg.Log.Warn("no port can be lent", "bind", p.bind, "ports", p.pool, "error", failed)
	}
	return nil, message.Errorf(message.CodeFull, "no port is free")
}

// isTaken reports whether err means that another program has the port, so that another
// port may do.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)
}

// bind opens the socket of a new lease.
func (t *leases) bind(p *ports, port uint16) (*lease, error) {
	l := &lease{server: t.server}
	sock, err := t.net.Open(netip.AddrPortFrom(p.bind, port), l)
	if err != nil {
		return nil, err
	}
	l.sock = sock
	l.addr = netip.AddrPortFrom(p.public, sock.Port())
	t.byAddr[l.addr] = l
	return l, nil
}

// resume returns the lease that the token of h is for, or nil if it has ended.
//
// Two tokens get it: the last one, and the one before, since the welcome with the last
// one may have been lost. A lease restored after a restart also goes to a client with a
// later token from before the restart.
func (t *leases) resume(now time.Time, h *message.Hello) *lease {
	p, port, lent := t.claim(h)
	if p == nil {
		return nil
	}
	l := t.byAddr[netip.AddrPortFrom(p.public, port)]
	switch {
	case l == nil:
		return nil
	case h.Resume == l.token || h.Resume == l.prevToken:
		return l
	case !l.lentBefore.IsZero() && lent.After(l.lentBefore) && t.isRestorable(now, lent):
		l.lentBefore = lent
		return l
	}
	return nil
}

// restore lends a port again that was lent before the relay started, if the token of h
// is for such a port and the port is free.
func (t *leases) restore(now time.Time, h *message.Hello) *lease {
	p, port, lent := t.claim(h)
	if p == nil || !t.isRestorable(now, lent) || !p.take(port) {
		return nil
	}
	l, err := t.bind(p, port)
	if err != nil {
		p.giveBack(port)
		return nil
	}
	l.lentBefore = lent
	return l
}

// isRestorable reports whether a token of the time lent is older than the relay's start,
// and still honoured.
func (t *leases) isRestorable(now, lent time.Time) bool {
	return lent.Before(t.start) && now.Sub(t.start) <= restoreTime
}

// claim returns the ports, the port and the time in the token of h, or nil if the token
// is not of this relay. The lease may have ended.
func (t *leases) claim(h *message.Hello) (p *ports, port uint16, lent time.Time) {
	family, port, lent, ok := t.tokens.read(h.Resume)
	if !ok || h.Family != 0 && h.Family != family {
		return nil, 0, lent
	}
	if p = t.ports[family]; p == nil || !t.tokens.valid(h.Resume, p.public) {
		return nil, 0, lent
	}
	return p, port, lent
}
