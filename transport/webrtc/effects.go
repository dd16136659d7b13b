package webrtc

import (
	"net/netip"
	"time"
)

// do lets f use the machine, and then sees to what that wants done. It does nothing
// after Close, which waits for it.
func (c *Conn) do(f func(e *engine, now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.acting.Add(1)
	defer c.acting.Done()
	now := time.Now()
	f(c.engine, now)
	c.collect(now)
	c.runActions()
}

// collect takes the machine's orders and sets the timer. The caller holds c.mu.
func (c *Conn) collect(now time.Time) {
	e := c.engine
	c.actions = append(c.actions, e.takeActions()...)
	c.noPeers.Store(len(e.peers.list) == 0)
	c.offersOut.Store(len(e.offers) > 0)
	if next := e.next(); !next.Equal(c.wakeAt) {
		c.wakeAt = next
		if next.IsZero() {
			c.timer.Stop()
		} else {
			c.timer.Reset(next.Sub(now))
		}
	}
}

// tick is called by the timer.
func (c *Conn) tick() {
	c.do(func(e *engine, now time.Time) {
		c.wakeAt = time.Time{} // the timer is not set any more
		e.advance(now)
	})
}

// runActions carries out the orders in their order: whoever comes while somebody else does
// leaves theirs to them. The caller holds c.mu, which is released meanwhile.
func (c *Conn) runActions() {
	if c.busy {
		return
	}
	c.busy = true
	for len(c.actions) > 0 && !c.closed {
		list := c.actions
		c.actions = nil
		c.mu.Unlock()
		for i := range list {
			c.perform(&list[i])
		}
		c.mu.Lock()
	}
	c.busy = false
}

func (c *Conn) perform(o *action) {
	switch o.kind {
	case makeOffer:
		c.driver.start(o.ch, nil)
	case makeAnswer:
		c.driver.start(o.ch, &o.remote)
	case useAnswer:
		c.driver.accept(o.ch, o.remote)
	case endChannel:
		c.driver.stop(o.ch)
	case sendMessage:
		c.driver.send(o.ch, o.data)
	case sendDatagram:
		// A loss is one of the network's: signals are sent again, others by those above.
		c.wrapped.WriteBatch([][]byte{o.data}, []netip.AddrPort{o.to})
	}
}

// described is told by the driver: start has come to this.
func (c *Conn) described(ch chanID, d description) {
	c.do(func(e *engine, now time.Time) { e.described(now, ch, d) })
}

// opened is told by the driver: messages can be sent.
func (c *Conn) opened(ch chanID) {
	c.do(func(e *engine, now time.Time) { e.opened(now, ch) })
}

// received is told by the driver: a message has come, which it may use again.
func (c *Conn) received(ch chanID, data []byte) {
	c.do(func(e *engine, now time.Time) {
		if from, ok := e.received(now, ch, data); ok {
			c.inbox.add(from, data)
		}
	})
}

// ended is told by the driver: the channel has failed or was closed by the peer.
func (c *Conn) ended(ch chanID) {
	c.do(func(e *engine, now time.Time) { e.ended(now, ch) })
}
