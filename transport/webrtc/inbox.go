package webrtc

import (
	"net/netip"
	"sync"
)

// Bounds on an inbox, in datagrams and in bytes. Beyond them it drops the oldest.
const (
	maxInbox      = 512
	maxInboxBytes = 1 << 20
)

// inbox holds the datagrams from channels until ReadBatch takes them.
type inbox struct {
	ready chan struct{} // holds a token if list may have a datagram

	mu      sync.Mutex // guards the fields below
	list    []inbound
	bytes   int
	dropped uint64
}

// inbound is a datagram and its source.
type inbound struct {
	from netip.AddrPort
	data []byte
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// add appends a copy of a datagram.
func (q *inbox) add(from netip.AddrPort, data []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, inbound{from, append([]byte(nil), data...)})
	q.bytes += len(data)
	for len(q.list) > maxInbox || q.bytes > maxInboxBytes {
		q.bytes -= len(q.list[0].data)
		q.list[0] = inbound{}
		q.list = q.list[1:]
		q.dropped++
	}
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// read moves datagrams into the arguments of ReadBatch and returns their number. It
// drops a datagram longer than its buffer.
func (q *inbox) read(bufs [][]byte, sizes []int, from []netip.AddrPort) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(bufs) && len(q.list) > 0 {
		d := q.list[0]
		q.list[0] = inbound{}
		q.list = q.list[1:]
		q.bytes -= len(d.data)
		if len(d.data) <= len(bufs[n]) {
			sizes[n], from[n] = copy(bufs[n], d.data), d.from
			n++
		}
	}
	if len(q.list) == 0 {
		q.list = nil
	}
	return n
}

// overflow returns the number of datagrams dropped by bounds.
func (q *inbox) overflow() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
