package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// traceCall reports the stage that a call has reached.
func (e *Engine) traceCall(now time.Duration, c *call) {
	if e.cfg.Trace.Request == nil {
		return
	}
	t := trace.Request{
		At: e.clock.time(now), Request: c.number, Lookup: c.lookup,
		Method: c.req.Method.String(), To: traced(c.to), Stage: c.stage,
	}
	if c.stage == trace.Replied {
		t.RTT = c.rtt
	}
	e.cfg.Trace.Request(t)
}

// traceContact reports a change of a contact.
func (e *Engine) traceContact(now time.Duration, c Contact, change trace.Change) {
	if e.cfg.Trace.Contact != nil {
		e.cfg.Trace.Contact(e.clock.time(now), traced(c), change)
	}
}

// traceRecord reports a change of a record.
func (e *Engine) traceRecord(now time.Duration, key ID, change trace.RecordChange, bytes int) {
	if e.cfg.Trace.Record != nil {
		e.cfg.Trace.Record(e.clock.time(now), key, change, bytes)
	}
}

func traced(c Contact) trace.Contact { return trace.Contact{ID: c.ID, Addr: c.Addr} }
