package webrtc

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// maxDatagram is the size of a buffer of the reader, in bytes.
const maxDatagram = 1 << 16

// reader reads from the wrapped conn for ReadBatch and takes out offers and answers to
// offers. Its memory changes hands: read fills it and sends a token to full, and ReadBatch
// empties it and sends a token to empty.
type reader struct {
	full, empty chan struct{}
	bufs        [][]byte
	sizes       []int
	from        []netip.AddrPort
	pos, n      int   // ReadBatch has still to take bufs[pos:n]
	err         error // of the wrapped conn
	taken       bool  // for ReadBatch: the memory is read's
}

func newReader() *reader {
	r := &reader{
		full: make(chan struct{}), empty: make(chan struct{}), taken: true,
		bufs: make([][]byte, readBatch), sizes: make([]int, readBatch), from: make([]netip.AddrPort, readBatch),
	}
	space := make([]byte, readBatch*maxDatagram)
	for i := range r.bufs {
		r.bufs[i] = space[i*maxDatagram : (i+1)*maxDatagram]
	}
	return r
}

// take moves datagrams into the arguments of ReadBatch and returns their number. It
// drops a datagram longer than its buffer.
func (r *reader) take(bufs [][]byte, sizes []int, from []netip.AddrPort) (n int) {
	for n < len(bufs) && r.pos < r.n {
		if data := r.bufs[r.pos][:r.sizes[r.pos]]; len(data) <= len(bufs[n]) {
			sizes[n], from[n] = copy(bufs[n], data), r.from[r.pos]
			n++
		}
		r.pos++
	}
	return n
}

// read reads from the wrapped conn until c is closed.
func (c *Conn) read() {
	r := c.reader
	for {
		n, err := c.wrapped.ReadBatch(r.bufs, r.sizes, r.from)
		r.pos, r.n, r.err = 0, c.filter(n), err
		if r.n == 0 && err == nil {
			continue
		}
		select {
		case r.full <- struct{}{}:
		case <-c.done:
			return
		}
		select {
		case <-r.empty:
		case <-c.done:
			return
		}
	}
}

// filter takes the signals out of the first n datagrams and returns the number of
// others, which come first afterwards.
func (c *Conn) filter(n int) (left int) {
	r := c.reader
	for i := range n {
		if c.takeSignal(r.from[i], r.bufs[i][:r.sizes[i]]) {
			continue
		}
		if left != i {
			r.bufs[left], r.bufs[i] = r.bufs[i], r.bufs[left]
			r.sizes[left], r.from[left] = r.sizes[i], r.from[i]
		}
		left++
	}
	c.viaWrapped.received.Add(uint64(left))
	return left
}

// takeSignal handles an offer, or an answer to an offer, and returns true. For all other
// datagrams it returns false.
func (c *Conn) takeSignal(from netip.AddrPort, p []byte) (yes bool) {
	switch {
	case isOffer(p):
		c.loop.do(func(e *engine, now time.Time) { e.receivedOffer(now, from, p) })
		return true
	case c.loop.offersOut.Load() && len(p) > wire.HeaderLen && wire.Kind(p[0]) == wire.KindAnswer:
		c.loop.do(func(e *engine, now time.Time) { yes = e.receivedAnswer(now, from, p) })
	}
	return yes
}
