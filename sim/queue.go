package sim

import "time"

// event is something that happens at a time: a datagram arrives, a node wants to
// be woken, or a scenario goes on. It has no pointer, so that the garbage
// collector need not look at millions of them.
type event struct {
	at  time.Duration
	seq uint64 // of two at the same time, the first planned happens first
	to  int32  // the node
	// from is who sent the datagram, or which of agenda.calls is to be made.
	from int32
	// data is the datagram; zero if there is none.
	data ref
	size int32
}

const gone = -1

// queue is a heap of events in which each has four children.
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

// next is when the first event happens; never if there is none.
func (q *queue) next() time.Duration {
	if len(q.heap) == 0 {
		return never
	}
	return q.heap[0].at
}

// pop takes out the first event. There must be one.
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

// ref is a block of a pool: its class in the top bits, its number in the others.
type ref uint32

const (
	classShift = 28
	firstClass = 6  // blocks of 64 bytes
	lastClass  = 16 // blocks of 64 KiB
	chunkShift = 18 // blocks come from chunks of 256 KiB
)

// pool is memory for datagrams on their way. No block is number 0 of class 0, so
// that a zero ref is none.
type pool struct {
	chunks [lastClass - firstClass + 1][][]byte
	free   [lastClass - firstClass + 1][]ref
}

// put copies a datagram into a block.
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

// block returns the bytes of a block.
func (p *pool) block(r ref) []byte {
	class := int(r>>classShift) - 1
	n := int(r & (1<<classShift - 1))
	shift := chunkShift - firstClass - class
	start := n & (1<<shift - 1) << (firstClass + class)
	return p.chunks[class][n>>shift][start : start+1<<(firstClass+class)]
}

// release gives a block back.
func (p *pool) release(r ref) {
	class := r>>classShift - 1
	p.free[class] = append(p.free[class], r)
}

func (p *pool) grow(class int) {
	count := 1 << (chunkShift - firstClass - class)
	first := len(p.chunks[class]) * count
	p.chunks[class] = append(p.chunks[class], make([]byte, 1<<chunkShift))
	for i := count - 1; i >= 0; i-- {
		p.free[class] = append(p.free[class], ref((class+1)<<classShift|(first+i)))
	}
}
