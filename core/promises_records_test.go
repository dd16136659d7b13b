package core

import (
	"testing"
	"time"
)

// A republisher that hears of a newer value gives up its own, and never a value that has
// replaced it in the meantime.
func TestGivesUpOnlyWhatIsOld(t *testing.T) {
	net := newTestNet(t, 77)
	e := net.add(Config{RefreshInterval: quiet, RepublishInterval: quiet})
	key := Key("key")
	old := Record{Value: Int(1), Published: net.now, TTL: time.Hour, Version: 1}
	next := Record{Value: Int(2), Published: net.now, TTL: time.Hour, Version: 2}
	now := e.clock.latest
	e.putRecord(now, key, next)
	e.republish.giveUp(now, key, old)
	if _, held := e.records.get(now, key); !held {
		t.Error("the value that replaced the old one is gone")
	}
	e.republish.giveUp(now, key, next)
	if _, held := e.records.get(now, key); held {
		t.Error("the old value is still held")
	}
}

// The address of a contact is not in doubt as long as the node hears nothing: its own link
// may be down. It is in doubt when others are heard.
func TestAddressChangeNeedsALink(t *testing.T) {
	for _, heard := range []bool{false, true} {
		net := newTestNet(t, 78)
		nodes := net.grow(3, Config{RefreshInterval: quiet, RepublishInterval: quiet})
		e := nodes[0]
		old := Contact{ID: nodes[1].ID(), Addr: net.addrOf(nodes[1])}
		if e.table.get(old.ID) == nil || !e.table.get(old.ID).proven {
			t.Fatal("no proven contact")
		}
		now := e.clock.latest
		e.calls.heard = now // the datagram from the new address
		net.cut(net.addrOf(e))
		e.verify.onAddressChange(now, old, Contact{ID: old.ID, Addr: addr(99)})
		if heard {
			e.calls.heard = now + time.Second
		}
		net.run(10 * time.Minute)
		if got := e.table.get(old.ID).proven; got == heard {
			t.Errorf("others were heard: %v, and the address is proven: %v", heard, got)
		}
	}
}
