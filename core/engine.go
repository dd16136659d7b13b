package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Engine is one Kademlia node as a state machine, without a clock, a socket or a
// goroutine. Its driver passes in the time and each datagram that arrives, takes
// the datagrams to send with Flush, and calls Advance at the time that Next
// returns. Results come by callbacks, never before the method that was given the
// callback has returned.
//
// An Engine is not safe for concurrent use, and a callback must not use it. Time
// must not run backwards; if it does, it stands still for the engine. The same
// calls with the same Config.Rand produce the same datagrams.
//
// Most programs want a Node, which drives an Engine.
type Engine struct {
	// The fields that every datagram needs come first, close together.
	clock   clock
	scratch *Scratch
	timers  timers
	calls   calls
	caps    wire.Caps
	id      ID
	run     uint32 // drawn at the start: see wire.Trailer
	network uint32 // a hash of Config.Network: see wire.Trailer
	table   table
	stats   counters

	// Each idea keeps its state in a file of its own, beside its methods.
	serve     serving
	verify    verification
	join      membership
	watch     watching
	refresh   refreshing
	doubt     doubting
	republish republishing
	sets      settings
	publish   publications
	transfer  transfers
	amplify   amplification
	records   recordIndex
	replaced  replacedValues
	cfg       Config
	ownK      bool // Config.K was not given
}

// Scratch is the working memory of an Engine. Between two calls of the engine's
// methods it holds nothing but the datagrams that wait for Flush and the contacts
// of the routing table. See Config.Scratch.
type Scratch struct {
	codec codec
	out   Outbox
	pool  *contactPool
}

// NewScratch returns a Scratch for the engines of a simulation. It keeps every
// contact that was ever in one of their tables: on a real network, strangers could
// make it grow without end.
func NewScratch() *Scratch { return newScratch(newSharedPool()) }

func newScratch(p *contactPool) *Scratch {
	return &Scratch{codec: codec{parse: wire.NewParser(), write: wire.NewWriter()}, pool: p}
}

// codec is scratch space for datagrams and for lists of contacts.
type codec struct {
	parse    *wire.Parser
	write    *wire.Writer
	request  wire.Request
	answer   wire.Answer
	peers    []*peer
	contacts []wire.Contact
	usable   []Contact
	// candidates is the memory of a shortlist whose lookup has ended.
	candidates []candidate
}

// clock counts time from the engine's start.
type clock struct {
	epoch  time.Time
	latest time.Duration // of the last event
}

// at converts a time to one since the epoch that never runs backwards.
func (c *clock) at(now time.Time) time.Duration {
	c.latest = max(c.latest, now.Sub(c.epoch))
	return c.latest
}

// time converts a time since the epoch to one of the calendar.
func (c *clock) time(t time.Duration) time.Time { return c.epoch.Add(t) }

// millis returns the version of a value that is set at now.
func (c *clock) millis(now time.Duration) uint64 {
	return uint64(max(c.time(now).UnixMilli(), 1))
}

// NewEngine returns a node without contacts. Its time starts at now.
func NewEngine(now time.Time, cfg Config) *Engine {
	ownK := cfg.K <= 0
	cfg = cfg.withDefaults()
	e := &Engine{
		ownK:    ownK,
		cfg:     cfg,
		id:      cfg.ID,
		clock:   clock{epoch: now},
		scratch: cfg.Scratch,
		table:   newTable(cfg.ID, cfg.K, cfg.B, cfg.Scratch.pool),
		caps:    cfg.caps(),
	}
	e.calls.e, e.serve.e, e.verify.e, e.join.e, e.refresh.e, e.doubt.e, e.watch.e = e, e, e, e, e, e, e
	e.sets.e, e.republish.e, e.publish.e, e.transfer.e, e.amplify.e = e, e, e, e, e
	e.replaced = newReplacedValues()
	e.records = newRecordIndex(cfg.ID, cfg.Store, cfg.StoreBytes, e.table.sharedByK)
	e.network = networkHash(cfg.Network)
	for e.run == 0 {
		e.run = uint32(cfg.Rand.Uint64())
	}
	if cfg.Trace.Contact != nil {
		e.table.changed = func(p *peer, change trace.Change) {
			e.traceContact(e.clock.latest, e.table.contact(p), change)
		}
	}
	if cfg.Trace.Record != nil {
		e.records.evicted = func(x *indexEntry) {
			e.traceRecord(e.clock.latest, x.key, trace.RecordRemoved, int(x.size-recordOverhead))
		}
	}
	e.republish.start()
	e.timers.call(cfg.RefreshInterval, e.refresh.due)
	e.watch.start()
	return e
}

// ID returns the node's id.
func (e *Engine) ID() ID { return e.id }

// Next returns when the engine wants Advance to be called. There is always such
// a time; it can be in the past.
func (e *Engine) Next() time.Time {
	at, _ := e.timers.next()
	return e.clock.time(at)
}

// Advance does everything that is due at now.
func (e *Engine) Advance(now time.Time) {
	t := e.clock.at(now)
	for {
		w, ok := e.timers.pop(t)
		if !ok {
			return
		}
		w.wake(e, t)
	}
}

// soon calls f at the next Advance, unless the returned task is cancelled before.
func (e *Engine) soon(now time.Duration, f func(now time.Duration)) *task {
	return e.timers.call(now, f)
}

// Flush moves the datagrams that wait to be sent into o, in place of its contents.
func (e *Engine) Flush(o *Outbox) {
	o.reset()
	o.trim()
	*o, e.scratch.out = e.scratch.out, *o
}

// Receive takes in one datagram. It keeps no reference to it.
func (e *Engine) Receive(now time.Time, from netip.AddrPort, datagram []byte) {
	t := e.clock.at(now)
	e.stats.Received++
	e.stats.ReceivedBytes += uint64(len(datagram))
	if scopeOf(from) == netaddr.ScopeNone {
		e.drop(dropAddress)
		return
	}
	kind, msg, body, err := wire.Header(datagram)
	if err != nil {
		e.drop(dropOf(err))
		return
	}
	if kind == wire.KindAnswer {
		e.calls.receive(t, from, msg, body)
		return
	}
	r := &e.scratch.codec.request
	r.Msg = msg
	if err := e.scratch.codec.parse.Request(body, r); err != nil {
		e.drop(dropOf(err))
		return
	}
	if r.Trailer.Present && r.Trailer.Network != e.network {
		e.drop(dropNetwork)
		if r.Method == wire.Ping { // its answer says why the asker cannot join
			e.serve.pong(from, r)
		}
		return
	}
	if e.cfg.Client {
		e.serve.asClient(from, r)
		return
	}
	e.calls.heard = t
	e.serve.request(t, from, r)
}

// send puts a datagram into the outbox. buf is the outbox's buffer with the
// datagram appended.
func (e *Engine) send(to netip.AddrPort, buf []byte) {
	out := &e.scratch.out
	e.stats.Sent++
	e.stats.SentBytes += uint64(len(buf) - len(out.buf))
	out.push(to, buf)
}
