package relay

import (
	"errors"
	"sync/atomic"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// errClosing is what a server says that shuts down.
var errClosing = errors.New("the relay is shutting down")

// ServerStats is what a Server has and has done.
type Stats struct {
	Connections int // WebSockets, those included that have not said hello
	Lent        int // ports, those included whose client is away

	Accepted uint64 // clients that got a port
	Resumed  uint64 // of those, how many got the one from before

	Forbidden  uint64 // connections refused for their origin or host
	TurnedAway uint64 // connections refused because there were too many
	Silent     uint64 // connections given up since no ping was answered
	Paused     uint64 // pauses in reading from clients that sent too many frames
	Errors     map[message.Code]uint64

	// FromClients and ToClients count what was passed on; Messages only those to
	// clients. Arrived is what came in over lent sockets.
	FromClients, ToClients, Arrived Traffic

	// What was dropped of either.
	DroppedFromClients, DroppedToClients map[message.Drop]uint64

	// Away counts datagrams for clients that were away.
	Away uint64
}

// RelayTraffic is what went in one direction.
type Traffic struct {
	Messages, Datagrams uint64
	Bytes               uint64 // of the messages, or of the datagrams where there are none
}

// relayTraffic is RelayTraffic while it is being counted.
type traffic struct{ messages, datagrams, bytes atomic.Uint64 }

func (t *traffic) add(datagrams, bytes int) {
	t.messages.Add(1)
	t.datagrams.Add(uint64(datagrams))
	t.bytes.Add(uint64(bytes))
}

func (t *traffic) load() Traffic {
	return Traffic{t.messages.Load(), t.datagrams.Load(), t.bytes.Load()}
}

// flow is what passes in one direction.
type flow struct {
	traffic
	dropped [message.DropReasons]atomic.Uint64
}

type counters struct {
	accepted, resumed             atomic.Uint64
	forbidden, turnedAway, silent atomic.Uint64
	paused                        atomic.Uint64
	errors                        [message.CodeSlow + 1]atomic.Uint64
	fromClients, toClients        flow
	arrived                       traffic
	away                          atomic.Uint64
}

// Stats returns what the server has counted.
func (s *Server) Stats() Stats {
	n := &s.counts
	stats := Stats{
		Connections: s.connections.count(), Lent: s.leases.count(),
		Accepted: n.accepted.Load(), Resumed: n.resumed.Load(),
		Forbidden: n.forbidden.Load(), TurnedAway: n.turnedAway.Load(), Silent: n.silent.Load(), Paused: n.paused.Load(),
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
