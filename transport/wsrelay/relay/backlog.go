package relay

import (
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// maxParcels bounds what waits to be written to one client: so many messages of
// 64 KiB.
const maxParcels = 4

// parcel is a message of datagrams that is being put together. Most hold one or
// two of them: so each begins small, lest a client's answer take 64 KiB.
type parcel struct {
	b     []byte // room for the header of a frame, and then the message
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

// add appends a datagram, which fits, and returns the parcel that has it: a large
// one may take the place of p.
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

// frame is the parcel as a frame of the WebSocket.
func (p *parcel) encode() []byte { return addHeader(p.b) }

// backlog is what waits to be written to a client, oldest first. When it is full,
// the oldest message goes. The zero backlog is empty, and takes next to no memory.
type backlog []*parcel

// add appends a datagram, and returns how many went to make room for it.
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

// take takes the oldest message off, or returns nil if there is none. The caller
// frees it.
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

// clear drops all.
func (b *backlog) clear() {
	for p := b.take(); p != nil; p = b.take() {
		p.free()
	}
	*b = nil
}
