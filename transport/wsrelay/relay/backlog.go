package relay

import (
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// maxParcels is how many messages, of up to 64 KiB, wait to be written to one client.
const maxParcels = 4

// parcel is a message of datagrams that is being filled. Most messages hold one or two
// datagrams, so a parcel begins small, and grows to 64 KiB only when it must.
type parcel struct {
	b     []byte // room for the header of a frame, then the message
	count int
}

const (
	smallParcel = 2 << 10
	largeParcel = maxHeaderLen + message.MaxLen
)

var smallParcels, largeParcels = parcels(smallParcel), parcels(largeParcel)

func parcels(size int) *sync.Pool {
	return &sync.Pool{New: func() any {
		b := make([]byte, maxHeaderLen, size)
		return &parcel{b: append(b, byte(message.KindDatagrams))}
	}}
}

func newParcel() *parcel { return smallParcels.Get().(*parcel) }

func (p *parcel) free() {
	p.b, p.count = p.b[:maxHeaderLen+1], 0
	if cap(p.b) < largeParcel {
		smallParcels.Put(p)
	} else {
		largeParcels.Put(p)
	}
}

// add appends a datagram that fits, and returns the parcel to use instead of p, which
// may be a larger one.
func (p *parcel) add(a netip.AddrPort, payload []byte) *parcel {
	if len(p.b)+message.DatagramLen(len(payload)) > cap(p.b) {
		large := largeParcels.Get().(*parcel)
		large.b, large.count = append(large.b[:0], p.b...), p.count
		p.free()
		p = large
	}
	p.b = message.AppendDatagram(p.b, a, payload)
	p.count++
	return p
}

// fits reports whether one more datagram of n bytes fits into the message.
func (p *parcel) fits(n int) bool { return len(p.b)+message.DatagramLen(n) <= largeParcel }

// encode returns the parcel as a frame of the WebSocket.
func (p *parcel) encode() []byte { return addHeader(p.b) }

// backlog has the datagrams that wait to be written to a client, oldest first. When it is
// full, the oldest message is dropped. The zero backlog is empty.
type backlog []*parcel

// add appends a datagram, and returns how many older ones it dropped to make room.
func (b *backlog) add(a netip.AddrPort, payload []byte) (dropped int) {
	n := len(*b)
	if n == 0 || !(*b)[n-1].fits(len(payload)) {
		if n == maxParcels {
			oldest := b.take()
			dropped = oldest.count
			oldest.free()
		}
		*b = append(*b, newParcel())
	}
	last := &(*b)[len(*b)-1]
	*last = (*last).add(a, payload)
	return dropped
}

// take removes and returns the oldest message, or nil. The caller frees it.
func (b *backlog) take() *parcel {
	list := *b
	if len(list) == 0 {
		return nil
	}
	p := list[0]
	copy(list, list[1:])
	list[len(list)-1] = nil
	*b = list[:len(list)-1]
	return p
}

// clear drops all messages.
func (b *backlog) clear() {
	for p := b.take(); p != nil; p = b.take() {
		p.free()
	}
	*b = nil
}
