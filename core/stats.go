package core

import "github.com/kadmesh/kadmesh/internal/wire"

// drop is the reason for which a datagram was dropped.
type drop uint8

const (
	dropShort         drop = iota // shorter than a header and a body
	dropKind                      // neither request nor answer
	dropMalformed                 // no well-formed body
	dropUnknownMethod             // no such procedure
	dropArguments                 // too many, too few, or no ids
	dropUnknownAnswer             // to no request, to an answered one, or long after it
	dropWrongSource               // an answer from another address than the one asked
	dropAddress                   // from an address that cannot be answered
	dropClient                    // a request to a client
	dropUnproven                  // a request for a long answer, from an address that answers no ping
	dropNetwork                   // from a node of another network
	drops
)

var dropNames = [drops]string{
	"short", "kind", "malformed", "unknown method", "arguments",
	"unknown answer", "wrong source", "address", "client", "unproven", "network",
}

func (d drop) String() string { return dropNames[d] }

func dropOf(err error) drop {
	switch err {
	case wire.ErrShort:
		return dropShort
	case wire.ErrKind:
		return dropKind
	case wire.ErrMethod:
		return dropUnknownMethod
	case wire.ErrArgs:
		return dropArguments
	}
	return dropMalformed
}

// Stats are a node's counters, since its start, and its present sizes.
type Stats struct {
	// Received counts datagrams and ReceivedBytes their bytes, without the headers of
	// lower layers; Sent and SentBytes count in the same way.
	Received, ReceivedBytes uint64
	Sent, SentBytes         uint64 // see Received
	// Unsent counts the datagrams of Sent that the Conn could not send.
	Unsent uint64
	// Served counts well-formed requests, by the name of the procedure. Nearly all of
	// them are answered.
	Served map[string]uint64
	// Asked counts the node's own requests; Replied and TimedOut count their ends.
	Asked, Replied, TimedOut uint64
	// Dropped counts received datagrams that were not used, by reason: short, kind,
	// malformed, unknown method, arguments, unknown answer, wrong source, address,
	// client, unproven (a request for a long answer, from an address that answers no
	// ping), or network (from a node with another Config.Network).
	Dropped map[string]uint64
	// Skipped counts contacts in answers without a usable address or id, or not
	// reachable from here.
	Skipped uint64
	// Refused counts values that the node had no room for, or failed to save.
	Refused uint64
	// Lookups counts the lookups started, for any purpose.
	Lookups uint64

	// Contacts are in buckets, Replacements wait for a place.
	Contacts, Replacements int
	// Records are kept for the network; RecordBytes includes 384 bytes for each.
	Records     int
	RecordBytes int64 // of all records
}

// counters are the counters of Stats.
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

func (e *Engine) drop(d drop) { e.stats.Dropped[d]++ }

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
		Records: e.records.len(), RecordBytes: e.records.bytes,
	}
	for m, n := range c.Served {
		s.Served[wire.Method(m).String()] = n
	}
	for d, n := range c.Dropped {
		s.Dropped[drop(d).String()] = n
	}
	s.Contacts, s.Replacements = e.table.size()
	return s
}
