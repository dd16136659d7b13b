package core

import "github.com/kadmesh/kadmesh/internal/wire"

// Drop is why a datagram was not used.
type Drop uint8

// The reasons.
const (
	DropShort         Drop = iota // less than a header and a body
	DropKind                      // neither request nor answer
	DropMalformed                 // no well-formed body
	DropUnknownMethod             // no such procedure
	DropArguments                 // too many, too few, or no ids
	DropUnknownAnswer             // to no request, one that was answered, or long after it
	DropWrongSource               // an answer from elsewhere than was asked
	DropAddress                   // from an address that cannot be answered
	DropClient                    // a request to a client
	DropUnproven                  // a request for much, from an address that does not answer
	drops
)

var dropNames = [drops]string{
	"short", "kind", "malformed", "unknown method", "arguments",
	"unknown answer", "wrong source", "address", "client", "unproven",
}

// String names the reason.
func (d Drop) String() string { return dropNames[d] }

func dropOf(err error) Drop {
	switch err {
	case wire.ErrShort:
		return DropShort
	case wire.ErrKind:
		return DropKind
	case wire.ErrMethod:
		return DropUnknownMethod
	case wire.ErrArgs:
		return DropArguments
	}
	return DropMalformed
}

// Stats are a node's counters, since its start, and its present sizes.
type Stats struct {
	// Datagrams and their bytes, without those of lower layers.
	Received, ReceivedBytes uint64
	Sent, SentBytes         uint64
	// Unsent counts those of Sent that the Conn could not send.
	Unsent uint64
	// Served counts well-formed requests, by the procedure's name. Few get no answer:
	// see DropUnproven.
	Served map[string]uint64
	// Asked counts the node's own requests; Replied and TimedOut what became of
	// them.
	Asked, Replied, TimedOut uint64
	// Dropped counts received datagrams that were of no use, by reason.
	Dropped map[string]uint64
	// Skipped counts contacts in answers that were no usable address or id, or could
	// not be reached from here.
	Skipped uint64
	// Refused counts values that the node had no room for.
	Refused uint64
	// Lookups counts those started, for whatever reason.
	Lookups uint64

	// Contacts are in buckets, Replacements wait for a place.
	Contacts, Replacements int
	// Records are kept for the network; RecordBytes includes RecordOverhead.
	Records     int
	RecordBytes int64
}

// counters is the part of Stats that is counted.
type counters struct {
	Received, ReceivedBytes uint64
	Sent, SentBytes         uint64
	Served                  [wire.Methods]uint64
	Asked                   uint64
	Replied, TimedOut       uint64
	Dropped                 [drops]uint64
	Skipped, Refused        uint64
	Lookups                 uint64
}

func (e *Engine) drop(d Drop) { e.stats.Dropped[d]++ }

// Stats returns the node's counters and sizes.
func (e *Engine) Stats() Stats {
	c := &e.stats
	s := Stats{
		Received: c.Received, ReceivedBytes: c.ReceivedBytes,
		Sent: c.Sent, SentBytes: c.SentBytes,
		Served:  make(map[string]uint64),
		Asked:   c.Asked,
		Replied: c.Replied, TimedOut: c.TimedOut,
		Dropped: make(map[string]uint64),
		Skipped: c.Skipped, Refused: c.Refused, Lookups: c.Lookups,
		Records: len(e.records.index), RecordBytes: e.records.bytes,
	}
	for m, n := range c.Served {
		s.Served[wire.Method(m).String()] = n
	}
	for d, n := range c.Dropped {
		s.Dropped[Drop(d).String()] = n
	}
	s.Contacts, s.Replacements = e.table.size()
	return s
}
