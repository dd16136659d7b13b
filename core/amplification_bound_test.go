package core

import (
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// S4: a flood of requests for a long value from ever new addresses keeps no more than
// some dozens of proofs under way. The rest is dropped at once, and counted. When the
// proofs have failed, there is room for new ones.
func TestProofsUnderWayAreBounded(t *testing.T) {
	net := newTestNet(t, 69)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
	key, long := Key("long"), Bytes(make([]byte, 8000))
	net.set(e, key, long)
	const flood, served, most = 1000, 150, 100
	for i := range flood {
		r := wire.Request{Method: wire.FindValue, Target: wire.ID(key), Sender: wire.ID(RandomID(net.rand)), Msg: wire.MsgID(RandomID(net.rand))}
		e.Receive(net.now, addr(1000+i), wire.NewWriter().Request(nil, &r))
	}
	if got := e.Stats().Dropped["unproven"]; got < flood-served-most || got == flood-served {
		t.Errorf("%d of %d requests dropped at once, want all but the first %d and %d proofs", got, flood, served, most)
	}
	net.run(10 * time.Second)
	if got := e.Stats().Dropped["unproven"]; got < flood-served {
		t.Errorf("%d of %d requests dropped after the proofs failed, want all but the first %d", got, flood, served)
	}
	e.amplify.spent, e.amplify.at = amplifiedBytes, net.now.Sub(epoch) // so that a stranger needs a proof
	client := net.add(Config{Client: true, RefreshInterval: quiet})
	net.introduce(net.contactOf(e))
	if f, took, err := net.get(client, key); err != nil || f.Value != long || took > 80*time.Millisecond {
		t.Errorf("a stranger gets %d bytes, %v after %v, once the flood is over; want the value at once", f.Value.Size(), err, took)
	}
}
