package wsrelay

import (
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Bounds of a queue, in datagrams and bytes. There is room for more than twenty of the
// longest datagrams, so that the longest value can be stored on k nodes at once.
const (
	maxQueued      = 512
	maxQueuedBytes = 2 << 20
)

// keepQueued bounds the memory, in bytes, that an empty queue keeps.
const keepQueued = 256 << 10

// queue holds datagrams, oldest first, encoded as in messages, so that bytes are copied
// between queue and message as they are. When the queue is full, the oldest datagrams
// are dropped and counted.
type queue struct {
	ready chan struct{} // holds a token if there may be something to take

	mu      sync.Mutex // guards the fields below
	b       []byte     // the kind of a message, and datagrams from head on
	head    int        // at least 1
	count   int
	shut    bool   // takes nothing
	longest int    // the longest datagram that callers of add may add
	dropped uint64 // datagrams, because the queue was full
	missed  uint64 // datagrams, because the queue was shut
}

// errQueue would be a mistake in this file: datagrams are checked before they are added.
const errQueue = "wsrelay: a queue holds something that is not a datagram"

func newQueue() *queue {
	return &queue{
		ready: make(chan struct{}, 1), b: []byte{byte(message.KindDatagrams)}, head: 1,
		longest: message.MaxDatagram,
	}
}

// open lets the queue take datagrams of up to longest bytes.
func (q *queue) open(longest int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut, q.longest = false, min(longest, message.MaxDatagram)
}

// shutDown empties the queue and lets it take no datagrams. Those in it are missed.
func (q *queue) shutDown() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shut = true
	q.missed += uint64(q.count)
	q.count = 0
	q.tidy()
}

// add appends one datagram, and returns false if the queue is shut. The caller
// holds q.mu, calls settle at the end, and knows that the datagram can be sent.
func (q *queue) add(a netip.AddrPort, payload []byte) bool {
	if q.shut {
		q.missed++
		return false
	}
	q.makeRoom(message.DatagramLen(len(payload)))
	q.b = message.AppendDatagram(q.b, a, payload)
	q.count++
	return true
}

// addBody appends the body of a message, which holds count datagrams.
func (q *queue) addBody(body []byte, count int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.makeRoom(len(body))
	q.b = append(q.b, body...)
	q.count += count
	q.settle()
}

// message takes as many datagrams off the queue as fit into a message. It returns the
// message, in the memory of b, and the number of datagrams.
func (q *queue) message(b []byte) ([]byte, int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	end, n := q.head, 0
	for n < q.count {
		_, _, rest, err := message.NextDatagram(q.b[end:])
		if err != nil {
			panic(errQueue)
		}
		if 1+len(q.b)-len(rest)-q.head > message.MaxLen {
			break
		}
		end = len(q.b) - len(rest)
		n++
	}
	b = append(append(b[:0], byte(message.KindDatagrams)), q.b[q.head:end]...)
	q.head = end
	q.count -= n
	q.tidy()
	return b, n
}

// read takes datagrams off the queue into the arguments of ReadBatch. It returns how
// many it has filled in, and how many it has dropped as too long for their buffers.
func (q *queue) read(bufs [][]byte, sizes []int, from []netip.AddrPort) (n, tooLong int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(bufs) && q.count > 0 {
		a, payload := q.shift()
		if len(payload) > len(bufs[n]) {
			tooLong++
			continue
		}
		sizes[n], from[n] = copy(bufs[n], payload), a
		n++
	}
	q.tidy()
	return n, tooLong
}

// losses returns how many datagrams were dropped because the queue was full, and missed
// because it was shut.
func (q *queue) losses() (dropped, missed uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped, q.missed
}

// shift takes off the oldest datagram. The payload is part of q.b.
func (q *queue) shift() (netip.AddrPort, []byte) {
	a, payload, rest, err := message.NextDatagram(q.b[q.head:])
	if err != nil {
		panic(errQueue)
	}
	q.head = len(q.b) - len(rest)
	q.count--
	return a, payload
}

// settle makes the bounds hold after datagrams were added, and wakes the reader. The
// caller holds q.mu.
func (q *queue) settle() {
	for q.count > maxQueued || len(q.b)-q.head > maxQueuedBytes {
		q.shift()
		q.dropped++
	}
	if q.count > 0 {
		select {
		case q.ready <- struct{}{}:
		default:
		}
	}
}

// makeRoom moves the datagrams to the front of the memory, if n more bytes do not fit
// behind them and at least half of the memory is free before them.
func (q *queue) makeRoom(n int) {
	if len(q.b)+n > cap(q.b) && q.head > len(q.b)/2 {
		q.b = q.b[:1+copy(q.b[1:], q.b[q.head:])]
		q.head = 1
	}
}

// tidy makes an empty queue start at the front of its memory, and frees most of that
// after a flood.
func (q *queue) tidy() {
	if q.count > 0 {
		return
	}
	if cap(q.b) > keepQueued {
		q.b = []byte{byte(message.KindDatagrams)}
	}
	q.b, q.head = q.b[:1], 1
}
