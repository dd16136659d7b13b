package webrtc

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// lab is a network of engines in virtual time. The test sets the faults of its
// connections; by default there are none.
type lab struct {
	t      testing.TB
	now    time.Time
	start  time.Time
	queue  events
	tick   time.Time // when the current millisecond began
	ticks  int       // events in it
	rand   *rand.Rand
	hosts  map[netip.AddrPort]*host
	serial int

	never bool                          // connections do not open
	mute  bool                          // connections carry nothing, and say nothing of it
	loss  float64                       // of datagrams over wrapped conns
	tap   func(from *host, data []byte) // called, if set, for each datagram over a wrapped conn

	done, lost int // requests
}

// host is an engine with a driver, and with a core that only asks and answers.
type host struct {
	lab    *lab
	engine *engine
	addr   netip.AddrPort
	id     ID
	links  map[chanID]*fakeLink
	calls  map[wire.MsgID]time.Time
	tells  bool // its core tells of peers
	near   bool
	wakes  time.Time
	idle   int // wake-ups in a row at one time
	woken  time.Time
}

// maxWakes is how often an engine may be woken at one time.
const maxWakes = 100

// wake calls advance, and fails the test if the engine would never let time pass.
func (h *host) wake() {
	if !h.woken.Equal(h.lab.now) {
		h.woken, h.idle = h.lab.now, 0
	}
	if h.idle++; h.idle > maxWakes {
		since := h.lab.now.Sub(h.lab.start)
		h.lab.t.Fatalf("%v after the start: %v wants to be woken again and again at one time", since, h.addr)
	}
	h.engine.advance(h.lab.now)
	h.wakes = time.Time{}
	h.settle()
}

// fakeLink is one end of a connection.
type fakeLink struct {
	own, remote string // ufrags
	other       *host  // as soon as it is open
	otherCh     chanID
}

type event struct {
	at     time.Time
	serial int
	do     func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || q[i].at.Equal(q[j].at) && q[i].serial < q[j].serial
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

const (
	wrappedDelay = 20 * time.Millisecond
	directDelay  = 5 * time.Millisecond
)

func newLab(t testing.TB, seed uint64) *lab {
	start := time.Unix(1_000_000, 0)
	return &lab{
		t: t, now: start, start: start,
		rand: rand.New(rand.NewPCG(seed, 1)), hosts: make(map[netip.AddrPort]*host),
	}
}

// host adds an engine. The first byte of its id and the last of its address are n.
func (l *lab) host(n byte, channels int) *host {
	h := &host{
		lab: l, addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, n}), 4000), id: ID{n}, tells: true, near: true,
		links: make(map[chanID]*fakeLink), calls: make(map[wire.MsgID]time.Time),
	}
	s := settings{self: h.id, mode: Direct, sameIP: true, limits: limits{channels, maxOffering, maxAnswering}}
	h.engine = newEngine(s, rand.NewPCG(uint64(n), 2))
	l.hosts[h.addr] = h
	return h
}

func (l *lab) after(d time.Duration, do func()) {
	l.serial++
	heap.Push(&l.queue, event{l.now.Add(d), l.serial, do})
}

// maxEvents is the maximum number of events in one millisecond. With more, an engine goes
// in circles, and the test fails instead of never ending.
const maxEvents = 10_000

// run lets time pass.
func (l *lab) run(d time.Duration) {
	l.t.Helper()
	end := l.now.Add(d)
	for len(l.queue) > 0 && !l.queue[0].at.After(end) {
		e := heap.Pop(&l.queue).(event)
		if e.at.Sub(l.tick) >= time.Millisecond {
			l.tick, l.ticks = e.at, 0
		}
		if l.ticks++; l.ticks > maxEvents {
			l.t.Fatalf("%v after the start: more than %d events within a millisecond", e.at.Sub(l.start), maxEvents)
		}
		l.now = e.at
		e.do()
	}
	l.now = end
}

// check tests the invariants of the engine.
func (h *host) check() {
	t, e := h.lab.t, h.engine
	t.Helper()
	if got, most := len(e.channels.byID), e.limits.channels; got > 2*most {
		t.Fatalf("%d channels, want at most %d and as many renewals", got, most)
	}
	if len(h.links) != len(e.channels.byID) {
		t.Fatalf("%d connections for %d channels", len(h.links), len(e.channels.byID))
	}
	inUse := len(e.channels.draining)
	for i, p := range e.peers.list {
		if p.place != i || e.peers.byAddr[p.addr] != p {
			t.Fatalf("peer %v is lost", p.addr)
		}
		for _, c := range [...]*channel{p.open, p.pending} {
			if c != nil {
				inUse++
				if e.channels.byID[c.id] != c || c.peer != p || (c.stage == stageOpen) != (c == p.open) {
					t.Fatalf("channel %d of %v in stage %d is where it should not be", c.id, p.addr, c.stage)
				}
			}
		}
	}
	if inUse != len(e.channels.byID) {
		t.Fatalf("%d channels, of which %d belong somewhere", len(e.channels.byID), inUse)
	}
	if n := e.channels.pending(true); n > e.limits.offers {
		t.Fatalf("%d offers, want at most %d", n, e.limits.offers)
	}
	if n := e.channels.pending(false); n > e.limits.answers {
		t.Fatalf("%d answers, want at most %d", n, e.limits.answers)
	}
	offers, seen, old, peers := len(e.channels.byOffer), len(e.budget.seen), len(e.budget.old), len(e.peers.list)
	if offers > e.limits.offers || seen != old || peers > maxPeers {
		t.Fatalf("%d offers wait, %d of %d nonces, %d peers", offers, seen, old, peers)
	}
}
