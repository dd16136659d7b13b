package relay

import (
	"testing"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Traffic counts messages, their datagrams, and the bytes of these.
func TestTrafficCounts(t *testing.T) {
	var counted traffic
	counted.add(3, 100)
	counted.add(2, 50)
	if got, want := counted.load(), (Traffic{Messages: 2, Datagrams: 5, Bytes: 150}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// A large parcel is not lent again as a small one: a client with little traffic takes
// little memory.
func TestParcelsReturnToTheirPool(t *testing.T) {
	for range 20 {
		p := newParcel().add(remote, make([]byte, message.MaxDatagram))
		if cap(p.b) <= smallParcel {
			t.Fatalf("room for %d bytes, want room for the longest datagram", cap(p.b))
		}
		p.free()
		for range 3 {
			if small := newParcel(); cap(small.b) != smallParcel {
				t.Fatalf("a new parcel takes %d bytes, want %d", cap(small.b), smallParcel)
			}
		}
	}
}
