// Package relay lends UDP ports to clients that connect over a WebSocket, so that a browser
// tab can be a node of the network. New returns a relay as an http.Handler. docs/relay.md
// explains how to run one, and package message has the protocol.
//
// A WebSocket is a session. Its hello gets a lease: a UDP socket with the allowance of the
// client, which outlives the session by the grace time. A datagram of the client goes from
// the session's inbox to the socket, or to the lease of another client; lease.decide says
// whether it may. Datagrams from the socket go through lease.Receive to the session's outbox.
package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/udpsocket"
	"nhooyr.io/websocket"
)

// Server is a relay: an http.Handler that opens the WebSockets of its clients. Each
// client has a goroutine that reads, and one that exists while there is something to
// write to it.
type Server struct {
	cfg         Config
	start       time.Time
	hosts       hostAddrs
	policy      policy
	shared      *limit.Shared
	leases      *leases
	connections *connections
	counts      counters
	bootstrap   atomic.Pointer[[]netip.AddrPort]
}

// New returns a relay that waits for clients. Shutdown ends it.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	net, err := udpsocket.New()
	if err != nil {
		return nil, err
	}
	s, err := newServer(cfg, net)
	if err != nil {
		net.Close()
		return nil, err
	}
	return s, nil
}

func newServer(cfg Config, net udpsocket.Network) (*Server, error) {
	local, err := localAddrs()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, start: time.Now()}
	s.hosts.init(slices.Concat(cfg.PublicIPs, cfg.BindIPs), local)
	s.policy = policy{
		allowPrivate: cfg.AllowPrivate, deny: cfg.Deny,
		isOwn: func(ip netip.Addr) bool { return s.hosts.has(s.now(), ip) },
	}
	s.shared = limit.NewShared(cfg.Limits.rates())
	s.connections = newConnections(&s.cfg.Limits)
	s.leases = newLeases(s, net, local)
	s.SetBootstrap(cfg.Bootstrap)
	return s, nil
}

// SetBootstrap replaces Config.Bootstrap for clients that are yet to come.
func (s *Server) SetBootstrap(nodes []netip.AddrPort) {
	list := make([]netip.AddrPort, 0, len(nodes))
	for _, a := range nodes {
		list = append(list, netaddr.Unmap(a))
	}
	s.bootstrap.Store(&list)
}

// now is the time since the server's start.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// reachable reports whether clients may exchange datagrams with a, if a is not lent.
func (s *Server) reachable(a netip.AddrPort) bool {
	return s.policy.allows(a) || slices.Contains(*s.bootstrap.Load(), a) && !s.policy.denies(a.Addr())
}

// ServeHTTP opens the WebSocket of a client, or refuses it. It returns when the WebSocket
// is open, so that package net/http can free the memory of the request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Access.check(r); err != nil {
		s.counts.forbidden.Add(1)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if !offers(r, message.Subprotocol) {
		text := "this is a relay: open a WebSocket with the subprotocol " + message.Subprotocol
		http.Error(w, text, http.StatusBadRequest)
		return
	}
	c := &session{server: s, prefix: limit.Prefix64(s.cfg.Access.clientAddr(r))}
	if err := s.connections.enter(c); err != nil {
		s.counts.turnedAway.Add(1)
		w.Header().Set("Retry-After", "10")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	h := &hijacker{ResponseWriter: w, server: s}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols: []string{message.Subprotocol},
		// Access has checked the origin.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		s.connections.leave(c)
		return
	}
	ws.SetReadLimit(message.MaxLen + 1) // the inbox has a lower limit
	c.open(ws, h.conn)
	go func() {
		c.serve()
		s.connections.leave(c)
	}()
}

// offers reports whether r offers a WebSocket subprotocol.
func offers(r *http.Request, subprotocol string) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(p) == subprotocol {
				return true
			}
		}
	}
	return false
}

// admit leases a port to a client, or returns why not.
func (s *Server) admit(c *session, h *message.Hello) *message.Error {
	old, resumed, err := s.leases.lend(time.Now(), c, h)
	if err != nil {
		return err
	}
	if old != nil {
		old.fail(message.Errorf(message.CodeReplaced, "resumed from elsewhere"))
	}
	s.counts.accepted.Add(1)
	if resumed {
		s.counts.resumed.Add(1)
	}
	s.cfg.Log.Debug("client connected", "from", c.prefix, "lent", c.lease.addr, "resumed", resumed)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingLater()
	return nil
}

// welcome returns the welcome for the holder of l.
func (s *Server) welcome(l *lease) []byte {
	perSecond := s.cfg.Limits.NewDestinations.PerSecond
	w := message.Welcome{
		Lent: l.addr, Grace: s.cfg.Limits.Grace, MaxDatagram: message.MaxDatagram, Resume: l.token,
		NewPerMinute: 60 * perSecond,
	}
	if perSecond < 0 || w.NewPerMinute > 65535 {
		w.NewPerMinute = 65535
	}
	for _, a := range *s.bootstrap.Load() {
		if netaddr.Family(a.Addr()) == netaddr.Family(l.addr.Addr()) && len(w.Bootstrap) < maxBootstrap {
			w.Bootstrap = append(w.Bootstrap, a)
		}
	}
	return w.Encode()
}

// Shutdown ends the relay. It tells all clients when to come back, and closes their
// connections. When ctx ends, it breaks the remaining connections and returns an error.
// Nothing of the relay runs after it has returned. A second call only returns an error.
func (s *Server) Shutdown(ctx context.Context) error {
	c := s.connections
	c.mu.Lock()
	if c.closing {
		c.mu.Unlock()
		return errClosing
	}
	c.closing = true
	// About 1000 clients come back in a second.
	spread := max(time.Second, time.Duration(len(c.sessions))*time.Millisecond)
	for client := range c.sessions {
		r := message.Restarting{ReconnectIn: s.cfg.RestartTime + rand.N(spread), TryFor: s.cfg.Limits.Grace}
		client.sayFarewell(&farewell{encodeFrame(r.Encode()), websocket.StatusServiceRestart, "restarting"})
	}
	c.mu.Unlock()
	stop := context.AfterFunc(ctx, c.abort)
	c.running.Wait()
	s.leases.close()
	if !stop() {
		return fmt.Errorf("shut down the relay: not all clients were told: %w", ctx.Err())
	}
	return nil
}
