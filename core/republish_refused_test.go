package core

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// A node that republishes a record gives it up only where most of the nodes that
// answer, and more than one, have a newer value. A node without room has none, and the
// word of one node, or of a few among many, must not end a live record.
func TestRepublisherKeepsALiveRecord(t *testing.T) {
	const k = 8
	tests := []struct {
		newer, full int // of the k nearest; the others do not answer a STORE
		keeps       bool
	}{
		{newer: 0, full: 8, keeps: true},
		{newer: 1, full: 7, keeps: true},
		{newer: 3, full: 5, keeps: true},
		{newer: 1, full: 0, keeps: true},
		{newer: 5, full: 3, keeps: false},
		{newer: 8, full: 0, keeps: false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d newer, %d full", tt.newer, tt.full), func(t *testing.T) {
			net := newTestNet(t, 66)
			key := Key("key")
			var holder *Engine
			// The holder is farther from the key than k others: it does not count itself.
			for i := range k + 1 {
				id := ID(key)
				id[0] ^= byte(i + 1)
				cfg := Config{ID: id, K: k, RefreshInterval: quiet, RepublishInterval: time.Hour}
				if i >= tt.newer && i < k {
					cfg.StoreBytes = 1
				}
				holder = net.grow(1, cfg)[0]
			}
			net.run(time.Minute)
			own := Record{Value: String("own"), Published: net.now.Add(-time.Hour), TTL: 48 * time.Hour}
			holder.putRecord(holder.clock.at(net.now), key, own)
			for _, e := range net.nearestTo(key, k)[:tt.newer] {
				newer := Record{Value: String("newer"), Published: net.now, TTL: 48 * time.Hour}
				if e.putRecord(e.clock.at(net.now), key, newer) {
					e.records.index[key].due += 1000 * time.Hour // it does no work itself
				}
			}
			silent := make(map[netip.AddrPort]bool)
			for _, e := range net.nearestTo(key, k)[tt.newer+tt.full:] {
				silent[net.addrOf(e)] = true
			}
			net.lose = func(_, to netip.AddrPort, d []byte) bool {
				r := requestIn(d)
				return silent[to] && r != nil && r.Method == wire.Store
			}
			stores := 0
			net.tap = func(_, _ netip.AddrPort, d []byte) {
				if r := requestIn(d); r != nil && r.Method == wire.Store {
					stores++
				}
			}
			net.run(2 * time.Hour)
			r, ok := holder.records.get(holder.clock.latest, key)
			if kept := ok && r.Value == own.Value; kept != tt.keeps || stores == 0 {
				t.Errorf("record kept: %v after %d STOREs, want %v", kept, stores, tt.keeps)
			}
		})
	}
}
