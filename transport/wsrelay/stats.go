package wsrelay

import (
	"sync/atomic"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Stats are the counters of a Conn since Dial.
type Stats struct {
	Sent, Received Traffic
	Dropped        Dropped

	// Refused are datagrams that relays reported as dropped, by reason: see
	// message.Drop.
	Refused [message.DropReasons]uint64

	Connected uint64 // how often a relay lent an address
	Resumed   uint64 // how often it was the same address as before
	Malformed uint64 // connections given up because of a malformed message
}

// Traffic counts the messages over the WebSocket in one direction.
type Traffic struct {
	Messages, Datagrams uint64
	Bytes               uint64 // of the messages
}

// Dropped counts datagrams that a Conn itself dropped, by reason.
type Dropped struct {
	Offline  uint64 // written while there was no connection, or not sent before it broke
	Outgoing uint64 // the oldest, when the queue to the relay was full
	Incoming uint64 // the oldest, when the queue to ReadBatch was full
	Unfit    uint64 // written, but too long, or to an address that cannot exist
	TooLong  uint64 // received, but longer than the buffer of ReadBatch
}

// traffic is Traffic while it is being counted.
type traffic struct{ messages, datagrams, bytes atomic.Uint64 }

func (t *traffic) add(datagrams, bytes int) {
	t.messages.Add(1)
	t.datagrams.Add(uint64(datagrams))
	t.bytes.Add(uint64(bytes))
}

func (t *traffic) load() Traffic {
	return Traffic{t.messages.Load(), t.datagrams.Load(), t.bytes.Load()}
}

// counters are the counters of Stats that the queues do not keep.
type counters struct {
	sent, received                traffic
	unfit, tooLong                atomic.Uint64
	connected, resumed, malformed atomic.Uint64
	refused                       [message.DropReasons]atomic.Uint64
}

// Stats returns the present counters.
func (c *Conn) Stats() Stats {
	n := &c.counts
	s := Stats{
		Sent: n.sent.load(), Received: n.received.load(),
		Connected: n.connected.Load(), Resumed: n.resumed.Load(), Malformed: n.malformed.Load(),
	}
	s.Dropped.Unfit, s.Dropped.TooLong = n.unfit.Load(), n.tooLong.Load()
	s.Dropped.Outgoing, s.Dropped.Offline = c.out.losses()
	s.Dropped.Incoming, _ = c.in.losses()
	for reason := range s.Refused {
		s.Refused[reason] = n.refused[reason].Load()
	}
	return s
}
