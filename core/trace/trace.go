// Package trace has the events by which a node of package core shows its work: to
// a page that draws lookups, or to a simulation that counts hops.
package trace

import (
	"net/netip"
	"time"
)

// Hooks are functions that a node calls for each event. Each may be nil. A hook is
// called in the middle of the node's work, under its lock: it must be quick and
// must not use the node.
type Hooks struct {
	// Contact: a contact enters or leaves a bucket, fails to answer, or answers again.
	Contact func(at time.Time, c Contact, change Change)
	// Request: one of the node's own requests reaches a stage.
	Request func(Request)
	// Lookup: a lookup starts or ends.
	Lookup func(Lookup)
	// Served: another node has sent a request.
	Served func(at time.Time, from Contact, method string)
	// Record: a record that the node keeps for the network changes. bytes is the size
	// of its encoded value.
	Record func(at time.Time, key ID, change RecordChange, bytes int)
}

// ID is a core.ID.
type ID = [20]byte

// Contact is a core.Contact.
type Contact struct {
	ID   ID
	Addr netip.AddrPort // where the node receives datagrams
}

// Change is an event in the life of a contact.
type Change uint8

// The changes.
const (
	ContactAdded Change = iota
	ContactRemoved
	ContactFailed   // it did not answer
	ContactAnswered // it answered, having failed before
)

// String returns the name of the change: added, removed, failed or answered.
func (c Change) String() string { return [...]string{"added", "removed", "failed", "answered"}[c] }

// Stage is how far a request has come. A request is sent. While its answer is
// still welcome it may become late and then overdue. At the end it is replied to,
// or lost.
type Stage uint8

// The stages, in this order.
const (
	Sent    Stage = iota
	Late          // the soft time-out has passed: a lookup asks another node as well
	Overdue       // a lookup no longer waits for the answer
	Replied       // the node that was asked has answered
	Lost          // the RPC time-out has passed, or the answer was unusable
)

// String returns the name of the stage: sent, late, overdue, replied or lost.
func (s Stage) String() string { return [...]string{"sent", "late", "overdue", "replied", "lost"}[s] }

// Request is a stage of one of the node's own requests.
type Request struct {
	At      time.Time     // of the stage
	Request uint64        // the number of the request, from 1
	Lookup  uint64        // the number of the lookup that it belongs to, or 0
	Method  string        // the name of the procedure: ping, store, find_node, find_value or stun
	To      Contact       // the zero ID if only the address is known
	Stage   Stage         // the stage that the request has reached
	RTT     time.Duration // of a reply
}

// Purpose is the reason for a lookup.
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

// String returns the name of the purpose: lookup, get, set, join, refresh or
// republish.
func (p Purpose) String() string {
	return [...]string{"lookup", "get", "set", "join", "refresh", "republish"}[p]
}

// Lookup is the start or the end of a lookup.
type Lookup struct {
	At      time.Time // of the start or the end
	Lookup  uint64    // the number of the lookup, from 1
	Purpose Purpose   // the operation that needs it
	Target  ID        // the id whose nearest nodes are looked for
	Done    bool      // this is the end

	// The fields below are for the end of a lookup. Its result is the holder of the
	// value, else the nearest node that answered.

	Found bool // a value was found
	// Hops is the distance of the result in steps: 1 for a contact of the node's own,
	// 2 for a contact that such a contact named, and so on.
	Hops     int
	Requests int // sent for the lookup
}

// RecordChange is an event in the life of a record.
type RecordChange uint8

// The changes.
const (
	RecordStored RecordChange = iota
	RecordExpired
	RecordRemoved // to make room for others, or because other nodes hold it now
	RecordRefused
)

// String returns the name of the change: stored, expired, removed or refused.
func (c RecordChange) String() string {
	return [...]string{"stored", "expired", "removed", "refused"}[c]
}
