package webrtc

import "time"

// opened takes in that a channel is open at this end.
func (e *engine) opened(now time.Time, ch chanID) {
	if c := e.channels.byID[ch]; c != nil && c.stage == stageConnecting {
		c.enter(now, stageChecking)
		e.probe(now, c)
	}
}

// open makes c the channel to its peer: it works in both directions.
func (e *engine) open(now time.Time, c *channel) {
	p := c.peer
	c.signal = nil
	c.used = now
	c.enter(now, stageOpen)
	p.pending = nil
	if old := p.open; old != nil {
		e.counts.renewals++
		e.resendHeld(old)
		old.enter(now, stageDraining)
		e.channels.draining = append(e.channels.draining, old)
		e.wakeBy(old.due())
	} else {
		e.counts.upgrades++
	}
	renewed := p.open != nil
	p.open = c
	e.wakeBy(c.due())
	if !renewed {
		e.notify(now, p, "")
	}
}

// ended takes in that a channel has failed, or was closed by the other end.
func (e *engine) ended(now time.Time, ch chanID) {
	c := e.channels.byID[ch]
	switch {
	case c == nil:
	case c.stage == stageOpen && now.Sub(c.used) >= idleClose-time.Minute:
		e.fallBack(now, c, FallbackIdle) // for the other end, it was long enough
	case c.stage == stageOpen:
		e.fallBack(now, c, FallbackLost)
	case c.stage == stageDraining:
		e.remove(c)
	default:
		e.fail(now, c, FailureBroken)
	}
}

// fallBack gives up a channel that carries: its peer is reached over the wrapped
// conn from now on, and so is what may not have arrived.
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

// resendHeld sends what c holds over the wrapped conn.
func (e *engine) resendHeld(c *channel) {
	for _, data := range c.guard.release() {
		e.counts.resent++
		e.actions = append(e.actions, action{kind: sendDatagram, to: c.peer.addr, data: data})
	}
	e.counts.discarded += c.guard.discarded
}

// fail gives up a channel that has not come to carry anything.
func (e *engine) fail(now time.Time, c *channel, why Failure) {
	e.counts.failures[why]++
	e.abandon(c)
	if c.offering { // the offer of somebody else may have been another one's
		c.peer.failed(now)
	}
	e.planOffer(now, c.peer)
}

// abandon ends a trial, without consequences.
func (e *engine) abandon(c *channel) {
	c.peer.pending = nil
	e.remove(c)
}

// remove ends c, which its peer does not have any more.
func (e *engine) remove(c *channel) {
	e.channels.remove(c)
	e.actions = append(e.actions, action{kind: endChannel, ch: c.id})
}
