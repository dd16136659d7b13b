package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// verification decides which contacts enter the routing table: those that have
// answered from their address under their id. A request proves nothing, because
// anybody can send one with any id from any address, and an answer can name any
// contact. A Kadmesh node says its id in each answer; other nodes are pinged for it.
type verification struct {
	e       *Engine
	pending []pendingPing // at most maxPending
}

// goneAfter is the number of unanswered RPCs in a row after which the records of a
// contact are given to the node that comes after it.
const goneAfter = 2

// maxPending is how many contacts are pinged at a time to verify them. A further
// contact has to wait for its next request.
const maxPending = 32

// pendingPing is a ping that verifies a contact. stranger is set if the contact has
// sent a request: it may be new in the network.
type pendingPing struct {
	id       ID
	stranger bool
}

// onRequest takes note of the sender of a request (paper, section 2.2: any message
// moves its sender to the tail of its bucket).
func (v *verification) onRequest(now time.Duration, c Contact, t wire.Trailer) {
	e := v.e
	if c.ID == e.id || t.Caps&wire.CapClient != 0 || !canKeep(c.Addr) {
		return
	}
	p := e.table.seen(c.ID)
	switch {
	case t.Caps&wire.CapLeaving != 0:
		if p != nil && e.table.addr(p) == c.Addr {
			v.verify(now, c, false) // anybody can say farewell for another node
		}
	case p == nil && (e.table.hasRoom(c.ID) || e.table.hasAddr(c.Addr)):
		v.verify(now, c, true)
	case p == nil:
		// A stranger is not worth a ping of an old contact (paper, section 4.1).
		e.table.cacheReplacement(c)
	case e.table.addr(p) != c.Addr:
		v.onAddressChange(now, e.table.contact(p), c)
	case p.fails > 0, p.run != 0 && t.Run != 0 && p.run != t.Run:
		// The contact is back or has started again, or another node uses its name.
		v.verify(now, c, false)
	}
}

// onAnswer takes note of the sender of an answer. It reports whether the answer
// comes from the node that was asked.
func (v *verification) onAnswer(now time.Duration, c *call, a *wire.Answer) bool {
	e := v.e
	id := ID(a.Trailer.Sender)
	if c.req.Method == wire.Ping {
		id = ID(a.ID)
	}
	known := c.to.ID != (ID{})
	switch {
	case a.Trailer.Caps&wire.CapClient != 0:
		return true // a client leaves soon
	case a.Trailer.Caps&wire.CapLeaving != 0:
		e.table.forget(c.to)
		return true
	}
	if id == (ID{}) {
		if known {
			v.onUnnamedAnswer(now, c.to)
		}
		return true
	}
	if id == e.id {
		// The node has asked itself, under another id.
		e.table.forget(c.to)
		return false
	}
	if id != c.to.ID {
		e.table.forget(c.to)
	}
	v.onVerified(now, Contact{ID: id, Addr: c.to.Addr})
	v.noteRun(now, id, a.Trailer.Run)
	if e.cfg.Direct != nil && a.Trailer.Caps&wire.CapDirect != 0 {
		e.cfg.Direct(Contact{ID: id, Addr: c.to.Addr}, e.table.inOwnBucket(id))
	}
	return !known || id == c.to.ID
}

// onUnnamedAnswer takes note of an answer from c's address that does not say the
// id of its sender.
func (v *verification) onUnnamedAnswer(now time.Duration, c Contact) {
	e := v.e
	switch p := e.table.seen(c.ID); {
	case p != nil && e.table.addr(p) == c.Addr:
		v.markAnswered(now, p)
	case p == nil && canKeep(c.Addr) && e.table.hasRoom(c.ID):
		v.verify(now, c, false)
	case p == nil && canKeep(c.Addr):
		e.table.cacheReplacement(c)
	}
}

// onVerified takes in a contact that has answered under its id. If another id was
// known at its address, the node of that id is gone.
func (v *verification) onVerified(now time.Duration, c Contact) {
	e := v.e
	if !canKeep(c.Addr) {
		return
	}
	if p := e.table.seen(c.ID); p != nil {
		switch {
		case e.table.addr(p) == c.Addr:
			v.markAnswered(now, p)
		case !p.proven:
			e.traceContact(now, e.table.contact(p), trace.ContactRemoved)
			e.table.move(p, c)
			v.markAnswered(now, p)
			e.traceContact(now, c, trace.ContactAdded)
		default:
			v.onAddressChange(now, e.table.contact(p), c)
		}
		return
	}
	e.table.removeAddr(c.Addr)
	if e.table.insert(c) {
		if e.cfg.Log != (silent{}) { // the arguments cost memory
			e.cfg.Log.Debug("new contact", "id", c.ID, "addr", c.Addr)
		}
		// A contact that this node had to look for may be older than this node.
		if p := v.pendingPing(c.ID); p != nil && p.stranger {
			e.transfer.add(now, c)
		}
	}
}

