package core

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// FuzzEngine lets a program of the fuzzer act on an engine in a small network:
// send it anything from anywhere, answer what it asks, use it, let time pass. After
// each step the engine must be well-formed, and all that it sends as well; at the
// end nothing may be left under way.
func FuzzEngine(f *testing.F) {
	// Programs at random get about; the fuzzer goes on from there.
	r := rand.NewChaCha8([32]byte{98})
	for range 150 {
		program := make([]byte, 400)
		r.Read(program)
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		w := newFuzzWorld(t)
		w.tape = program
		for steps := 0; len(w.tape) > 0 && steps < 100; steps++ {
			w.step()
			w.check()
		}
		w.end()
	})
}

// fuzzWorld is the engine under test, two honest ones, and what the fuzzer knows.
type fuzzWorld struct {
	t    *testing.T
	net  *testNet
	e    *Engine
	self netip.AddrPort
	tape []byte
	// ids and addrs are what the fuzzer's peers are made of.
	ids   []ID
	addrs []netip.AddrPort
	// asked are the engine's own requests, the latest last.
	asked []fuzzRequest
	// waiting are what was asked of the engine, by number and sender.
	waiting map[fuzzKey][]wire.Method
	forging bool
	begun   int
	ended   int
	stops   []func() // of what is kept published
}

type fuzzRequest struct {
	to netip.AddrPort
	*wire.Request
}

type fuzzKey struct {
	msg  wire.MsgID
	from netip.AddrPort
}

func newFuzzWorld(t *testing.T) *fuzzWorld {
	net := newTestNet(t, 99)
	cfg := Config{K: 2, Alpha: 2, B: 1, StoreBytes: 4 * recordOverhead, TTL: time.Hour,
		RefreshInterval: 10 * time.Minute, RepublishInterval: 10 * time.Minute}
	w := &fuzzWorld{t: t, net: net, waiting: make(map[fuzzKey][]wire.Method)}
	w.e = net.add(cfg)
	w.self = net.addrOf(w.e)
	one, two := net.add(cfg), net.add(cfg)
	net.tap = w.tap
	net.join(one, w.self)
	net.join(two, w.self)
	w.ids = []ID{w.e.id, one.id, two.id, {}, allOnes, {0: 0x80}, Key("0"), Key("1")}
	for i := range 16 {
		near := w.e.id
		near.flip(IDBits - 1 - 9*i)
		w.ids = append(w.ids, near)
	}
	for i := range 16 {
		far := Key("far")
		far.keepPrefix(0, ID{0: byte(i) << 4, 1: 1})
		w.ids = append(w.ids, far)
	}
	for i := range 12 {
		w.addrs = append(w.addrs, addr(50+i))
	}
	for _, a := range []string{
		"193.0.113.1:1", "193.0.113.1:2", "193.0.113.2:4000", "193.0.113.3:4000", "[2a00::1]:4000",
		"10.0.0.1:4000", "127.0.0.1:4000", "[fe80::1%x]:4000", "[::ffff:193.0.113.9]:4000", "193.0.113.9:0",
		"224.0.0.1:4000", "0.0.0.0:4000",
	} {
		w.addrs = append(w.addrs, netip.MustParseAddrPort(a))
	}
	w.addrs = append(w.addrs, addr(1), addr(2), addr(3))
	return w
}

// tap checks each datagram that the engine sends.
func (w *fuzzWorld) tap(from, to netip.AddrPort, d []byte) {
	r := requestIn(d)
	if r != nil && to == w.self {
		k := fuzzKey{r.Msg, from}
		w.waiting[k] = append(w.waiting[k], r.Method)
	}
	switch {
	case from != w.self || w.forging:
		return
	case scopeOf(to) == netaddr.ScopeNone:
		w.t.Fatalf("a datagram goes to %v", to)
	case len(d) > wire.MaxDatagram:
		w.t.Fatalf("a datagram has %d bytes", len(d))
	case r != nil:
		if ID(r.Sender) != w.e.id && r.Method != wire.Stun {
			w.t.Fatalf("a request is from %x", r.Sender)
		}
		w.asked = append(w.asked[max(0, len(w.asked)-31):], fuzzRequest{to, r})
		return
	}
	kind, msg, body, err := wire.Header(d)
	if err != nil || kind != wire.KindAnswer || !w.fits(to, msg, body) {
		w.t.Fatalf("%x to %v answers nothing", d, to)
	}
}

