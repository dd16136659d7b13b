package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// This file decides who gets into the routing table. A contact is let in when it
// has answered from its address under its id, and no sooner: anybody can send a
// request with any id from any address, and name any contact in an answer.
// Nodes of ours say their id in each answer; of others a ping asks for it.

// maxProving is how many unknown senders are asked to prove themselves at a time.
// Further ones have to wait for their next request.
const maxProving = 32

// meet gets to know the sender of a request (paper, section 2.2: any message
// brings its sender to the tail of its bucket).
func (e *Engine) onRequest(now time.Duration, c Contact, t wire.Trailer) {
	if c.ID == e.id || t.Caps&wire.CapClient != 0 || !canKeep(c.Addr) {
		return
	}
	p := e.table.seen(c.ID)
	switch {
	case p == nil && (e.table.hasRoom(c.ID) || e.table.hasAddr(c.Addr)):
		e.verify(now, c, true)
	case p == nil:
		// No ping for every stranger who comes by (paper, section 4.1).
		e.table.cacheReplacement(c)
	case e.table.addr(p) != c.Addr:
		e.onAddressChange(now, e.table.contact(p), c)
	case p.fails > 0:
		// It is back, or somebody says so in its name.
		e.verify(now, c, false)
	}
}

// identify takes in who has answered a call, and reports whether it is who was
// asked.
func (e *Engine) onAnswer(now time.Duration, c *call, a *wire.Answer) bool {
	id := ID(a.Trailer.Sender)
	if c.req.Method == wire.Ping {
		id = ID(a.ID)
	}
	known := c.to.ID != (ID{})
	if a.Trailer.Caps&wire.CapClient != 0 {
		return true // soon gone
	}
	if id == (ID{}) {
		if known {
			e.onUnnamedAnswer(now, c.to)
		}
		return true
	}
	if id == e.id {
		// The node asked itself, under another name.
		e.table.forget(c.to)
		return false
	}
	if id != c.to.ID {
		e.table.forget(c.to)
	}
	e.onVerified(now, Contact{ID: id, Addr: c.to.Addr})
	if e.cfg.Direct != nil && a.Trailer.Caps&wire.CapDirect != 0 {
		e.cfg.Direct(Contact{ID: id, Addr: c.to.Addr}, e.table.inOwnBucket(id))
	}
	return !known || id == c.to.ID
}

// unproven takes in that somebody at c's address answers, who does not say under
// which id.
func (e *Engine) onUnnamedAnswer(now time.Duration, c Contact) {
	switch p := e.table.seen(c.ID); {
	case p != nil && e.table.addr(p) == c.Addr:
		e.answered(now, p)
	case p == nil && canKeep(c.Addr) && e.table.hasRoom(c.ID):
		e.verify(now, c, false)
	case p == nil && canKeep(c.Addr):
		e.table.cacheReplacement(c)
	}
}

// welcome takes in a contact that has answered under its id. Where another id
// was known at its address, that one is gone.
func (e *Engine) onVerified(now time.Duration, c Contact) {
	if !canKeep(c.Addr) {
		return
	}
	if p := e.table.seen(c.ID); p != nil {
		switch {
		case e.table.addr(p) == c.Addr:
			e.answered(now, p)
		case !p.proven:
			e.traceContact(now, e.table.contact(p), ContactRemoved)
			e.table.move(p, c)
			e.answered(now, p)
			e.traceContact(now, c, ContactAdded)
		default:
			e.onAddressChange(now, e.table.contact(p), c)
		}
		return
	}
	e.table.removeAddr(c.Addr)
	if e.table.insert(c) {
		if e.cfg.Log != (silent{}) { // what it would be told costs memory
			e.cfg.Log.Debug("new contact", "id", c.ID, "addr", c.Addr)
		}
		// Whom this node had to look for may have been there before it.
		if p := e.upkeep.provingOf(c.ID); p != nil && p.came {
			e.transferRecords(now, c)
		}
	}
}

// answered notes that a contact has answered from its address.
func (e *Engine) answered(now time.Duration, p *peer) {
	if p.fails > 0 {
		e.traceContact(now, e.table.contact(p), ContactAnswered)
	}
	p.answered()
}

