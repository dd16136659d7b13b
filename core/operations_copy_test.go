package core

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// P18: a found value is cached on the path only if it fits into one message of a Python
// node: a longer one could not be passed on.
func TestCopiesOnThePathFitAMessage(t *testing.T) {
	for _, tt := range []struct {
		size int // of the encoded value, in bytes
		want bool
	}{{100, true}, {MaxValueSize, true}, {MaxValueSize + 1, false}, {20000, false}} {
		net := newTestNet(t, 71)
		nodes := net.grow(4, Config{RefreshInterval: quiet, RepublishInterval: quiet})
		holders, reader := []*Engine{nodes[0], nodes[3]}, nodes[2]
		net.delay = func(from, _ netip.AddrPort) time.Duration {
			if from == net.addrOf(nodes[0]) || from == net.addrOf(nodes[3]) { // so that the other node answers first, without the value
				return 30 * time.Millisecond
			}
			return 10 * time.Millisecond
		}
		key, v := Key("key"), sized(tt.size+recordOverhead, 1)
		if v.Size() != tt.size {
			t.Fatalf("value of %d bytes, want %d", v.Size(), tt.size)
		}
		net.run(time.Second)
		for _, e := range holders {
			e.putRecord(e.clock.latest, key, Record{Value: v, Published: net.now, TTL: time.Hour})
		}
		copies := 0
		net.tap = func(from, _ netip.AddrPort, d []byte) {
			if r := requestIn(d); r != nil && r.Method == wire.Store && from == net.addrOf(reader) {
				copies++
			}
		}
		f, _, err := net.get(reader, key)
		net.run(10 * time.Second)
		if err != nil || f.Value != v || copies > 0 != tt.want {
			t.Errorf("value of %d bytes: %v, %d copies left, want some: %v", tt.size, err, copies, tt.want)
		}
	}
}

// A STORE that was lost is sent once more, unless its value has been replaced here
// meanwhile.
func TestLostStoreOfAnOldValueIsNotRepeated(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		net := newTestNet(t, 72)
		nodes := net.grow(4, Config{RefreshInterval: quiet, RepublishInterval: quiet})
		e, key, old := nodes[1], Key("key"), String("old")
		net.run(time.Minute)
		sent := 0
		net.lose = func(_, _ netip.AddrPort, d []byte) bool {
			r := requestIn(d)
			if r == nil || r.Method != wire.Store || string(r.Value) != string(old.Raw()) {
				return false
			}
			if sent++; sent == 3 && replaced {
				r := wire.Request{Method: wire.Store, Target: wire.ID(key), Value: String("new").Raw(), Msg: wire.MsgID{1}}
				net.send(addr(1000), net.addrOf(e), wire.NewWriter().Request(nil, &r))
			}
			return true
		}
		e.Set(net.now, key, old, SetOptions{}, func(SetResult, error) {})
		net.run(time.Minute)
		if want := 6; !replaced && sent != want {
			t.Errorf("%d STOREs were sent where each is lost, want %d", sent, want)
		}
		if replaced && sent != 3 {
			t.Errorf("%d STOREs of a value that was replaced, want the first 3", sent)
		}
	}
}
