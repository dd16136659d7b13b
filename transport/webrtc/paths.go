package webrtc

import "time"

// opened handles an event of the driver: a channel is open at this end.
func (e *engine) opened(now time.Time, ch chanID) {
	if c := e.channels.byID[ch]; c != nil && c.stage == stageConnecting {
		c.enter(now, stageChecking)
		e.probe(now, c)
	}
}

// open makes c the open channel of its peer, after the first echo: c works in both
// directions. A former one is drained.
func (e *engine) open(now time.Time, c *channel) {
	p := c.peer
	c.signal = nil
	c.used = now
	c.enter(now, stageOpen)
	old := p.open
	p.open, p.pending = c, nil
	e.wakeBy(c.due())
	if old == nil {
		e.counts.upgrades++
		e.notify(now, p, "")
		return
	}
	e.counts.renewals++
	e.resendHeld(old)
	old.enter(now, stageDraining)
	e.channels.draining = append(e.channels.draining, old)
	e.wakeBy(old.due())
}

// ended handles an event of the driver: a channel has failed, or the other end has
// closed it.
func (e *engine) ended(now time.Time, ch chanID) {
	c := e.channels.byID[ch]
	switch {
	case c == nil:
	case c.stage == stageOpen && now.Sub(c.used) >= idleClose-time.Minute:
		e.fallBack(now, c, FallbackIdle) // the other end was first
	case c.stage == stageOpen:
		e.fallBack(now, c, FallbackLost)
	case c.stage == stageDraining:
		e.remove(c)
	default:
		e.fail(now, c, FailureBroken)
	}
}

// fallBack gives up an open channel. All further datagrams to its peer go over the
// wrapped conn, and so do the held ones, which may not have arrived.
func (e *engine) fallBack(now time.Time, c *channel, why Fallback) {
	p := c.peer
	p.open = nil
	e.counts.fallbacks[why]++
	e.resendHeld(c)
	e.remove(c)
	e.notify(now, p, why.String())
	if now.Sub(c.since) >= longLived {
		p.fails = 0
	}
	if why == FallbackIdle || why == FallbackDisplaced {
		p.notBefore = now.Add(longLived)
		return
	}
	p.failed(now)
	e.planOffer(now, p)
}

// resendHeld sends the datagrams that c holds over the wrapped conn.
func (e *engine) resendHeld(c *channel) {
	for _, data := range c.guard.release() {
		e.counts.resent++
		e.emit(action{kind: sendDatagram, to: c.peer.addr, data: data})
	}
	e.counts.discarded += c.guard.discarded
}

// fail gives up a pending channel.
func (e *engine) fail(now time.Time, c *channel, why Failure) {
	e.counts.failures[why]++
	e.abandon(c)
	if c.offering { // an offer from the peer's address may have been forged
		c.peer.failed(now)
	}
	e.planOffer(now, c.peer)
}

// abandon ends a pending channel without a failure.
func (e *engine) abandon(c *channel) {
	c.peer.pending = nil
	e.remove(c)
}

// remove ends c. The caller has taken c from its peer.
func (e *engine) remove(c *channel) {
	e.channels.remove(c)
	e.emit(action{kind: endChannel, ch: c.id})
}
