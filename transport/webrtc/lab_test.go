package webrtc

import (
	"container/heap"
	"fmt"
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
	tap   func(from *host, data []byte) // sees what goes over wrapped conns, if it is set

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

// settle performs the actions of the engine and sets its timer.
func (h *host) settle() {
	for _, o := range h.engine.takeActions() {
		switch o.kind {
		case makeOffer:
			h.begin(o.ch, nil)
		case makeAnswer:
			h.begin(o.ch, &o.remote)
		case useAnswer:
			h.checkCandidates(o.remote.candidates)
			h.links[o.ch].remote = o.remote.ufrag
			h.connect(o.ch)
		case endChannel:
			h.drop(o.ch)
		case sendMessage:
			h.overLink(o.ch, o.data)
		case sendDatagram:
			h.overWrapped(o.to, o.data)
		}
	}
	if next := h.engine.next(); !next.IsZero() && !next.Equal(h.wakes) {
		h.wakes = next
		h.lab.after(max(0, next.Sub(h.lab.now)), func() {
			if !h.wakes.Equal(next) {
				return // set to another time since
			}
			h.wake()
		})
	}
	h.check()
}

func (h *host) begin(ch chanID, remote *description) {
	h.lab.serial++
	k := &fakeLink{own: fmt.Sprintf("u%07d", h.lab.serial)}
	h.links[ch] = k
	d := description{ufrag: k.own, pwd: "passwordpasswordpasswo", candidates: cands("10.0.0.1:5000")}
	if remote != nil {
		h.checkCandidates(remote.candidates)
		k.remote, d.role = remote.ufrag, active
	}
	h.lab.after(2*time.Millisecond, func() {
		if h.links[ch] == k {
			h.engine.described(h.lab.now, ch, d)
			h.settle()
		}
	})
}

func (h *host) checkCandidates(list []candidate) {
	for _, c := range list {
		if h.lab.hosts[netip.AddrPortFrom(c.ip, 4000)] == nil || c.port != 5000 {
			h.lab.t.Errorf("%v would try %v, which is nobody's", h.addr, c)
		}
	}
}

// connect opens the connection of which the answer has come to ch.
func (h *host) connect(ch chanID) {
	k := h.links[ch]
	if h.lab.never {
		return
	}
	for _, other := range h.lab.hosts {
		for otherCh, o := range other.links {
			if o.own != k.remote || o.remote != k.own {
				continue
			}
			h.open(ch, k, other, otherCh, 5*time.Millisecond)
			other.open(otherCh, o, h, ch, 7*time.Millisecond)
		}
	}
}

func (h *host) open(ch chanID, k *fakeLink, other *host, otherCh chanID, after time.Duration) {
	k.other, k.otherCh = other, otherCh
	h.lab.after(after, func() {
		if h.links[ch] == k {
			h.engine.opened(h.lab.now, ch)
			h.settle()
		}
	})
}

// drop ends one end of a connection; the other one hears of it, unless it is mute.
func (h *host) drop(ch chanID) {
	k := h.links[ch]
	if k == nil {
		h.lab.t.Errorf("channel %d ended that is not there", ch)
		return
	}
	delete(h.links, ch)
	if k.other == nil || h.lab.mute {
		return
	}
	h.lab.after(directDelay, func() {
		if k.other.links[k.otherCh] != nil {
			k.other.engine.ended(h.lab.now, k.otherCh)
			k.other.settle()
		}
	})
}

func (h *host) overLink(ch chanID, data []byte) {
	k := h.links[ch]
	if k == nil || k.other == nil || h.lab.mute {
		return
	}
	data = append([]byte(nil), data...)
	h.lab.after(directDelay, func() {
		if k.other.links[k.otherCh] == nil {
			return
		}
		from, ok := k.other.engine.received(h.lab.now, k.otherCh, data)
		if ok && from != h.addr {
			h.lab.t.Errorf("a datagram from %v came from %v", h.addr, from)
		}
		if ok {
			k.other.receive(from, data)
		}
		k.other.settle()
	})
}

func (h *host) overWrapped(to netip.AddrPort, data []byte) {
	if h.lab.tap != nil {
		h.lab.tap(h, data)
	}
	data = append([]byte(nil), data...)
	other := h.lab.hosts[to]
	if other == nil || h.lab.rand.Float64() < h.lab.loss {
		return
	}
	h.lab.after(wrappedDelay, func() {
		switch {
		case isOffer(data):
			other.engine.receivedOffer(h.lab.now, h.addr, data)
		case data[0] == 1 && other.engine.receivedAnswer(h.lab.now, h.addr, data):
		default:
			other.receive(h.addr, data)
		}
		other.settle()
	})
}

// receive is the core's part.
func (h *host) receive(from netip.AddrPort, data []byte) {
	msg := wire.MsgID(data[1:wire.HeaderLen])
	if data[0] == 0 {
		h.send(from, append([]byte{1}, data[1:]...))
		return
	}
	if _, ok := h.calls[msg]; ok {
		delete(h.calls, msg)
		h.lab.done++
		if h.tells {
			h.engine.met(h.lab.now, from, h.lab.hosts[from].id, h.near)
		}
	}
}

func (h *host) send(to netip.AddrPort, data []byte) {
	if ch := h.engine.send(h.lab.now, to, data); ch != 0 {
		h.overLink(ch, data)
	} else {
		h.overWrapped(to, data)
	}
	h.settle()
}

// call asks other something. After five seconds without an answer it is lost.
func (h *host) call(other *host) {
	p := make([]byte, 60)
	for i := 1; i < len(p); i++ {
		p[i] = byte(h.lab.rand.Uint32())
	}
	msg := wire.MsgID(p[1:wire.HeaderLen])
	h.calls[msg] = h.lab.now
	h.send(other.addr, p)
	h.lab.after(5*time.Second, func() {
		if _, waits := h.calls[msg]; waits {
			delete(h.calls, msg)
			h.lab.lost++
		}
	})
}

// load lets a call b at a steady rate for some time.
func (l *lab) load(a, b *host, every, length time.Duration) {
	for at := time.Duration(0); at < length; at += every {
		l.after(at, func() { a.call(b) })
	}
}

func (h *host) state(other *host) State {
	p := h.engine.peers.byAddr[other.addr]
	if p == nil {
		return Idle
	}
	return p.state(h.lab.now)
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
