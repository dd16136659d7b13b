package core

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// Trace.Request hears of each stage of each request, in order: of an answered one that
// it was sent and replied to and after what time, of a lost one all stages to its loss.
// Requests of a lookup bear its number.
func TestTraceOfRequests(t *testing.T) {
	net := newTestNet(t, 67)
	seed := net.grow(1, Config{RefreshInterval: quiet})[0]
	var events []trace.Request
	var lookups []trace.Lookup
	e := net.add(Config{RefreshInterval: quiet, Trace: trace.Hooks{
		Request: func(r trace.Request) { events = append(events, r) },
		Lookup:  func(l trace.Lookup) { lookups = append(lookups, l) },
	}})
	ping := func(a netip.AddrPort) (stages []trace.Stage) {
		events = nil
		start := net.now
		e.Ping(net.now, a, func(ID, time.Duration, error) {})
		net.run(10 * time.Second)
		for _, ev := range events {
			if ev.To.Addr != a {
				continue
			}
			if ev.Method != "ping" || ev.Request == 0 || ev.Lookup != 0 || ev.At.Before(start) {
				t.Errorf("trace of a ping is %+v", ev)
			}
			if want := 20 * time.Millisecond; (ev.Stage == trace.Replied) != (ev.RTT == want) {
				t.Errorf("RTT is %v at stage %v, want %v of a reply only", ev.RTT, ev.Stage, want)
			}
			stages = append(stages, ev.Stage)
		}
		return stages
	}
	if got, want := ping(addr(99)), []trace.Stage{trace.Sent, trace.Late, trace.Overdue, trace.Lost}; !slices.Equal(got, want) {
		t.Errorf("ping of nobody: stages %v, want %v", got, want)
	}
	if got, want := ping(net.addrOf(seed)), []trace.Stage{trace.Sent, trace.Replied}; !slices.Equal(got[:min(2, len(got))], want) {
		t.Errorf("ping of a node: stages %v, want %v", got, want)
	}

	net.join(e, net.addrOf(seed))
	net.run(time.Minute) // until the refreshing that follows is over
	events, lookups = nil, nil
	net.get(e, Key("nothing"))
	if len(events) == 0 || len(lookups) != 2 {
		t.Fatalf("%d stages and %d events of a lookup, want some and 2", len(events), len(lookups))
	}
	sent := 0
	for _, ev := range events {
		if ev.Lookup == lookups[0].Lookup && ev.Method == "find_value" && ev.Stage == trace.Sent {
			sent++
		}
	}
	if end := lookups[1]; sent == 0 || sent != end.Requests {
		t.Errorf("%d requests of the lookup were traced, it counts %d", sent, end.Requests)
	}
}
