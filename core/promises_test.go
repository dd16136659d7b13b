package core

import (
	"testing"
	"time"
)

// A publisher that has reached no node publishes within ten minutes of its return, and
// does not ask more than once a minute until then.
func TestPublisherIsBackWithinMinutes(t *testing.T) {
	for away := time.Duration(0); away < 20*time.Minute; away += 4 * time.Minute {
		net := newTestNet(t, 75)
		nodes := net.grow(3, Config{RefreshInterval: quiet})
		client := net.add(Config{Client: true})
		net.join(client, net.addrOf(nodes[0]))
		key := Key("key")
		net.publish(client, key, Int(1))
		net.cut(net.addrOf(client))
		net.run(26 * time.Hour)
		before := client.Stats().Lookups
		net.run(time.Hour + away)
		if got := client.Stats().Lookups - before; got > 120 {
			t.Errorf("%d lookups in an hour or two without an answer, want 120 at most", got)
		}
		net.lose = nil
		net.run(10 * time.Minute)
		if got := len(net.holders(key)); got != 3 {
			t.Errorf("%d nodes hold the value ten minutes after its publisher is back, want 3", got)
		}
	}
}

// The quota bounds memory, so small values must count with what a record takes besides:
// a node with a quota of 1 MB keeps 1,000 to 5,000 values of a few bytes.
func TestSmallValuesCountWithTheirOverhead(t *testing.T) {
	net := newTestNet(t, 76)
	e := net.add(Config{StoreBytes: 1 << 20, RefreshInterval: quiet, RepublishInterval: quiet})
	for range 20000 {
		e.putRecord(0, RandomID(net.rand), Record{Value: Int(1), Published: net.now, TTL: time.Hour})
	}
	if got := e.Stats().Records; got < 1000 || got > 5000 {
		t.Errorf("%d small values within 1 MB, want 1,000 to 5,000", got)
	}
}

// A stranger whose address is not proven gets no more than 128 kB of long values a
// second in the long run, but at least 32 kB: a hundred forged requests a second for
// a minute.
func TestRateOfLongAnswers(t *testing.T) {
	var a amplification
	sent := 0
	for i := range 60 * 100 {
		if a.allow(time.Duration(i)*10*time.Millisecond, 8000) {
			sent += 8000
		}
	}
	if got := sent / 60; got < 32<<10 || got > 128<<10 {
		t.Errorf("%d bytes a second in the first minute, want 32 kB to 128 kB", got)
	}
	burst := 0
	for now := 10 * time.Minute; a.allow(now, 8000); burst += 8000 {
	}
	if burst < 256<<10 || burst > 1<<20 {
		t.Errorf("%d bytes at once after a rest, want 256 kB to 1 MB", burst)
	}
}