// proving is who was pinged to show that it is there. came says that it is a stranger
// who came by, and may be new in the network.
type proving struct {
	id   ID
	came bool
}

// provingOf returns what is under way for an id, or nil.
func (u *upkeep) provingOf(id ID) *proving {
	for i := range u.proving {
		if u.proving[i].id == id {
			return &u.proving[i]
		}
	}
	return nil
}

// prove pings a contact, which is welcome if it answers under its id.
func (e *Engine) verify(now time.Duration, c Contact, came bool) {
	// identify welcomes whoever answers, and unanswered deals with silence.
	e.probe(now, c, came, func(time.Duration, bool) {})
}

// moved deals with a known id that shows up at another address: only if it does not
// answer at the old one, as often in a row as makes a contact stale, may it prove
// itself at the new one. Lost datagrams alone must not give a living contact's place
// to whoever uses its id.
func (e *Engine) onAddressChange(now time.Duration, old, c Contact) {
	e.askOldAddr(now, now, old, c, staleAfter)
}

// askOldAddr asks a contact at its old address, so many times at most. If nobody is heard
// since, it may be the own link that is down.
func (e *Engine) askOldAddr(since, now time.Duration, old, c Contact, times int) {
	e.probe(now, old, false, func(now time.Duration, answered bool) {
		p := e.table.get(c.ID)
		switch {
		case answered, p == nil, e.table.addr(p) != old.Addr:
		case times > 1:
			e.askOldAddr(since, now, old, c, times-1)
		case e.heard > since:
			p.proven = false
			e.verify(now, c, false)
		}
	})
}

// probe pings a contact, unless one of its id is being pinged already or too many
// are, and then reports once whether it answered.
func (e *Engine) probe(now time.Duration, c Contact, came bool, then func(now time.Duration, answered bool)) {
	u := &e.upkeep
	if u.provingOf(c.ID) != nil || len(u.proving) >= maxProving {
		return
	}
	u.proving = append(u.proving, proving{c.ID, came})
	// A stranger's address may be that of somebody else, who is to be bothered once only.
	e.ask(now, 0, c, wire.Request{Method: wire.Ping}, !came, func(now time.Duration, a *wire.Answer) {
		u.proving = slices.DeleteFunc(u.proving, func(p proving) bool { return p.id == c.ID })
		then(now, a != nil)
	})
}

// unanswered notes that a call was in vain. It says something about the peer
// only if the node has heard from somebody since: otherwise its own link may be
// down, and that must not cost it its contacts (paper, section 4.1).
func (e *Engine) unanswered(now time.Duration, c *call) {
	if e.heard <= c.sent {
		return
	}
	p := e.table.get(c.to.ID)
	if p != nil && e.table.addr(p) != c.to.Addr {
		return
	}
	if p != nil {
		e.traceContact(now, c.to, ContactFailed)
	}
	if until := e.table.failed(c.to.ID, now); until > 0 {
		e.timers.add(until, recheck(c.to.ID))
	}
	e.refill(now, c.to.ID)
}

// refill looks for a replacement to prove itself, where a bucket has use for one.
func (e *Engine) refill(now time.Duration, id ID) {
	b := e.table.bucket(id)
	if len(b.contacts) == e.table.k && b.staleIndex() < 0 {
		return
	}
	if n := len(b.replacements); n > 0 {
		e.verify(now, e.table.contact(&b.replacements[n-1]), false)
	}
}

// recheck is the id of a contact that failed, and whose back-off has ended.
type recheck ID

// wake asks the contact again if there is somebody to take its place. Otherwise
// it is left until it is needed.
func (s recheck) wake(e *Engine, now time.Duration) {
	p := e.table.get(ID(s))
	if p == nil || p.fails == 0 || p.backingOff(now) || len(e.table.bucket(ID(s)).replacements) == 0 {
		return
	}
	e.ask(now, 0, e.table.contact(p), wire.Request{Method: wire.Ping}, true, func(time.Duration, *wire.Answer) {})
}

func (s recheck) waits(time.Duration) bool { return true }
