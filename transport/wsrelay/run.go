package wsrelay

import (
	"errors"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// run keeps the Conn connected until it is closed.
func (c *Conn) run() {
	defer close(c.ended)
	defer c.cancel()
	defer watchPlatform(c)()
	for c.ctx.Err() == nil {
		c.tell(State{Phase: Connecting, Relay: c.relays.current().url})
		e := newLink(c).run()
		if c.ctx.Err() != nil {
			return
		}
		url := c.relays.current().url
		if errors.Is(e.err, errMalformed) {
			c.counts.malformed.Add(1)
		}
		if hasCode(e.err, CodeReplaced) {
			c.cfg.Log.Warn("relay session was taken over", "relay", url)
			c.tell(State{Phase: Stopped, Relay: url, Reason: e.err})
			<-c.ctx.Done()
			return
		}
		delay := c.relays.ended(time.Now(), e)
		if !c.isReady() && c.relays.hopeless() {
			return
		}
		c.cfg.Log.Info("relay connection lost", "relay", url, "reason", e.err, "retry", delay)
		c.tell(State{Phase: Lost, Relay: url, Reason: e.err, Retry: delay})
		c.wait(delay)
	}
}

// wait returns after d, or when the Conn is closed or woken.
func (c *Conn) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.wakes:
		c.relays.backoff.reset()
	case <-c.ctx.Done():
	}
}

// tell lets the Conn's user know of a change. The address stays as it is if s has
// none.
func (c *Conn) tell(s State) {
	c.mu.Lock()
	if !s.Addr.IsValid() {
		s.Addr = c.state.Addr
	}
	c.state = s
	c.mu.Unlock()
	c.cfg.OnState(s)
}

// connected is told of each welcome.
func (c *Conn) connected(url string, w welcome) {
	c.family = netaddr.Family(w.lent.Addr())
	c.mu.Lock()
	before := c.state.Addr
	c.welcome = w
	c.mu.Unlock()
	s := State{Phase: Connected, Relay: url, Addr: w.lent, Resumed: w.lent == before, Resume: w.resume}
	s.Changed = before.IsValid() && !s.Resumed
	c.counts.connected.Add(1)
	if s.Resumed {
		c.counts.resumed.Add(1)
	}
	c.out.open(w.maxDatagram)
	c.cfg.Log.Info("relay connected", "relay", url, "addr", w.lent, "resumed", s.Resumed)
	c.tell(s)
	if !c.isReady() {
		close(c.ready)
	}
}

// isReady reports whether an address was lent at least once.
func (c *Conn) isReady() bool {
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

// attach makes l the link that Close and Wake know. It returns false if the Conn
// was closed meanwhile.
func (c *Conn) attach(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.link = l
	return true
}

func (c *Conn) detach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = nil
}
