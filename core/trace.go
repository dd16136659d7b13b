package core

import "time"

// Trace is told what a node does, for those who want to see it: a page that draws
// lookups, a simulation that counts hops. Each function may be nil. They are
// called in the middle of things, under the node's lock, and so must be quick and
// must not use the node.
type Trace struct {
	// Contact: somebody enters a bucket or leaves it, fails to answer, or answers
	// again.
	Contact func(at time.Time, c Contact, change Change)
	// Request: one of the node's own requests, and what becomes of it.
	Request func(RequestTrace)
	// Lookup: a lookup starts or ends.
	Lookup func(LookupTrace)
	// Served: another node asks for something.
	Served func(at time.Time, from Contact, method string)
	// Record: what the node keeps for others has changed.
	Record func(at time.Time, key ID, change RecordChange, bytes int)
}

// Change is what happens to a contact.
type Change uint8

// The changes.
const (
	ContactAdded Change = iota
	ContactRemoved
	ContactFailed   // it did not answer
	ContactAnswered // it answered, having failed before
)

// String names the change: added, removed, failed or answered.
func (c Change) String() string { return [...]string{"added", "removed", "failed", "answered"}[c] }

// Stage is what becomes of a request.
type Stage uint8

// The stages, in this order: a request is sent, may become late and then overdue,
// with its answer still welcome; at the end it is replied to, or lost.
const (
	RequestSent    Stage = iota
	RequestLate          // the soft time-out has passed: somebody else is asked as well
	RequestOverdue       // patience is at an end, the RPC time-out is not
	RequestReplied       // whoever was asked has answered
	RequestLost          // the RPC time-out has passed, or the answer was unusable
)

// String names the stage: sent, late, overdue, replied or lost.
func (s Stage) String() string { return [...]string{"sent", "late", "overdue", "replied", "lost"}[s] }

// RequestTrace is a stage of a request.
type RequestTrace struct {
	At      time.Time
	Request uint64 // counts requests
	Lookup  uint64 // the lookup it belongs to, or 0
	Method  string
	To      Contact // its ID is zero if only the address is known
	Stage   Stage
	RTT     time.Duration // of a reply
}

// Purpose is why a lookup is made.
type Purpose uint8

// The purposes.
const (
	ForLookup Purpose = iota
	ForGet
	ForSet
	ForJoin
	ForRefresh
	ForRepublish
)

// String names the purpose: lookup, get, set, join, refresh or republish.
func (p Purpose) String() string {
	return [...]string{"lookup", "get", "set", "join", "refresh", "republish"}[p]
}

// LookupTrace is the start or the end of a lookup.
type LookupTrace struct {
	At      time.Time
	Lookup  uint64 // counts lookups
	Purpose Purpose
	Target  ID
	Done    bool
	// What follows is of one that is done. Hops is how many steps away the
	// result was: that of a contact of the node's own is 1, that of a contact
	// which such a one named is 2, and so on. The result is the holder of the
	// value, else the nearest node that answered.
	Found    bool
	Hops     int
	Requests int
}

// RecordChange is what happens to a record.
type RecordChange uint8

// The changes.
const (
	RecordStored RecordChange = iota
	RecordExpired
	RecordRemoved // to make room for others, or because it is others' now
	RecordRefused
)

// String names the change: stored, expired, removed or refused.
func (c RecordChange) String() string {
	return [...]string{"stored", "expired", "removed", "refused"}[c]
}

// traceRequest tells of the stage that a call has come to.
func (e *Engine) traceRequest(now time.Duration, c *call) {
	if e.cfg.Trace.Request == nil {
		return
	}
	t := RequestTrace{
		At: e.epoch.Add(now), Request: c.number, Lookup: c.lookup,
		Method: c.req.Method.String(), To: c.to, Stage: c.stage,
	}
	if c.stage == RequestReplied {
		t.RTT = c.rtt
	}
	e.cfg.Trace.Request(t)
}

// traceContact tells of a change of a contact.
func (e *Engine) traceContact(now time.Duration, c Contact, change Change) {
	if e.cfg.Trace.Contact != nil {
		e.cfg.Trace.Contact(e.epoch.Add(now), c, change)
	}
}

// traceRecord tells of a change of a record.
func (e *Engine) traceRecord(now time.Duration, key ID, change RecordChange, bytes int) {
	if e.cfg.Trace.Record != nil {
		e.cfg.Trace.Record(e.epoch.Add(now), key, change, bytes)
	}
}
