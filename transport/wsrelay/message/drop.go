package message

import "encoding/binary"

// Drop is why a relay, or the queue of a client, dropped a datagram.
type Drop byte

// The reasons. docs/relay-protocol.md explains them.
const (
	DropDestination Drop = iota
	DropNotRPC
	DropNewDestinations
	DropSilent
	DropRate
	DropQueue
	DropSystem
	DropReasons // the number of reasons
)

var dropNames = [DropReasons]string{
	"destination", "not rpc", "new destinations", "silent destination", "rate", "queue", "system",
}

// String names the reason.
func (d Drop) String() string { return dropNames[d] }

// EncodeDrops returns a message of how many datagrams were dropped, by reason.
func EncodeDrops(counts *[DropReasons]uint32) []byte {
	b := []byte{byte(KindDrops)}
	for reason, n := range counts {
		if n > 0 {
			b = append(b, byte(reason))
			b = binary.BigEndian.AppendUint32(b, n)
		}
	}
	return b
}

// DecodeDrops decodes the body of a message, and adds to counts. It skips reasons that
// it does not know.
func DecodeDrops(body []byte, counts *[DropReasons]uint64) error {
	d := decoder{b: body}
	for len(d.b) > 0 && !d.bad {
		reason, n := d.u8(), d.u32()
		if reason < byte(DropReasons) {
			counts[reason] += uint64(n)
		}
	}
	return d.end()
}
