package core

import "net/netip"

// Outbox holds datagrams that are ready to be sent, in one piece of memory that
// is used again.
type Outbox struct {
	buf  []byte
	ends []int
	to   []netip.AddrPort
}

// Len returns the number of datagrams.
func (o *Outbox) Len() int { return len(o.to) }

// At returns datagram i and where it goes. It is valid until the next Flush into
// this Outbox.
func (o *Outbox) At(i int) (to netip.AddrPort, datagram []byte) {
	start := 0
	if i > 0 {
		start = o.ends[i-1]
	}
	return o.to[i], o.buf[start:o.ends[i]]
}

// push takes in buf, which is o.buf with one datagram appended.
func (o *Outbox) push(to netip.AddrPort, buf []byte) {
	o.buf = buf
	o.ends = append(o.ends, len(buf))
	o.to = append(o.to, to)
}

func (o *Outbox) reset() { o.buf, o.ends, o.to = o.buf[:0], o.ends[:0], o.to[:0] }

// keepSpace is the largest buffer that an Outbox holds on to.
const keepSpace = 256 << 10

// trim gives back memory that only a burst needed.
func (o *Outbox) trim() {
	if cap(o.buf) > keepSpace {
		*o = Outbox{}
	}
}
