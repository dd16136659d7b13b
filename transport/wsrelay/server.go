//go:build !js

package wsrelay

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"nhooyr.io/websocket"
)

// Server is a relay: an http.Handler for the WebSockets of its clients. Each
// client takes a goroutine of its own, and one that exists while something is
// written to it.
type Server struct {
	cfg       ServerConfig
	log       *slog.Logger
	machine   machine
	policy    policy
	common    common
	upgrades  crowd // WebSockets opened, by site
	book      book
	counts    serverCounters
	start     time.Time
	bootstrap atomic.Pointer[[]netip.AddrPort]

	mu       sync.Mutex // guards what follows
	sessions map[*session]struct{}
	sites    map[netip.Addr]int // connections by where they come from
	wide     map[netip.Addr]int // and by the network around that
	closing  bool
	running  sync.WaitGroup // one for each session
}

// NewServer returns a relay that waits for clients. Shutdown ends it.
func NewServer(cfg ServerConfig) (*Server, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	net, err := newNetwork()
	if err != nil {
		return nil, err
	}
	s, err := newServer(cfg, net)
	if err != nil {
		net.close()
		return nil, err
	}
	return s, nil
}

func newServer(cfg ServerConfig, net network) (*Server, error) {
	local, err := localAddrs()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, start: time.Now(),
		sessions: make(map[*session]struct{}),
		sites:    make(map[netip.Addr]int),
		wide:     make(map[netip.Addr]int),
	}
	s.machine.always, s.machine.list = slices.Concat(cfg.PublicIPs, cfg.BindIPs), localAddrs
	s.machine.listed.Store(&local)
	s.machine.due.Store(int64(listInterval))
	s.policy = policy{cfg.AllowPrivate, func(ip netip.Addr) bool { return s.machine.has(s.now(), ip) }, cfg.Deny}
	s.common.limits = s.cfg.Limits
	s.common.seed = maphash.MakeSeed()
	s.book = book{
		server: s, limits: &s.cfg.Limits, start: s.start, net: net,
		tokens: newTokens(cfg.Secret),
		ports:  make(map[byte]*ports),
		leases: make(map[netip.AddrPort]*lease),
		sites:  make(map[netip.Addr][]*lease),
		wide:   make(map[netip.Addr]int),
	}
	for _, ip := range cfg.PublicIPs {
		s.book.ports[netaddr.Family(ip)] = newPorts(ip, cfg.bindFor(ip, local), cfg.Ports)
	}
	s.SetBootstrap(cfg.Bootstrap)
	return s, nil
}

// SetBootstrap changes ServerConfig.Bootstrap for clients that are yet to come.
func (s *Server) SetBootstrap(nodes []netip.AddrPort) {
	list := make([]netip.AddrPort, 0, len(nodes))
	for _, a := range nodes {
		list = append(list, netaddr.Unmap(a))
	}
	s.bootstrap.Store(&list)
}

// now is the time since the server's start.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// reachable reports whether clients may exchange datagrams with a, which is no
// lent address.
func (s *Server) reachable(a netip.AddrPort) bool {
	return s.policy.allows(a) || slices.Contains(*s.bootstrap.Load(), a) && !s.policy.denies(a.Addr())
}

