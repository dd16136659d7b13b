package core

import "net/netip"

// Outbox holds datagrams to send, in one buffer that is reused.
type Outbox struct {
	buf  []byte
	ends []int
	to   []netip.AddrPort
}

// Len returns the number of datagrams.
func (o *Outbox) Len() int { return len(o.to) }

// At returns datagram i and its destination. Both are valid until the next Flush
// into this Outbox.
func (o *Outbox) At(i int) (to netip.AddrPort, datagram []byte) {
	start := 0
	if i > 0 {
		start = o.ends[i-1]
	}
	return o.to[i], o.buf[start:o.ends[i]]
}

// push adds a datagram. buf is o.buf with the datagram appended.
func (o *Outbox) push(to netip.AddrPort, buf []byte) {
	o.buf = buf
	o.ends = append(o.ends, len(buf))
	o.to = append(o.to, to)
}

func (o *Outbox) reset() { o.buf, o.ends, o.to = o.buf[:0], o.ends[:0], o.to[:0] }

// keepSpace is the largest capacity that an Outbox keeps.
const keepSpace = 256 << 10

// trim gives back memory that only a burst needed.
func (o *Outbox) trim() {
	if cap(o.buf) > keepSpace {
		*o = Outbox{}
	}
}
