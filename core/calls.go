package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// calls are the requests that wait for their answers.
type calls map[wire.MsgID]*call

// call is one request. If it is sent again, that is under another message id, so
// that it is known which sending an answer is to.
type call struct {
	req wire.Request // with the message id of the last sending
	// to is who was asked. Its ID is zero if only the address was known.
	to    Contact
	first wire.MsgID // that of the first sending
	sent  time.Duration
	again time.Duration // when it was sent for the second time; zero if it was not
	rtt   time.Duration // of the sending that was answered
	stage Stage
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
	to.Addr = netaddr.Unmap(to.Addr)
	e.stats.Asked++
	c := &call{req: req, first: req.Msg, to: to, sent: now, number: e.stats.Asked, lookup: lookup, report: report}
	e.expect(c)
	e.transmit(c)
	soft := e.rtt.soft()
	if req.Method == wire.FindValue {
		soft = e.rtt.hasty()
	}
	e.timers.add(now+min(soft, e.cfg.RPCTimeout), c)
	e.traceRequest(now, c)
}

// ask sends a request, for a lookup if that is not zero, and tells once what came of
// it: the answer, or nil if there is none by when a lookup goes on without. With again
// it is sent once more if the answer is late, so that one lost datagram does not decide.
func (e *Engine) ask(now time.Duration, lookup uint64, to Contact, req wire.Request, again bool, then func(now time.Duration, a *wire.Answer)) {
	told := false
	e.callFor(now, lookup, to, req, func(now time.Duration, c *call, stage Stage, a *wire.Answer) {
		switch {
		case stage == RequestLate && again:
			e.resend(now, c)
		case stage >= RequestOverdue && !told:
			told = true
			if stage != RequestReplied {
				a = nil
			}
			then(now, a)
		}
	})
}

// fewCalls is how many message ids a map can have had that is kept when all of them
// are gone.
const fewCalls = 8

// endCall takes a call out of those that wait. Maps do not shrink, so the last one
// takes a large map with it: a node at rest is to be small.
func (e *Engine) endCall(c *call) {
	if c.again > 0 {
		delete(e.calls, c.first)
	}
	if delete(e.calls, c.req.Msg); len(e.calls) == 0 && e.mostCalls > fewCalls {
		e.calls, e.mostCalls = nil, 0
	}
}

// expect puts a call under its message id among those that wait.
func (e *Engine) expect(c *call) {
	if e.calls == nil {
		e.calls = make(calls)
	}
	e.calls[c.req.Msg] = c
	e.mostCalls = max(e.mostCalls, len(e.calls))
}

// resend sends a call's request again. Of more than two sendings, those after the
// first are not told apart.
func (e *Engine) resend(now time.Duration, c *call) {
	if c.again == 0 {
		c.again = now
		c.req.Msg = wire.MsgID(randomID(e.cfg.Rand))
		e.expect(c)
	}
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
		e.endCall(c)
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
	e.endCall(c)
	e.heard = now
	c.rtt = now - c.sent
	if msg != c.first {
		c.rtt = now - c.again
	}
	e.rtt.sample(c.rtt)
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
