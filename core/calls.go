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
	stage Stage
	// resent says that it is not known which of two sendings an answer is to.
	resent bool
	// number and lookup are for a Trace.
	number, lookup uint64
	// report is told of each stage after RequestSent, in order. There is an
	// answer, valid until it returns, if the call was replied to, or lost because
	// somebody else than was asked did.
	report func(now time.Duration, c *call, s Stage, a *wire.Answer)
}

// call sends a request. It never reports before it returns.
func (e *Engine) call(now time.Duration, to Contact, req wire.Request, report func(time.Duration, *call, Stage, *wire.Answer)) {
	e.callFor(now, 0, to, req, report)
}

// callFor is call for a lookup.
func (e *Engine) callFor(now time.Duration, lookup uint64, to Contact, req wire.Request, report func(time.Duration, *call, Stage, *wire.Answer)) {
	req.Msg = wire.MsgID(randomID(e.cfg.Rand))
	req.Sender = e.id
	req.Trailer.Present = true
	req.Trailer.Caps = e.caps
	// Answers come without the mapped notation.
	to.Addr = netip.AddrPortFrom(to.Addr.Addr().Unmap(), to.Addr.Port())
	e.stats.Asked++
	c := &call{req: req, to: to, sent: now, number: e.stats.Asked, lookup: lookup, report: report}
	if e.calls == nil {
		e.calls = make(calls)
	}
	e.calls[req.Msg] = c
	e.transmit(c)
	soft := e.rtt.soft()
	if req.Method == wire.FindValue {
		soft = e.rtt.hasty()
	}
	e.timers.add(now+min(soft, e.cfg.RPCTimeout), c)
	e.traceRequest(now, c)
}

// endCall takes a call out of those that wait. Maps do not shrink, so the last one
// takes the map with it: a node at rest is to be small.
func (e *Engine) endCall(msg wire.MsgID) {
	if delete(e.calls, msg); len(e.calls) == 0 {
		e.calls = nil
	}
}

// resend sends a call's request again, to be answered once.
func (e *Engine) resend(c *call) {
	c.resent = true
	e.transmit(c)
}

func (e *Engine) transmit(c *call) {
	e.send(c.to.Addr, e.codec.write.Request(e.out.buf, &c.req))
}

// wake moves a call to its next stage: an answer has not come in time.
func (c *call) wake(e *Engine, now time.Duration) {
	switch c.stage {
	case RequestSent:
		c.stage = RequestLate
		e.timers.add(max(c.sent+min(e.rtt.overdue(), e.cfg.RPCTimeout), now), c)
	case RequestLate:
		c.stage = RequestOverdue
		e.timers.add(max(c.sent+e.cfg.RPCTimeout, now), c)
		e.unanswered(now, c)
	case RequestOverdue:
		c.stage = RequestLost
		e.endCall(c.req.Msg)
		e.stats.TimedOut++
	default:
		return
	}
	e.traceRequest(now, c)
	c.report(now, c, c.stage, nil)
}

func (c *call) waits(time.Duration) bool { return c.stage < RequestReplied }

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
	e.endCall(msg)
	e.heard = now
	if !c.resent {
		e.rtt.sample(now - c.sent)
	}
	a := &e.codec.answer
	err := e.codec.parse.Answer(body, c.req.Method, e.cfg.K, a)
	switch {
	case err != nil:
		e.drop(DropMalformed)
		if c.stage < RequestOverdue {
			e.unanswered(now, c)
		}
		c.stage, a = RequestLost, nil
	case !e.identify(now, c, a):
		c.stage = RequestLost
	default:
		e.stats.Replied++
		c.stage = RequestReplied
	}
	e.traceRequest(now, c)
	c.report(now, c, c.stage, a)
}
