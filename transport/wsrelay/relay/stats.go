package relay

import (
	"errors"
	"sync/atomic"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// errClosing is the error of a relay that shuts down.
var errClosing = errors.New("the relay is shutting down")

// Stats are the gauges and counters of a Server.
type Stats struct {
	Connections int // open WebSockets, including clients before hello
	Lent        int // ports, including clients that are away

	Accepted uint64 // clients that got a port
	Resumed  uint64 // clients that got the same port as before

	Forbidden  uint64 // connections refused for their origin or host
	TurnedAway uint64 // connections refused because there were too many
	Silent     uint64 // connections given up since no ping was answered
	Paused     uint64 // pauses in reading from clients that sent too many frames
	Errors     map[message.Code]uint64

	// FromClients and ToClients count the traffic passed on, FromClients without
	// Messages. Arrived counts the datagrams that came in over lent sockets.
	FromClients, ToClients, Arrived Traffic

	// Dropped datagrams in each direction.
	DroppedFromClients, DroppedToClients map[message.Drop]uint64

	// Away counts datagrams for clients that were away.
	Away uint64
}

// Traffic counts the traffic in one direction.
type Traffic struct {
	Messages, Datagrams uint64
	Bytes               uint64 // of datagrams, and to clients of messages
}

// traffic is a Traffic that is being counted.
type traffic struct{ messages, datagrams, bytes atomic.Uint64 }

func (t *traffic) add(datagrams, bytes int) {
	t.messages.Add(1)
	t.datagrams.Add(uint64(datagrams))
	t.bytes.Add(uint64(bytes))
}

func (t *traffic) load() Traffic {
	return Traffic{t.messages.Load(), t.datagrams.Load(), t.bytes.Load()}
}

// flow counts the datagrams in one direction.
type flow struct {
	traffic
	dropped [message.DropReasons]atomic.Uint64
}

// counters are the counters of Stats.
type counters struct {
	accepted, resumed             atomic.Uint64
	forbidden, turnedAway, silent atomic.Uint64
	paused                        atomic.Uint64
	errors                        [message.CodeSlow + 1]atomic.Uint64
	fromClients, toClients        flow
	arrived                       traffic
	away                          atomic.Uint64
}

// Stats returns the present gauges and counters.
func (s *Server) Stats() Stats {
	n := &s.counts
	stats := Stats{
		Connections: s.connections.count(), Lent: s.leases.count(),
		Accepted: n.accepted.Load(), Resumed: n.resumed.Load(),
		Forbidden: n.forbidden.Load(), TurnedAway: n.turnedAway.Load(),
		Silent: n.silent.Load(), Paused: n.paused.Load(),
		Errors:      make(map[message.Code]uint64),
		FromClients: n.fromClients.load(), ToClients: n.toClients.load(), Arrived: n.arrived.load(),
		DroppedFromClients: n.fromClients.drops(), DroppedToClients: n.toClients.drops(),
		Away: n.away.Load(),
	}
	for code := message.CodeMalformed; code <= message.CodeSlow; code++ {
		stats.Errors[code] = n.errors[code].Load()
	}
	return stats
}

func (f *flow) drops() map[message.Drop]uint64 {
	m := make(map[message.Drop]uint64, message.DropReasons)
	for reason := range message.DropReasons {
		m[reason] = f.dropped[reason].Load()
	}
	return m
}
