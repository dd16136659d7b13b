package core

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// nearestOf returns the ids of the k engines nearest to target, other than self.
func (n *testNet) nearestOf(target ID, self *Engine, k int) []ID {
	var ids []ID
	for _, x := range n.nodes {
		if x.Engine != self {
			ids = append(ids, x.ID())
		}
	}
	slices.SortFunc(ids, target.CompareDistance)
	return ids[:min(k, len(ids))]
}

func (n *testNet) lookup(e *Engine, target ID) []ID {
	n.t.Helper()
	over := false
	var ids []ID
	e.Lookup(n.now, target, func(list []Contact) {
		over = true
		for _, c := range list {
			ids = append(ids, c.ID)
		}
	})
	n.runUntil(func() bool { return over })
	return ids
}

// Q4: where nodes near the target have died, and everybody there names the same
// ones, dead ones among them, a lookup finds the nearest that live.
func TestLookupLooksBeyondTheDead(t *testing.T) {
	const k = 20
	net := newTestNet(t, 90)
	cfg := Config{K: k, RefreshInterval: quiet}
	net.grow(250, cfg)
	asker := net.add(cfg)
	found, missed := 0, 0
	for i := range 12 {
		target := ID{byte(13 * i), byte(i)}
		near := net.nearestOf(target, asker, 4*k)
		for _, id := range near { // they have met, as nodes have after hours
			for _, other := range near {
				if id != other {
					net.byID(id).table.insert(net.contactOf(net.byID(other)))
				}
			}
		}
		for _, id := range near[1:7] {
			net.stop(net.byID(id))
		}
		asker.table = newTable(asker.id, k, 5, &contactPool{})
		asker.table.insert(net.contactOf(net.nodes[i].Engine))
		got := net.lookup(asker, target)
		for _, id := range net.nearestOf(target, asker, k) {
			if slices.Contains(got, id) {
				found++
			} else {
				missed++
			}
		}
	}
	t.Logf("%d of the nearest were found, %d were not", found, missed)
	if missed > found/10 { // a quarter, if nobody is asked who comes after the dead
		t.Errorf("%d of the nearest were found, %d were not", found, missed)
	}
}

func (n *testNet) byID(id ID) *Engine {
	for _, x := range n.nodes {
		if x.ID() == id {
			return x.Engine
		}
	}
	n.t.Fatalf("no node %v", id)
	return nil
}

// I3: a request that is lost is sent again, under another message id, so that one
// lost datagram makes nobody dead; an answer to either of them counts.
func TestRequestIsSentAgain(t *testing.T) {
	net := newTestNet(t, 91)
	nodes := net.grow(40, Config{RefreshInterval: quiet})
	asked := make(map[netip.AddrPort][]wire.MsgID)
	asker := nodes[7]
	net.lose = func(from, to netip.AddrPort, d []byte) bool {
		r := requestIn(d)
		if from != net.addrOf(asker) || r == nil {
			return false
		}
		asked[to] = append(asked[to], r.Msg)
		return len(asked[to]) == 1
	}
	target := ID{0: 0xaa}
	if got, want := net.lookup(asker, target), net.nearestOf(target, asker, 20); !slices.Equal(got, want) {
		t.Errorf("found %d nodes, want all %d", len(got), len(want))
	}
	net.run(asker.cfg.RPCTimeout)
	for to, ids := range asked {
		if len(ids) != 2 || ids[0] == ids[1] {
			t.Errorf("%v was sent %x, want two different ids", to, ids)
		}
	}
	for _, x := range nodes {
		if p := asker.table.get(x.ID()); p != nil && p.fails > 0 {
			t.Errorf("%v has failed", x.ID())
		}
	}
	if s := asker.Stats(); s.TimedOut > 0 || len(asker.calls.waiting) > 0 {
		t.Errorf("%d requests timed out, %d wait", s.TimedOut, len(asker.calls.waiting))
	}
	if asker.calls.rtt.mean > 3*net.delay(netip.AddrPort{}, netip.AddrPort{}) {
		t.Errorf("round trip time is taken for %v, want 20ms", asker.calls.rtt.mean)
	}
}

// A lookup that nobody wants any more has an end too.
func TestCancelEndsALookup(t *testing.T) {
	net := newTestNet(t, 92)
	net.grow(30, Config{RefreshInterval: quiet})
	started, ended := 0, 0
	e := net.add(Config{RefreshInterval: quiet, Trace: trace.Hooks{Lookup: func(l trace.Lookup) {
		if l.Done {
			ended++
		} else {
			started++
		}
	}}})
	net.join(e, net.nodes[0].addr)
	net.run(time.Minute)
	began := started
	cancelGet := e.Get(net.now, Key("a"), GetOptions{}, func(Found, error) { t.Error("Get has ended") })
	cancelLookup := e.Lookup(net.now, ID{1}, func([]Contact) { t.Error("Lookup has ended") })
	cancelSet, _ := e.Set(net.now, Key("b"), Int(1), SetOptions{}, func(SetResult, error) { t.Error("Set has ended") })
	net.run(15 * time.Millisecond)
	cancelGet()
	cancelLookup()
	cancelSet()
	if started != began+3 || ended != started {
		t.Errorf("%d lookups started, %d ended", started, ended)
	}
	net.run(time.Minute)
	if ended != started {
		t.Errorf("%d lookups started, %d ended", started, ended)
	}
}

// Times that are meant as "never" are not too long to be added to others.
func TestForever(t *testing.T) {
	const never = time.Duration(math.MaxInt64)
	net := newTestNet(t, 93)
	nodes := net.grow(30, Config{
		RPCTimeout: never, LookupTimeout: never, TTL: never, RefreshInterval: never, RepublishInterval: never, PublishInterval: never,
	})
	target := ID{0: 0x55}
	if got, want := net.lookup(nodes[3], target), net.nearestOf(target, nodes[3], 20); !slices.Equal(got, want) {
		t.Errorf("found %d nodes, want all %d", len(got), len(want))
	}
	if n, _, err := net.set(nodes[4], Key("k"), Int(1)); n != 20 || err != nil {
		t.Errorf("Set = %d, %v, want 20", n, err)
	}
	before := net.sent
	net.run(6 * 24 * time.Hour)
	if net.sent > before+2*len(nodes) {
		t.Errorf("%d datagrams in six days, want none but of a first ping", net.sent-before)
	}
}
