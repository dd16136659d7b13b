package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// calls are the requests that wait for their answers.
type calls map[wire.MsgID]*call

// call is one request.
type call struct {
	req wire.Request
	// to is who was asked. Its ID is zero if only the address was known.
	to    Contact
	sent  time.Duration
	stage fate
	// report is told of each fate that the call meets, in order. There is an
	// answer, valid until it returns, if the call was replied to, or lost because
	// somebody else than was asked did.
	report func(now time.Duration, c *call, f fate, a *wire.Answer)
}

// fate is what becomes of a call. It starts as waiting and may become late and
// then given up, with its answer still welcome; it ends as replied or lost.
type fate uint8

const (
	callWaiting fate = iota
	callLate         // the soft time-out has passed
	callGivenUp      // patience is at an end, the RPC time-out is not
	callReplied      // whoever was asked has answered
	callLost         // the RPC time-out has passed, or the answer was unusable
)

// call sends a request. It never reports before it returns.
func (e *Engine) call(now time.Duration, to Contact, req wire.Request, report func(time.Duration, *call, fate, *wire.Answer)) *call {
	req.Msg = wire.MsgID(randomID(e.cfg.Rand))
	req.Sender = e.id
	req.Trailer.Present = true
	req.Trailer.Caps = e.caps
	// Answers come without the mapped notation.
	to.Addr = netip.AddrPortFrom(to.Addr.Addr().Unmap(), to.Addr.Port())
	c := &call{req: req, to: to, sent: now, report: report}
	e.calls[req.Msg] = c
	e.resend(c)
	e.timers.add(now+e.rtt.soft(), c)
	return c
}

// resend sends a call's request again, to be answered once.
func (e *Engine) resend(c *call) {
	e.send(c.to.Addr, e.codec.write.Request(e.out.buf, &c.req))
}

// wake moves a call to its next stage: an answer has not come in time.
func (c *call) wake(e *Engine, now time.Duration) {
	switch c.stage {
	case callWaiting:
		c.stage = callLate
		e.timers.add(max(c.sent+min(e.rtt.overdue(), e.cfg.RPCTimeout), now), c)
	case callLate:
		c.stage = callGivenUp
		e.timers.add(max(c.sent+e.cfg.RPCTimeout, now), c)
		e.unanswered(now, c)
	case callGivenUp:
		c.stage = callLost
		delete(e.calls, c.req.Msg)
		e.stats.TimedOut++
	default:
		return
	}
	c.report(now, c, c.stage, nil)
}

func (c *call) waits(time.Duration) bool { return c.stage < callReplied }

// reply takes in an answer. Only one that comes from where the request went to
// is believed.
func (e *Engine) reply(now time.Duration, from netip.AddrPort, msg wire.MsgID, body []byte) {
	c := e.calls[msg]
	if c == nil {
		e.drop(DropUnknownAnswer)
		return
	}
	if c.to.Addr != from {
		e.drop(DropWrongSource)
		return
	}
	delete(e.calls, msg)
	e.heard = now
	e.rtt.sample(now - c.sent)
	a := &e.codec.answer
	if err := e.codec.parse.Answer(body, c.req.Method, e.cfg.K, a); err != nil {
		e.drop(DropMalformed)
		if c.stage < callGivenUp {
			e.unanswered(now, c)
		}
		c.stage = callLost
		c.report(now, c, callLost, nil)
		return
	}
	e.stats.Replied++
	c.stage = callReplied
	if !e.identify(now, c, a) {
		c.stage = callLost
		c.report(now, c, callLost, a)
		return
	}
	c.report(now, c, callReplied, a)
}
