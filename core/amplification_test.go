package core

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// S4: who forges the source of requests for a long value does not get the node to
// flood that address, and who asks from its own is served all the same.
func TestLongAnswersAreNotForForgers(t *testing.T) {
	net := newTestNet(t, 47)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
	key, long := Key("long"), Bytes(make([]byte, 8000))
	net.set(e, key, long)
	victim := net.puppet(Contact{ID{9}, addr(700)}, func(*wire.Request) []byte { return nil })
	bytes := 0
	net.tap = func(_, to netip.AddrPort, d []byte) {
		if to == victim.Addr {
			bytes += len(d)
		}
	}
	const seconds = 30
	for range 100 * seconds {
		r := wire.Request{Method: wire.FindValue, Target: wire.ID(key), Sender: wire.ID(RandomID(net.rand)), Msg: wire.MsgID(RandomID(net.rand))}
		net.send(victim.Addr, net.addrOf(e), wire.NewWriter().Request(nil, &r))
		net.run(10 * time.Millisecond)
	}
	// Besides values there are pings for proof, which are shorter than requests.
	if most := amplifiedBytes + (seconds+10)*amplifiedPerSec + 100*seconds*100; bytes > most {
		t.Errorf("%d bytes were sent to somebody who asked for nothing, want %d at most", bytes, most)
	}
	if e.Stats().Dropped["unproven"] == 0 {
		t.Error("nothing was counted as dropped")
	}
	net.tap = nil

	for _, current := range []bool{true, false} {
		e.amplify = amplification{e: e, spent: amplifiedBytes, at: e.clock.latest}
		x := net.add(Config{Client: true, RefreshInterval: quiet})
		if !current {
			x = net.add(Config{RefreshInterval: quiet})
			net.old[net.addrOf(x)] = true
		}
		x.table.insert(net.contactOf(e))
		if f, took, err := net.get(x, key); err != nil || f.Value != long || took > time.Second {
			t.Errorf("a stranger with trailer %v gets %d bytes, %v after %v, want the value", current, f.Value.Size(), err, took)
		}
		if knows(e, ClientID()) {
			t.Error("a client is a contact, since it answered a ping")
		}
	}
}
