package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// calls are the node's own requests that wait for an answer.
type calls struct {
	e       *Engine
	waiting map[wire.MsgID]*call
	most    int // the largest length of waiting since the map was made
	rtt     rtt
	// heard is when the last answer or well-formed request arrived: the node's own
	// link worked then.
	heard time.Duration
}

// query is a request to send.
type query struct {
	to     Contact // the zero ID if only the address is known
	req    wire.Request
	lookup uint64 // the number of the lookup that it belongs to, or 0
	// repeat sends the request once more if the answer is late, so that one lost
	// datagram does not decide.
	repeat bool
}

// call is a query under way. A repetition has a message id of its own, so that an
// answer tells which of the two datagrams it belongs to.
type call struct {
	to       Contact
	req      wire.Request // with the message id of the last datagram
	first    wire.MsgID   // of the first datagram
	sent     time.Duration
	repeated time.Duration // when the second datagram was sent; zero if there is none
	rtt      time.Duration // of the datagram that was answered
	stage    trace.Stage
	// number and lookup are for a trace.
	number, lookup uint64
	watch          watcher
}

// watcher is called at each stage of a call after Sent, in order. The answer a is
// set if the call was replied to, or lost because another node answered than the
// one asked. It is valid until the watcher returns.
type watcher func(now time.Duration, c *call, s trace.Stage, a *wire.Answer)

// ask sends q and calls then once: with the answer, or with nil once a lookup
// would go on without it. It never calls back before it returns.
func (s *calls) ask(now time.Duration, q query, then func(now time.Duration, a *wire.Answer)) {
	done := false
	s.watch(now, q, func(now time.Duration, c *call, stage trace.Stage, a *wire.Answer) {
		switch {
		case stage == trace.Late && q.repeat:
			s.resend(now, c)
		case stage >= trace.Overdue && !done:
			done = true
			if stage != trace.Replied {
				a = nil
			}
			then(now, a)
		}
	})
}

// watch sends q and calls w at each stage. It never calls back before it returns.
// To repeat the request is up to w.
func (s *calls) watch(now time.Duration, q query, w watcher) {
	e := s.e
	c := &call{to: q.to, req: q.req, sent: now, lookup: q.lookup, watch: w}
	c.req.Msg = wire.MsgID(RandomID(e.cfg.Rand))
	c.req.Sender = e.id
	c.req.Trailer.Present = true
	c.req.Trailer.Caps = e.caps
	c.req.Trailer.Run, c.req.Trailer.Network = e.run, e.network
	c.first = c.req.Msg
	// Sources of answers come without the mapped notation.
	c.to.Addr = netaddr.Unmap(c.to.Addr)
	e.stats.Asked++
	c.number = e.stats.Asked
	s.expect(c)
	s.transmit(c)
	soft := s.rtt.soft()
	if c.req.Method == wire.FindValue {
		soft = s.rtt.hasty()
	}
	e.timers.add(now+min(soft, e.cfg.RPCTimeout), c)
	e.traceCall(now, c)
}

// expect files c under its message id.
func (s *calls) expect(c *call) {
	if s.waiting == nil {
		s.waiting = make(map[wire.MsgID]*call)
	}
	s.waiting[c.req.Msg] = c
	s.most = max(s.most, len(s.waiting))
}

// smallMap is the number of calls at which a map is still kept once it is empty.
const smallMap = 8

// end removes c. Maps do not shrink, so a large one goes with its last call: a node
// at rest is small.
func (s *calls) end(c *call) {
	if c.repeated > 0 {
		delete(s.waiting, c.first)
	}
	if delete(s.waiting, c.req.Msg); len(s.waiting) == 0 && s.most > smallMap {
		s.waiting, s.most = nil, 0
	}
}

// resend sends the request of c again. After more than two datagrams, an answer to
// the second is not told from one to the third. A request from before a sleep is not
// sent again: what it stores may be old.
func (s *calls) resend(now time.Duration, c *call) {
	if c.sent < s.e.doubt.since {
		return
	}
	if c.repeated == 0 {
		c.repeated = now
		c.req.Msg = wire.MsgID(RandomID(s.e.cfg.Rand))
		s.expect(c)
	}
	s.transmit(c)
}

func (s *calls) transmit(c *call) {
	s.e.send(c.to.Addr, s.e.scratch.codec.write.Request(s.e.scratch.out.buf, &c.req))
}

// anyTo reports whether a call to addr is under way.
func (s *calls) anyTo(addr netip.AddrPort) bool {
	for _, c := range s.waiting {
		if c.to.Addr == addr {
			return true
		}
	}
	return false
}

// wake moves a call to its next stage: an answer has not come in time.
func (c *call) wake(e *Engine, now time.Duration) {
	switch c.stage {
	case trace.Sent:
		c.stage = trace.Late
		e.timers.add(max(c.sent+min(e.calls.rtt.overdue(), e.cfg.RPCTimeout), now), c)
	case trace.Late:
		c.stage = trace.Overdue
		e.timers.add(max(c.sent+e.cfg.RPCTimeout, now), c)
		e.verify.onSilence(now, c)
	case trace.Overdue:
		c.stage = trace.Lost
		e.calls.end(c)
		e.stats.TimedOut++
	default:
		return
	}
	e.traceCall(now, c)
	c.watch(now, c, c.stage, nil)
}

func (c *call) waits(time.Duration) bool { return c.stage < trace.Replied }

// receive takes in an answer. An answer counts only if its source is the address
// that was asked.
func (s *calls) receive(now time.Duration, from netip.AddrPort, msg wire.MsgID, body []byte) {
	e := s.e
	c := s.waiting[msg]
	if c == nil {
		e.drop(dropUnknownAnswer)
		return
	}
	if c.to.Addr != from {
		e.drop(dropWrongSource)
		return
	}
	s.end(c)
	s.heard = now
	c.rtt = now - c.sent
	if msg != c.first {
		c.rtt = now - c.repeated
	}
	s.rtt.sample(c.rtt)
	a := &e.scratch.codec.answer
	err := e.scratch.codec.parse.Answer(body, c.req.Method, e.cfg.K, a)
	switch {
	case err != nil:
		e.drop(dropMalformed)
		if c.stage < trace.Overdue {
			e.verify.onSilence(now, c)
		}
		c.stage, a = trace.Lost, nil
	case a.Trailer.Present && a.Trailer.Network != e.network:
		e.drop(dropNetwork)
		e.table.forget(c.to)
		c.stage = trace.Lost
	case !e.verify.onAnswer(now, c, a):
		c.stage = trace.Lost
	default:
		e.stats.Replied++
		c.stage = trace.Replied
	}
	e.traceCall(now, c)
	c.watch(now, c, c.stage, a)
}

// usable returns the contacts of an answer that this node can reach. The slice is
// valid until the next call.
func (s *calls) usable(from Contact, a *wire.Answer) []Contact {
	e := s.e
	e.stats.Skipped += uint64(a.Skipped)
	list := e.scratch.codec.usable[:0]
	for _, c := range a.Contacts {
		id := ID(c.ID)
		switch {
		case id == e.id:
		case !mayTell(c.Addr, from.Addr), familyOf(c.Addr)&e.caps == 0:
			e.stats.Skipped++
		default:
			list = append(list, Contact{ID: id, Addr: c.Addr})
		}
	}
	e.scratch.codec.usable = list
	return list
}
