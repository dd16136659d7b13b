package wsrelay

import (
	"errors"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// run keeps the Conn connected until it is closed.
func (c *Conn) run() {
	defer close(c.ended)
	defer c.cancel()
	defer watchPlatform(c)()
	for c.ctx.Err() == nil {
		c.setState(State{Phase: Connecting, Relay: c.relays.current().url})
		e := newLink(c).run()
		if c.ctx.Err() != nil {
			return
		}
		url := c.relays.current().url
		if errors.Is(e.err, message.ErrMalformed) {
			c.counts.malformed.Add(1)
		}
		if hasCode(e.err, message.CodeReplaced) {
			c.cfg.Log.Warn("relay session was taken over", "relay", url)
			c.setState(State{Phase: Stopped, Relay: url, Reason: e.err})
			<-c.ctx.Done()
			return
		}
		delay := c.relays.ended(time.Now(), e)
		if !c.isReady() && c.relays.hopeless() {
			return
		}
		c.cfg.Log.Info("relay connection lost", "relay", url, "reason", e.err, "retry", delay)
		c.setState(State{Phase: Lost, Relay: url, Reason: e.err, Retry: delay})
		c.wait(delay)
	}
}

// wait waits for d, or until the Conn is closed or woken.
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

// setState changes the state, and reports it to the Conn's user. The address stays as
// it is if s has none.
func (c *Conn) setState(s State) {
	c.status.mu.Lock()
	if !s.Addr.IsValid() {
		s.Addr = c.status.state.Addr
	}
	c.status.state = s
	c.status.mu.Unlock()
	c.cfg.OnState(s)
}

// connected handles a welcome.
func (c *Conn) connected(url string, w message.Welcome) {
	c.relays.family = netaddr.Family(w.Lent.Addr())
	c.status.mu.Lock()
	before := c.status.state.Addr
	c.status.bootstrap = w.Bootstrap
	c.status.mu.Unlock()
	s := State{Phase: Connected, Relay: url, Addr: w.Lent, Resumed: w.Lent == before, Resume: w.Resume}
	s.Changed = before.IsValid() && !s.Resumed
	c.counts.connected.Add(1)
	if s.Resumed {
		c.counts.resumed.Add(1)
	}
	c.out.open(w.MaxDatagram)
	c.cfg.Log.Info("relay connected", "relay", url, "addr", w.Lent, "resumed", s.Resumed)
	c.setState(s)
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

// attach makes l the present link, for Close and Wake. It returns false if the Conn was
// closed meanwhile.
func (c *Conn) attach(l *link) bool {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	if c.ctx.Err() != nil {
		return false
	}
	c.status.link = l
	return true
}

func (c *Conn) detach() {
	c.status.mu.Lock()
	defer c.status.mu.Unlock()
	c.status.link = nil
}