// fits reports whether body answers a request that came from there.
func (w *fuzzWorld) fits(to netip.AddrPort, msg wire.MsgID, body []byte) bool {
	for _, m := range w.waiting[fuzzKey{msg, to}] {
		var a wire.Answer
		if err := wire.NewParser().Answer(body, m, w.e.cfg.K, &a); err != nil || a.Skipped > 0 {
			continue
		}
		for _, c := range a.Contacts {
			if !mayTell(c.Addr, to) || c.Addr == to {
				w.t.Fatalf("%v is told of %v", to, c.Addr)
			}
		}
		return true
	}
	return false
}

func (w *fuzzWorld) byte() byte {
	if len(w.tape) == 0 {
		return 0
	}
	b := w.tape[0]
	w.tape = w.tape[1:]
	return b
}

func (w *fuzzWorld) bytes(n int) []byte {
	n = min(n, len(w.tape))
	b := w.tape[:n]
	w.tape = w.tape[n:]
	return b
}

func (w *fuzzWorld) id() ID               { return w.ids[int(w.byte())%len(w.ids)] }
func (w *fuzzWorld) addr() netip.AddrPort { return w.addrs[int(w.byte())%len(w.addrs)] }

// value returns a well-formed value.
func (w *fuzzWorld) value() []byte {
	b := w.bytes(int(w.byte()) % 24)
	if wire.NewParser().Valid(b) {
		return b
	}
	return Bytes(b).Raw()
}

func (w *fuzzWorld) trailer() wire.Trailer {
	flags := w.byte()
	if flags&1 == 0 {
		return wire.Trailer{}
	}
	t := wire.Trailer{Present: true, Caps: wire.Caps(flags >> 4)}
	if flags&2 != 0 {
		t.Sender = wire.ID(w.id())
	}
	if flags&4 != 0 {
		t.Life, t.Age, t.TTL = true, time.Duration(w.byte())*time.Minute, time.Duration(w.byte())*time.Minute
	}
	return t
}

func (w *fuzzWorld) contacts() (list []wire.Contact) {
	for range w.byte() % 8 {
		a := w.addr()
		if a.Port() == 0 {
			continue // which the Writer does not write
		}
		list = append(list, wire.Contact{ID: wire.ID(w.id()), Addr: a})
	}
	return list
}

// step does the next thing on the tape.
func (w *fuzzWorld) step() {
	switch w.byte() % 8 {
	case 0: // any datagram from anywhere
		from := w.addr()
		w.send(from, w.bytes(int(w.byte())%64))
	case 1: // a request
		r := wire.Request{Method: wire.Method(w.byte() % byte(wire.Methods)), Sender: wire.ID(w.id()), Msg: wire.MsgID(RandomID(w.net.rand))}
		from := w.addr()
		r.Target, r.Trailer = wire.ID(w.id()), w.trailer()
		if r.Method == wire.Store {
			r.Value = w.value()
		}
		w.send(from, wire.NewWriter().Request(nil, &r))
	case 2: // any answer to what the engine asked
		if q, ok := w.request(); ok {
			w.send(q.to, answerRaw(q.Request, w.bytes(int(w.byte())%64)))
		}
	case 3: // an answer as it should be, with lies in it
		if q, ok := w.request(); ok {
			from := q.to
			if w.byte()%8 == 7 {
				from = w.addr()
			}
			w.send(from, w.answer(q.Request))
		}
	case 4:
		pause := []time.Duration{0, 1, 10, 50, 300, 1000, 3000, 6000, 60e3, 660e3, 3700e3}
		w.net.run(pause[int(w.byte())%len(pause)] * time.Millisecond)
	case 5:
		w.use()
	case 6: // a peer comes by that answers as it should
		w.peer(Contact{w.id(), w.addr()})
	case 7: // one falls silent
		delete(w.net.scripts, w.addr())
	}
}

// peer puts an honest peer at c, if nobody else is there, and lets it ask.
func (w *fuzzWorld) peer(c Contact) {
	if scopeOf(c.Addr) == netaddr.ScopeNone || w.net.at(c.Addr) != nil {
		return
	}
	known := w.e.Contacts()
	w.net.puppet(c, func(r *wire.Request) []byte { return answerAs(c.ID, r, known[:min(3, len(known))]...) })
	r := wire.Request{Method: wire.FindNode, Sender: wire.ID(c.ID), Target: wire.ID(c.ID), Msg: wire.MsgID(RandomID(w.net.rand))}
	w.send(c.Addr, wire.NewWriter().Request(nil, &r))
	w.net.run(100 * time.Millisecond)
}

