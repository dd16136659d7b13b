package relay

import (
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/udpsocket"
)

// lease is a UDP socket lent to a client, with the client's allowance. It outlives the
// client's connection by the grace time.
type lease struct {
	server *Server
	addr   netip.AddrPort // at which others reach the client
	sock   udpsocket.Socket

	// Guarded by leases.mu.
	token      string      // of the last welcome: the client gets the port back with it
	prevToken  string      // the token that the client last came with, or empty
	lentBefore time.Time   // when it was lent before the relay started, or zero
	prefix     netip.Addr  // limit.Prefix64 of the client's address
	expiry     *time.Timer // runs while the client is away
	generation int         // counts the comings and goings of the client

	mu        sync.Mutex // guards the fields below
	holder    *session   // nil while the client is away
	allowance limit.Allowance
}

var parsers = sync.Pool{New: func() any { return wire.NewParser() }}

// Receive passes on a datagram from the socket, if clients may also send to its source.
func (l *lease) Receive(from netip.AddrPort, p []byte) {
	l.server.counts.arrived.add(1, len(p))
	if !l.server.reachable(from) {
		l.drop(message.DropDestination)
		return
	}
	l.deliver(from, p)
}

// deliver passes a datagram on to the client, if it may get it.
func (l *lease) deliver(from netip.AddrPort, p []byte) {
	s := l.server
	parser := parsers.Get().(*wire.Parser)
	defer parsers.Put(parser)
	l.mu.Lock()
	holder := l.holder
	var reason message.Drop
	ok := false
	if holder != nil {
		reason, ok = l.allowance.AllowReceive(s.now(), s.shared, from, p, parser)
	}
	l.mu.Unlock()
	switch {
	case ok:
		holder.queue(from, p)
	case holder != nil:
		s.counts.toClients.dropped[reason].Add(1)
		holder.noteDrop(reason, 1)
	default:
		s.counts.away.Add(1)
	}
}

// drop counts a datagram that the client does not get.
func (l *lease) drop(reason message.Drop) {
	l.mu.Lock()
	holder := l.holder
	l.mu.Unlock()
	l.server.counts.toClients.dropped[reason].Add(1)
	if holder != nil {
		holder.noteDrop(reason, 1)
	}
}

// allowSend reports whether the client may send another datagram of n bytes, or another
// message of n bytes that holds no datagram.
func (l *lease) allowSend(now time.Duration, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.allowance.AllowSend(now, l.server.shared, n)
}

// decide reports whether the client may send a datagram, and notes it in the client's
// allowance. If ok, other is the lease of the destination, or nil if that is no client of
// this relay. If not, reason says why.
func (l *lease) decide(to netip.AddrPort, p []byte, parser *wire.Parser) (other *lease, reason message.Drop, ok bool) {
	s := l.server
	now := s.now()
	if !l.allowSend(now, len(p)) {
		return nil, message.DropRate, false
	}
	if other = s.leases.find(to); other == nil && !s.reachable(to) {
		return nil, message.DropDestination, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kind, ok := parser.WellFormed(p)
	if !ok || len(p) > message.MaxDatagram {
		return nil, message.DropNotRPC, false
	}
	if other != nil {
		l.allowance.NoteContact(now, s.shared, to)
		return other, 0, true
	}
	reason, ok = l.allowance.AllowDestination(now, s.shared, to, kind, p)
	return nil, reason, ok
}

// forget frees memory that the client needs only while there is traffic.
func (l *lease) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.allowance.Forget(l.server.now())
}
