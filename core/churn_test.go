package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// B10, E1, Q7: with half of the nodes replaced each hour, without a farewell, and
// 5 % of the datagrams lost, all values are found for hours, and held by most of
// those that should.
func TestValuesSurviveChurn(t *testing.T) {
	t.Parallel()
	const k, size, keys, hours = 8, 60, 60, 3
	net := newTestNet(t, 110)
	r := rand.New(rand.NewChaCha8([32]byte{110}))
	net.delay = func(_, _ netip.AddrPort) time.Duration {
		return time.Duration(20+net.rand.Uint64()%80) * time.Millisecond
	}
	cfg := Config{K: k}
	nodes := net.grow(size, cfg)
	for i := range keys {
		net.set(nodes[i%size], Key(fmt.Sprint(i)), Int(int64(i)))
	}
	net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return net.rand.Uint64()%20 == 0 }
	for hour := range hours {
		for range size / 2 {
			net.stop(net.nodes[1+r.IntN(size-1)].Engine)
			net.add(cfg).Bootstrap(net.now, []netip.AddrPort{addr(1)}, func(int, error) {})
			net.run(time.Hour / (size / 2))
		}
		held := 0
		for i := range keys {
			key := Key(fmt.Sprint(i))
			for _, e := range net.nearestTo(key, k) {
				if r, ok := e.records.get(e.clock.latest, key); ok && !r.Cached {
					held++
				}
			}
			if f, _, err := net.get(net.nodes[r.IntN(size)].Engine, key); err != nil || f.Value != Int(int64(i)) {
				t.Errorf("hour %d: Get of key %d = %v, %v", hour+1, i, f.Value.Text(), err)
			}
		}
		t.Logf("hour %d: %.1f of the %d nearest hold a value", hour+1, float64(held)/keys, k)
		if held < keys*k*2/3 {
			t.Errorf("hour %d: %d records are held by those nearest to them, want %d or so", hour+1, held, keys*k)
		}
	}
}
