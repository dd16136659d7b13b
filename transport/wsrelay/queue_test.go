package wsrelay

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// put adds datagrams to q as WriteBatch does.
func put(q *queue, list ...datagram) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range list {
		q.add(d.addr, []byte(d.payload))
	}
	q.settle()
}

// get takes up to n datagrams off q, and says how many were longer than room.
func get(q *queue, n, room int) (list []datagram, tooLong int) {
	bufs, sizes, from := make([][]byte, n), make([]int, n), make([]netip.AddrPort, n)
	for i := range bufs {
		bufs[i] = make([]byte, room)
	}
	n, tooLong = q.read(bufs, sizes, from)
	for i := range n {
		list = append(list, datagram{from[i], string(bufs[i][:sizes[i]])})
	}
	return list, tooLong
}

// A queue gives the same results as a plain list.
func TestQueueIsAList(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	q := newQueue()
	var model []datagram
	var dropped uint64
	fit := func() { // the bounds, on the list
		size := func() (n int) {
			for _, d := range model {
				n += len(messageOf(d)) - 1
			}
			return n
		}
		for len(model) > 512 || size() > 2<<20 {
			model = model[1:]
			dropped++
		}
	}
	for step := range 3000 {
		var list []datagram
		for range rnd.IntN(40) {
			n := rnd.IntN(100)
			if rnd.IntN(20) == 0 {
				n = rnd.IntN(message.MaxDatagram)
			}
			list = append(list, datagram{[]netip.AddrPort{v4, v6}[rnd.IntN(2)], strings.Repeat(string(rune('a'+step%26)), n)})
		}
		switch rnd.IntN(4) {
		case 0:
			put(q, list...)
			model = append(model, list...)
			fit()
		case 1:
			if b := messageOf(list...); len(b) > 0 {
				q.addBody(b[1:], len(list))
				model = append(model, list...)
				fit()
			}
		case 2:
			n := rnd.IntN(60) + 1
			want := model[:min(n, len(model))]
			if got, _ := get(q, n, message.MaxDatagram); !slices.Equal(got, want) {
				t.Fatalf("step %d: got %d datagrams, or other ones, want %d", step, len(got), len(want))
			}
			model = model[len(want):]
		case 3:
			b, n := q.message(nil)
			if got := datagrams(t, b); !slices.Equal(got, model[:n]) || len(b) > message.MaxLen {
				t.Fatalf("step %d: message has %d datagrams, or other ones, in %d bytes, want %d",
					step, len(got), len(b), n)
			}
			if n < len(model) && len(b)+len(messageOf(model[n]))-1 <= message.MaxLen {
				t.Fatalf("step %d: one more datagram fits into the message", step)
			}
			model = model[n:]
		}
		if got, _ := q.losses(); got != dropped || q.count != len(model) {
			t.Fatalf("step %d: %d in the queue, %d dropped, want %d and %d", step, q.count, got, len(model), dropped)
		}
		if len(q.b)-q.head > 2<<20 || cap(q.b) > 8<<20 {
			t.Fatalf("step %d: the queue takes %d bytes, for %d", step, cap(q.b), len(q.b)-q.head)
		}
	}
}

// A queue has room for a longest value on its way to 20 nodes, and takes 2 MiB at most.
func TestQueueOfLongest(t *testing.T) {
	q := newQueue()
	long := datagram{v4, strings.Repeat("x", message.MaxDatagram)}
	for range 20 {
		put(q, long)
	}
	if dropped, _ := q.losses(); dropped > 0 {
		t.Errorf("%d of 20 longest datagrams were dropped, want none", dropped)
	}
	for range 100 {
		put(q, long)
	}
	if n := len(q.b) - q.head; n > 2<<20 {
		t.Errorf("%d bytes in the queue, want at most 2 MiB", n)
	}
}

func TestQueueShut(t *testing.T) {
	q := newQueue()
	put(q, datagram{v4, "a"}, datagram{v4, "b"})
	q.shutDown()
	put(q, datagram{v4, "c"})
	q.open(message.MaxDatagram)
	put(q, datagram{v4, "d"})
	if got, _ := get(q, 9, 9); len(got) != 1 || got[0].payload != "d" {
		t.Errorf("got %v, want only d", got)
	}
	if dropped, missed := q.losses(); dropped != 0 || missed != 3 {
		t.Errorf("dropped %d, missed %d, want 0, 3", dropped, missed)
	}
}

// The memory that a flood took is given back.
func TestQueueGivesMemoryBack(t *testing.T) {
	q := newQueue()
	for i := range 30 {
		put(q, datagram{v4, strings.Repeat("x", 60000+i)})
	}
	for q.count > 0 {
		q.message(nil)
	}
	if cap(q.b) > 256<<10 {
		t.Errorf("an empty queue keeps %d bytes, want at most 256 KiB", cap(q.b))
	}
}

func TestQueueReady(t *testing.T) {
	q := newQueue()
	put(q)
	select {
	case <-q.ready:
		t.Error("ready, with nothing in the queue")
	default:
	}
	for i := range 3 {
		put(q, datagram{v4, fmt.Sprint(i)})
	}
	select {
	case <-q.ready:
	default:
		t.Error("not ready, with something in the queue")
	}
}

// In the steady state nothing is allocated for a datagram.
func TestQueueAllocs(t *testing.T) {
	q := newQueue()
	payload := make([]byte, 100)
	bufs, sizes, from := [][]byte{make([]byte, 200)}, []int{0}, []netip.AddrPort{{}}
	var b []byte
	allocs := testing.AllocsPerRun(1000, func() {
		q.mu.Lock()
		for range 3 {
			q.add(v6, payload)
		}
		q.settle()
		q.mu.Unlock()
		q.read(bufs, sizes, from)
		b, _ = q.message(b)
	})
	if allocs > 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}
