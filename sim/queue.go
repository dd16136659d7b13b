package sim

import "time"

// event is an arrival of a datagram, a wake-up of a node, or a planned call. It has no
// pointers, so that the garbage collector need not visit millions of events.
type event struct {
	at  time.Duration
	seq uint64 // order of events with the same time
	to  int32  // slot of the node
	// from is the slot of the datagram's sender, or an index in agenda.calls.
	from int32
	// data is the datagram, of size bytes; zero if there is none.
	data ref
	size int32
}

// queue is a heap of events, four children to a node, ordered by time and then by push.
type queue struct {
	heap []event
	seq  uint64
}

func (q *queue) push(e event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

// next returns the time of the first event, or never.
func (q *queue) next() time.Duration {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].at
}

// pop removes the first event. There must be one.
func (q *queue) pop() event {
	first := q.heap[0]
	last := len(q.heap) - 1
	e := q.heap[last]
	q.heap = q.heap[:last]
	if last == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= last {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, last); c++ {
			if q.heap[c].before(&q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(&e) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = e
	return first
}

func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.seq < o.seq
}

// ref is a block of a pool: its size class plus one in the top four bits, its number
// below.
type ref uint32

const (
	classShift = 28 // position of the class in a ref
	firstClass = 6  // smallest blocks: 64 bytes
	lastClass  = 16 // largest blocks: 64 KiB
	chunkShift = 18 // blocks are cut from chunks of 256 KiB
)

// pool is the memory of datagrams under way, in blocks of powers of two. A freed block
// is used again. The zero ref is no block.
type pool struct {
	chunks [lastClass - firstClass + 1][][]byte
	free   [lastClass - firstClass + 1][]ref
}

// put copies a datagram into a free block.
func (p *pool) put(datagram []byte) ref {
	class := 0
	for len(datagram) > 1<<(firstClass+class) {
		class++
	}
	if len(p.free[class]) == 0 {
		p.grow(class)
	}
	free := p.free[class]
	r := free[len(free)-1]
	p.free[class] = free[:len(free)-1]
	copy(p.block(r), datagram)
	return r
}

// block returns all bytes of a block.
func (p *pool) block(r ref) []byte {
	class := int(r>>classShift) - 1
	n := int(r & (1<<classShift - 1))
	shift := chunkShift - firstClass - class
	start := n & (1<<shift - 1) << (firstClass + class)
	return p.chunks[class][n>>shift][start : start+1<<(firstClass+class)]
}

// release frees a block.
func (p *pool) release(r ref) {
	class := r>>classShift - 1
	p.free[class] = append(p.free[class], r)
}

// grow adds a chunk of free blocks to a class.
func (p *pool) grow(class int) {
	count := 1 << (chunkShift - firstClass - class)
	first := len(p.chunks[class]) * count
	p.chunks[class] = append(p.chunks[class], make([]byte, 1<<chunkShift))
	for i := count - 1; i >= 0; i-- {
		p.free[class] = append(p.free[class], ref((class+1)<<classShift|(first+i)))
	}
}
