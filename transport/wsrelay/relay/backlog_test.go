package relay

import (
	"testing"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Datagrams that wait for one client take little more memory than their bytes, and at most
// 256 KiB.
func TestBacklogMemory(t *testing.T) {
	held := func(b backlog) (n int) {
		for _, p := range b {
			n += cap(p.b)
		}
		return n
	}
	var b backlog
	answer := make([]byte, 1400) // of a FIND_NODE, about
	b.add(remote, answer)
	if got := held(b); got > 2*len(answer) {
		t.Errorf("a datagram of %d bytes takes %d while it waits, want twice that at most", len(answer), got)
	}
	for range 10000 {
		b.add(remote, answer)
	}
	for range 10 {
		b.add(remote, make([]byte, message.MaxDatagram))
	}
	if got, want := held(b), 257<<10; got > want {
		t.Errorf("a flood takes %d bytes while it waits, want %d at most", got, want)
	}
	b.clear()
}