// noteRun notes the run that a contact has announced. In a new run the contact may have
// lost its records, and gets them like a newcomer.
func (v *verification) noteRun(now time.Duration, id ID, run uint32) {
	p := v.e.table.get(id)
	if p == nil || run == 0 {
		return
	}
	restarted := p.run != 0 && p.run != run
	p.run = run
	if restarted {
		v.e.transfer.add(now, v.e.table.contact(p))
	}
}

// markAnswered notes that a contact has answered from its address. A contact that seemed
// to have gone may have missed values, and gets them like a newcomer.
func (v *verification) markAnswered(now time.Duration, p *peer) {
	if p.fails > 0 {
		v.e.traceContact(now, v.e.table.contact(p), trace.ContactAnswered)
	}
	back := p.fails >= goneAfter
	p.answered()
	if back {
		v.e.transfer.add(now, v.e.table.contact(p))
	}
}

// pendingPing returns the ping under way for id, or nil.
func (v *verification) pendingPing(id ID) *pendingPing {
	for i := range v.pending {
		if v.pending[i].id == id {
			return &v.pending[i]
		}
	}
	return nil
}

// verify pings a contact. If it answers under its id, onAnswer takes it in;
// silence is for onSilence.
func (v *verification) verify(now time.Duration, c Contact, stranger bool) {
	v.ping(now, c, stranger, func(time.Duration, bool) {})
}

// onAddressChange deals with a known id at another address. The contact may move
// there only if its old address stays silent, as often in a row as makes a contact
// stale. Lost datagrams alone must not give a living contact's place to another
// node that uses its id.
func (v *verification) onAddressChange(now time.Duration, old, c Contact) {
	v.askOldAddr(now, now, old, c, staleAfter)
}

// askOldAddr pings a contact at its old address, at most the given number of times.
// If nothing at all was heard since then, the node's own link may be down.
func (v *verification) askOldAddr(since, now time.Duration, old, c Contact, times int) {
	e := v.e
	v.ping(now, old, false, func(now time.Duration, answered bool) {
		p := e.table.get(c.ID)
		switch {
		case answered, p == nil, e.table.addr(p) != old.Addr:
		case times > 1:
			v.askOldAddr(since, now, old, c, times-1)
		case e.calls.heard > since:
			p.proven = false
			v.verify(now, c, false)
		}
	})
}

// ping pings a contact and then reports once whether it answered. It does nothing
// if a ping for the same id is under way, or too many are.
func (v *verification) ping(now time.Duration, c Contact, stranger bool, then func(now time.Duration, answered bool)) {
	if v.pendingPing(c.ID) != nil || len(v.pending) >= maxPending {
		return
	}
	v.pending = append(v.pending, pendingPing{c.ID, stranger})
	// A stranger's address may be forged: its owner gets one datagram only.
	q := query{to: c, req: wire.Request{Method: wire.Ping}, repeat: !stranger}
	v.e.calls.ask(now, q, func(now time.Duration, a *wire.Answer) {
		v.pending = slices.DeleteFunc(v.pending, func(p pendingPing) bool { return p.id == c.ID })
		then(now, a != nil)
	})
}

// onSilence notes that a call was in vain. Silence says something about the peer
// only if the node has heard from any other since: its own link may be down, and
// must not cost it its contacts (paper, section 4.1). Nor does a sleep.
func (v *verification) onSilence(now time.Duration, c *call) {
	e := v.e
	if e.calls.heard <= c.sent || c.sent < e.doubt.since {
		return
	}
	p := e.table.get(c.to.ID)
	if p != nil && e.table.addr(p) != c.to.Addr {
		return
	}
	if p != nil {
		e.traceContact(now, c.to, trace.ContactFailed)
		if p.fails == goneAfter-1 {
			e.transfer.replace(now, c.to.ID)
		}
	}
	if until := e.table.failed(c.to.ID, now); until > 0 {
		e.timers.add(until, recheck(c.to.ID))
	}
	v.refill(now, c.to.ID)
}

// refill verifies a replacement if the bucket that covers id has use for one.
func (v *verification) refill(now time.Duration, id ID) {
	b := v.e.table.bucket(id)
	if len(b.contacts) == v.e.table.k && b.staleIndex() < 0 {
		return
	}
	if n := len(b.replacements); n > 0 {
		v.verify(now, v.e.table.contact(&b.replacements[n-1]), false)
	}
}

// recheck is the id of a contact that failed and whose back-off has ended.
type recheck ID

// wake pings the contact again if a replacement waits for its place. Otherwise the
// contact is left until it is needed.
func (r recheck) wake(e *Engine, now time.Duration) {
	p := e.table.get(ID(r))
	if p == nil || p.fails == 0 || p.backingOff(now) || len(e.table.bucket(ID(r)).replacements) == 0 {
		return
	}
	q := query{to: e.table.contact(p), req: wire.Request{Method: wire.Ping}, repeat: true}
	e.calls.ask(now, q, func(time.Duration, *wire.Answer) {})
}

func (r recheck) waits(time.Duration) bool { return true }
