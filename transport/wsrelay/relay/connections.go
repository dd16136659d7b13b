package relay

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// MaxStrangers is how many WebSockets may be open whose clients have not sent hello, in
// addition to Limits.Clients. From one prefix there may be as many as clients.
const MaxStrangers = 256

// connections are the open WebSockets of a relay. They are bounded apart from leases: a
// connection holds no lease before hello, and a lease may be without a connection.
type connections struct {
	limits   *Limits
	upgrades limit.RateTable // WebSockets opened, by prefix

	mu          sync.Mutex // guards the fields below
	sessions    map[*session]struct{}
	perPrefix64 map[netip.Addr]int
	perPrefix48 map[netip.Addr]int
	closing     bool
	running     sync.WaitGroup // one for each session
}

func newConnections(l *Limits) *connections {
	return &connections{
		limits:      l,
		sessions:    make(map[*session]struct{}),
		perPrefix64: make(map[netip.Addr]int),
		perPrefix48: make(map[netip.Addr]int),
	}
}

// enter adds a connection that is about to open, or returns why it may not open.
func (c *connections) enter(s *session) error {
	key := s.server.shared.Key(netip.AddrPortFrom(s.prefix, 0))
	if !c.upgrades.Take(s.server.now(), c.limits.upgrades(), key, 0) {
		return errors.New("too many new connections from this address")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	network := limit.Prefix48(s.prefix)
	switch max := c.limits.ClientsPerIP; {
	case c.closing:
		return errClosing
	case len(c.sessions) >= c.limits.Clients+MaxStrangers:
		return fmt.Errorf("%d connections already", len(c.sessions))
	case max > 0 && (c.perPrefix64[s.prefix] >= 2*max || c.perPrefix48[network] >= 2*perPrefix48*max):
		return fmt.Errorf("%d connections from this address already", c.perPrefix64[s.prefix])
	}
	c.sessions[s] = struct{}{}
	c.perPrefix64[s.prefix]++
	c.perPrefix48[network]++
	c.running.Add(1)
	return nil
}

// leave removes a connection that has ended.
func (c *connections) leave(s *session) {
	c.mu.Lock()
	delete(c.sessions, s)
	decrement(c.perPrefix64, s.prefix)
	decrement(c.perPrefix48, limit.Prefix48(s.prefix))
	c.mu.Unlock()
	c.running.Done()
}

// decrement takes one off a count, and forgets a count of zero.
func decrement(counts map[netip.Addr]int, a netip.Addr) {
	if counts[a] > 1 {
		counts[a]--
	} else {
		delete(counts, a)
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions)
}

// abort breaks all connections.
func (c *connections) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s := range c.sessions {
		s.abort()
	}
}
