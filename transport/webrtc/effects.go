package webrtc

import (
	"net/netip"
	"time"
)

// perform performs an action of the engine.
func (c *Conn) perform(a *action) {
	switch a.kind {
	case makeOffer:
		c.driver.start(a.ch, nil)
	case makeAnswer:
		c.driver.start(a.ch, &a.remote)
	case useAnswer:
		c.driver.accept(a.ch, a.remote)
	case endChannel:
		c.driver.stop(a.ch)
	case sendMessage:
		c.driver.send(a.ch, a.data)
	case sendDatagram:
		// An error is as good as a loss: offers are repeated, requests by the core.
		c.wrapped.WriteBatch([][]byte{a.data}, []netip.AddrPort{a.to})
	}
}

// described is an event of the driver: start has made this end's description.
func (c *Conn) described(ch chanID, d description) {
	c.loop.do(func(e *engine, now time.Time) { e.described(now, ch, d) })
}

// opened is an event of the driver: the channel takes messages.
func (c *Conn) opened(ch chanID) {
	c.loop.do(func(e *engine, now time.Time) { e.opened(now, ch) })
}

// received is an event of the driver: a message has come. The driver may reuse data
// afterwards.
func (c *Conn) received(ch chanID, data []byte) {
	c.loop.do(func(e *engine, now time.Time) {
		if from, ok := e.received(now, ch, data); ok {
			c.inbox.add(from, data)
		}
	})
}

// ended is an event of the driver: the channel has failed, or the peer has closed it.
func (c *Conn) ended(ch chanID) {
	c.loop.do(func(e *engine, now time.Time) { e.ended(now, ch) })
}