// request picks one of what the engine asked lately, the latest first.
func (w *fuzzWorld) request() (fuzzRequest, bool) {
	w.net.flush()
	if len(w.asked) == 0 {
		return fuzzRequest{}, false
	}
	return w.asked[len(w.asked)-1-int(w.byte())%len(w.asked)], true
}

func (w *fuzzWorld) answer(r *wire.Request) []byte {
	out, t := wire.NewWriter(), w.trailer()
	switch r.Method {
	case wire.Ping:
		id := wire.ID(w.id())
		return out.Pong(nil, &r.Msg, &id, &t)
	case wire.Store:
		return out.Stored(nil, &r.Msg, w.byte()&1 == 0, &t)
	case wire.Stun:
		return out.Stun(nil, &r.Msg, w.addr(), &t)
	case wire.FindValue:
		if w.byte()&1 == 0 {
			return out.Value(nil, &r.Msg, w.value(), &t)
		}
	}
	return out.Contacts(nil, &r.Msg, w.contacts(), &t)
}

// send sends the engine a datagram, perhaps in its own name.
func (w *fuzzWorld) send(from netip.AddrPort, d []byte) {
	w.forging = true
	w.net.send(from, w.self, d)
	w.forging = false
}

// use does what a user would.
func (w *fuzzWorld) use() {
	w.begun++
	ended := func() { w.ended++ }
	now, key := w.net.now, w.id()
	switch w.byte() % 7 {
	case 0:
		w.e.Get(now, key, GetOptions{}, func(Found, error) { ended() })
	case 1:
		w.e.Set(now, key, Bytes(w.bytes(int(w.byte())%24)), SetOptions{}, func(SetResult, error) { ended() })
	case 2:
		w.e.Lookup(now, w.id(), func([]Contact) { ended() })
	case 3:
		w.e.Ping(now, w.usable(), func(ID, time.Duration, error) { ended() })
	case 4:
		w.e.ObservedAddr(now, w.usable(), func(netip.AddrPort, error) { ended() })
	case 5:
		w.e.Bootstrap(now, []netip.AddrPort{w.usable()}, func(int, error) { ended() })
	case 6:
		stop, err := w.e.Publish(now, key, Bytes(w.bytes(int(w.byte())%24)), SetOptions{}, func(SetResult, error) { ended() })
		if err != nil {
			w.t.Fatal(err)
		}
		w.stops = append(w.stops, stop)
	}
}

// usable returns an address such as a user would name.
func (w *fuzzWorld) usable() netip.AddrPort {
	if a := w.addr(); scopeOf(a) != netaddr.ScopeNone {
		return a
	}
	return addr(2)
}

// check checks what must hold of the engine at any time.
func (w *fuzzWorld) check() {
	e := w.e
	w.net.flush()
	checkTable(w.t, &e.table)
	checkHoldings(w.t, &e.records)
	pings := make(map[ID]bool)
	for msg, c := range e.calls.waiting {
		if age := w.net.now.Sub(e.clock.epoch) - c.sent; age > e.cfg.RPCTimeout || msg != c.first && msg != c.req.Msg {
			w.t.Fatalf("a call of %v is %v old", c.req.Method, age)
		}
		if c.req.Method == wire.Ping && c.stage < trace.Overdue {
			pings[c.to.ID] = true
		}
	}
	for _, p := range e.verify.pending {
		if !pings[p.id] || len(e.verify.pending) > maxPending {
			w.t.Fatalf("%v is being proven, but not pinged; %d are", p.id, len(e.verify.pending))
		}
	}
	if e.republish.active > maxRepublishing || len(e.transfer.line) > maxNewcomers {
		w.t.Fatalf("%d records are being republished, %d newcomers wait", e.republish.active, len(e.transfer.line))
	}
	if e.Next().Before(w.net.now) {
		w.t.Fatalf("something was due %v ago", w.net.now.Sub(e.Next()))
	}
}

// end lets everything come to its end, cut off from the others.
func (w *fuzzWorld) end() {
	w.e.join.seeds = nil
	w.net.run(time.Minute)
	if w.begun != w.ended {
		w.t.Fatalf("%d operations were begun, %d have ended", w.begun, w.ended)
	}
	for _, stop := range w.stops {
		stop()
	}
	if len(w.e.publish.byKey) > 0 {
		w.t.Fatalf("%d values are published after all were stopped", len(w.e.publish.byKey))
	}
	w.net.cut(w.self)
	w.net.run(2 * time.Hour)
	w.check()
	for _, h := range w.e.records.index {
		if h.expires > w.e.clock.latest+MaxTTL {
			w.t.Fatalf("a record lives for %v more", h.expires-w.e.clock.latest)
		}
	}
}