// ServeHTTP takes in a client. It returns when the WebSocket is open, which lets
// package net/http forget all that belonged to the request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.cfg.Access.check(r); err != nil {
		s.counts.forbidden.Add(1)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if !offers(r, Subprotocol) {
		http.Error(w, "this is a relay: open a WebSocket with the subprotocol "+Subprotocol, http.StatusBadRequest)
		return
	}
	c := &session{server: s, site: site(s.cfg.Access.client(r))}
	if err := s.enter(c); err != nil {
		s.counts.turnedAway.Add(1)
		w.Header().Set("Retry-After", "10")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	h := &hijacker{ResponseWriter: w, server: s}
	ws, err := websocket.Accept(h, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol},
		// Access has looked at the origin.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		s.leave(c)
		return
	}
	ws.SetReadLimit(maxMessage + 1) // the inbox notices before
	c.open(ws, h.conn)
	go func() {
		c.serve()
		s.leave(c)
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

// MaxStrangers is how many connections there may be that have not said hello,
// besides the clients; and at most as many from one site as it may have clients.
const MaxStrangers = 256

// enter notes a connection that is about to open, or says why it may not.
func (s *Server) enter(c *session) error {
	key, _ := s.common.keys(netip.AddrPortFrom(c.site, 0), nil)
	if !s.upgrades.take(s.now(), s.cfg.Limits.upgrades(), key, 0) {
		return errors.New("too many new connections from this address")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch max := s.cfg.Limits.PeersPerIP; {
	case s.closing:
		return errClosing
	case len(s.sessions) >= s.cfg.Limits.Peers+MaxStrangers:
		return fmt.Errorf("%d connections already", len(s.sessions))
	case max > 0 && (s.sites[c.site] >= 2*max || s.wide[wide(c.site)] >= 2*perWide*max):
		return fmt.Errorf("%d connections from this address already", s.sites[c.site])
	}
	s.sessions[c] = struct{}{}
	s.sites[c.site]++
	s.wide[wide(c.site)]++
	s.running.Add(1)
	return nil
}

// leave notes that a connection has ended.
func (s *Server) leave(c *session) {
	s.mu.Lock()
	delete(s.sessions, c)
	if s.sites[c.site]--; s.sites[c.site] == 0 {
		delete(s.sites, c.site)
	}
	if n := wide(c.site); s.wide[n] > 1 {
		s.wide[n]--
	} else {
		delete(s.wide, n)
	}
	s.mu.Unlock()
	s.running.Done()
}

// admit gives a client what it asks for, or says why not.
func (s *Server) admit(c *session, h *hello) *RelayError {
	old, resumed, err := s.book.lend(time.Now(), c, h)
	if err != nil {
		return err
	}
	if old != nil {
		old.cut(CodeReplaced, "resumed from elsewhere")
	}
	s.counts.accepted.Add(1)
	if resumed {
		s.counts.resumed.Add(1)
	}
	s.log.Debug("client came", "site", c.site, "lent", c.lease.addr, "resumed", resumed)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingLater()
	return nil
}

// welcome is what the client is told to whom l is lent.
func (s *Server) welcome(l *lease) []byte {
	perSecond := s.cfg.Limits.NewDestinations.PerSecond
	w := welcome{
		lent: l.addr, grace: s.cfg.Limits.Grace, maxDatagram: MaxDatagram, resume: l.token,
		newPerMinute: 60 * perSecond,
	}
	if perSecond < 0 || w.newPerMinute > 65535 {
		w.newPerMinute = 65535
	}
	for _, a := range *s.bootstrap.Load() {
		if netaddr.Family(a.Addr()) == netaddr.Family(l.addr.Addr()) && len(w.bootstrap) < maxBootstrap {
			w.bootstrap = append(w.bootstrap, a)
		}
	}
	return w.encode()
}

// Shutdown ends the relay: it tells all clients when to come back, closes their
// connections, and waits for that, but when ctx ends it breaks those that are
// left. Nothing of the server runs when it returns. A second call does nothing.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return errClosing
	}
	s.closing = true
	// Clients come back spread over a time in which each gets its turn.
	spread := max(time.Second, time.Duration(len(s.sessions))*time.Millisecond)
	for c := range s.sessions {
		r := restarting{s.cfg.RestartTime + rand.N(spread), s.cfg.Limits.Grace}
		c.part(&parting{newFrame(r.encode()), websocket.StatusServiceRestart, "restarting"})
	}
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, s.abort)
	s.running.Wait()
	s.book.close()
	if !stop() {
		return fmt.Errorf("shut down the relay: not all clients were told: %w", ctx.Err())
	}
	return nil
}

// abort breaks all connections that are left.
func (s *Server) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.abort()
	}
}
