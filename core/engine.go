package core

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Engine is one Kademlia node as a state machine. It has no clock, no socket and
// no goroutine: whoever drives it says what time it is and hands in datagrams,
// takes out those to be sent with Flush, and calls Advance when Next says so.
// Results are told by callbacks, never before the call that asked for them has
// returned.
//
// It is not safe for concurrent use, and callbacks must not call it. Time must
// not run backwards; where it does, it stands still for the engine. The same
// calls with the same Config.Rand give the same datagrams.
//
// Most programs want a Node, which drives an Engine.
type Engine struct {
	// What each datagram needs is close together.
	//
	// latest is the time of the last event, heard that of the last well-formed
	// request or of an answer to one of the own, both since epoch.
	latest    time.Duration
	heard     time.Duration
	epoch     time.Time
	out       *Outbox
	codec     *codec
	timers    timers
	calls     calls
	mostCalls int // that waited since the map of them was made
	rtt       rtt
	caps      wire.Caps
	id        ID
	table     table

	stats      counters
	upkeep     upkeep
	holdings   holdings
	reflection reflection
	cfg        Config
}

// Scratch is the working memory of an Engine, in which nothing is kept from one call
// of it to the next but what waits for Flush, and the contacts of its table. See
// Config.Scratch.
type Scratch struct {
	codec codec
	out   Outbox
	book  *book
}

// NewScratch returns a Scratch for the engines of a simulation. It keeps each contact
// that one of them ever had in its table: on a real network, strangers could make it
// grow without end.
func NewScratch() *Scratch { return newScratch(newSharedBook()) }

func newScratch(b *book) *Scratch {
	return &Scratch{codec: codec{parse: wire.NewParser(), write: wire.NewWriter()}, book: b}
}

// codec is scratch space for datagrams.
type codec struct {
	parse    *wire.Parser
	write    *wire.Writer
	request  wire.Request
	answer   wire.Answer
	peers    []*peer
	contacts []wire.Contact
	heard    []Contact
	// candidates is the list of a lookup that has ended.
	candidates []candidate
}

// NewEngine returns a node that knows nobody yet. Its time starts at now.
func NewEngine(now time.Time, cfg Config) *Engine {
	cfg = cfg.withDefaults()
	e := &Engine{
		cfg:   cfg,
		id:    cfg.ID,
		epoch: now,
		table: newTable(cfg.ID, cfg.K, cfg.B, cfg.Scratch.book),
		out:   &cfg.Scratch.out,
		codec: &cfg.Scratch.codec,
	}
	e.holdings = newHoldings(cfg.ID, cfg.Store, cfg.StoreBytes, e.table.crowded)
	if cfg.Client {
		e.caps |= wire.CapClient
	}
	if cfg.Family&FamilyIPv4 != 0 {
		e.caps |= wire.CapIPv4
	}
	if cfg.Family&FamilyIPv6 != 0 {
		e.caps |= wire.CapIPv6
	}
	if cfg.Direct != nil {
		e.caps |= wire.CapDirect
	}
	if cfg.Trace.Contact != nil {
		e.table.changed = func(p *peer, change Change) { e.traceContact(e.latest, e.table.contact(p), change) }
	}
	if cfg.Trace.Record != nil {
		e.holdings.evicted = func(x *holding) { e.traceRecord(e.latest, x.key, RecordRemoved, int(x.size-RecordOverhead)) }
	}
	e.startUpkeep()
	return e
}

// ID returns the node's id.
func (e *Engine) ID() ID { return e.id }

// at turns a time into one since the epoch that never runs backwards.
func (e *Engine) at(now time.Time) time.Duration {
	e.latest = max(e.latest, now.Sub(e.epoch))
	return e.latest
}

// Next returns when the engine wants Advance to be called. There is always such
// a time; it can be in the past.
func (e *Engine) Next() time.Time {
	at, _ := e.timers.next()
	return e.epoch.Add(at)
}

// Advance does what is due at now.
func (e *Engine) Advance(now time.Time) {
	t := e.at(now)
	for {
		w, ok := e.timers.pop(t)
		if !ok {
			return
		}
		w.wake(e, t)
	}
}

// Flush moves the datagrams that wait to be sent into o, in place of what was
// there.
func (e *Engine) Flush(o *Outbox) {
	o.reset()
	o.trim()
	*o, *e.out = *e.out, *o
}

// Receive takes in one datagram, of which it keeps nothing.
func (e *Engine) Receive(now time.Time, from netip.AddrPort, datagram []byte) {
	t := e.at(now)
	e.stats.Received++
	e.stats.ReceivedBytes += uint64(len(datagram))
	if scopeOf(from) == netaddr.ScopeNone {
		e.drop(DropAddress)
		return
	}
	kind, msg, body, err := wire.Header(datagram)
	if err != nil {
		e.drop(dropOf(err))
		return
	}
	if kind == wire.KindAnswer {
		e.reply(t, from, msg, body)
		return
	}
	r := &e.codec.request
	r.Msg = msg
	if err := e.codec.parse.Request(body, r); err != nil {
		e.drop(dropOf(err))
		return
	}
	if e.cfg.Client {
		e.serveClient(from, r)
		return
	}
	e.heard = t
	e.serve(t, from, r)
}

// send puts a datagram into the outbox, the buffer of which it was appended to.
func (e *Engine) send(to netip.AddrPort, buf []byte) {
	e.stats.Sent++
	e.stats.SentBytes += uint64(len(buf) - len(e.out.buf))
	e.out.push(to, buf)
}
