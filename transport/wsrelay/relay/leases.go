package relay

import (
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/udpsocket"
)

// leases has all leases of a relay.
type leases struct {
	server *Server
	limits *Limits
	start  time.Time
	net    udpsocket.Network
	ports  map[byte]*ports // by family; mu guards their queues

	mu       sync.RWMutex // guards the fields below; taken before the lock of a lease
	tokens   tokens
	byAddr   map[netip.AddrPort]*lease
	byPrefix leasesByPrefix
}

func newLeases(s *Server, net udpsocket.Network, local []netip.Addr) *leases {
	t := &leases{
		server: s, limits: &s.cfg.Limits, start: s.start, net: net,
		ports:    make(map[byte]*ports),
		tokens:   newTokens(s.cfg.Secret),
		byAddr:   make(map[netip.AddrPort]*lease),
		byPrefix: newLeasesByPrefix(s.cfg.Limits.ClientsPerIP),
	}
	for _, ip := range s.cfg.PublicIPs {
		t.ports[netaddr.Family(ip)] = newPorts(ip, s.cfg.bindFor(ip, local), s.cfg.Ports)
	}
	return t
}

// find returns the lease of an address, or nil if the address is not lent.
func (t *leases) find(a netip.AddrPort) *lease {
	if p := t.ports[netaddr.Family(a.Addr())]; p == nil || p.public != a.Addr() {
		return nil // the usual case, without the lock
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byAddr[a]
}

// lend gives a port to c: the port of its resume token if possible, else another one.
// old is the session that has held the port until now, or nil.
func (t *leases) lend(now time.Time, c *session, h *message.Hello) (old *session, resumed bool, err *message.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.resume(now, h); l != nil {
		if err := t.move(l, c.prefix); err != nil {
			return nil, false, err
		}
		return t.assign(now, l, c, h.Resume), true, nil
	}
	if err := t.makeRoom(c.prefix); err != nil {
		return nil, false, err
	}
	if l := t.restore(now, h); l != nil {
		t.byPrefix.add(l, c.prefix)
		return t.assign(now, l, c, h.Resume), true, nil
	}
	l, err := t.open(h.Family)
	if err != nil {
		return nil, false, err
	}
	t.byPrefix.add(l, c.prefix)
	return t.assign(now, l, c, ""), false, nil
}

// assign makes c the holder of l, welcomes it, and returns the holder before. token is
// the resume token that c came with, or empty.
func (t *leases) assign(now time.Time, l *lease, c *session, token string) (old *session) {
	if l.expiry != nil {
		l.expiry.Stop()
		l.expiry = nil
	}
	l.generation++
	l.prevToken, l.token = token, t.tokens.issue(now, l.addr)
	c.lease = l
	c.send(t.server.welcome(l)) // before any datagram
	l.mu.Lock()
	defer l.mu.Unlock()
	old, l.holder = l.holder, c
	return old
}

// makeRoom makes room for one more client of a prefix, or returns why there is none.
func (t *leases) makeRoom(prefix netip.Addr) *message.Error {
	if err := t.makeRoomAt(prefix); err != nil {
		return err
	}
	if len(t.byAddr) >= t.limits.Clients {
		return message.Errorf(message.CodeFull, "%d clients already", len(t.byAddr))
	}
	return nil
}

// makeRoomAt makes room at a prefix: a new client takes the place of the client there
// that has been away for longest. A page that was loaded again does not know its token.
func (t *leases) makeRoomAt(prefix netip.Addr) *message.Error {
	if !t.byPrefix.isFull(prefix) {
		return nil
	}
	l := t.byPrefix.longestAway(prefix)
	if l == nil {
		here, around := t.byPrefix.count(prefix)
		return message.Errorf(message.CodePerIP, "%d clients from this address or network already", max(here, around))
	}
	t.release(l)
	return nil
}

// move notes that the client of l has come back, perhaps from another prefix.
func (t *leases) move(l *lease, prefix netip.Addr) *message.Error {
	if l.prefix != prefix {
		if err := t.makeRoomAt(prefix); err != nil {
			return err
		}
		t.byPrefix.remove(l)
		t.byPrefix.add(l, prefix)
	}
	return nil
}

// disconnected notes that c has ended. Its port stays lent for the grace time, or is free
// at once if the client will not come back.
func (t *leases) disconnected(c *session, forGood bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := c.lease
	l.mu.Lock()
	wasHolder := l.holder == c
	if wasHolder {
		l.holder = nil
	}
	l.mu.Unlock()
	switch {
	case !wasHolder:
	case forGood:
		t.release(l)
	default:
		t.byPrefix.remove(l)
		t.byPrefix.add(l, l.prefix)
		l.generation++
		generation := l.generation
		l.expiry = time.AfterFunc(t.limits.Grace, func() { t.expire(l, generation) })
	}
}

// expire ends a lease, unless its client has come back since the generation given.
func (t *leases) expire(l *lease, generation int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.generation == generation {
		t.release(l)
	}
}

// release ends a lease whose client is away.
func (t *leases) release(l *lease) {
	l.generation++
	if l.expiry != nil {
		l.expiry.Stop()
	}
	delete(t.byAddr, l.addr)
	t.byPrefix.remove(l)
	l.sock.Close()
	t.ports[netaddr.Family(l.addr.Addr())].giveBack(l.addr.Port())
}

// close ends all leases, after all sessions have ended.
func (t *leases) close() {
	t.mu.Lock()
	for _, l := range t.byAddr {
		t.release(l)
	}
	t.mu.Unlock()
	t.net.Close()
}

func (t *leases) count() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.byAddr)
}
