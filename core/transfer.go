package core

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// transfers hand new contacts the records that they should hold (paper, section
// 2.5), one newcomer after the other.
type transfers struct {
	e    *Engine
	line []*newcomer // at most maxNewcomers; the first is being served
}

// newcomer is a new contact to which records are transferred; or, if gone is set, a
// contact that has gone, whose records are transferred to the nodes that come after it.
type newcomer struct {
	contact Contact
	gone    bool
	level   int // of the record index, the next to look at
	pos     int // in that level

	inFlight int  // records sent and not acknowledged yet
	lost     int  // records not acknowledged in time
	blocked  bool // waits for one of the records in flight
	done     bool
}

// A transfer is background work. Every transferPause, transferBatch records are
// looked at; newcomers beyond maxNewcomers have to wait for republishing. A newcomer
// gets records as fast as it acknowledges them: transferWindow are in flight at a
// time, and transferLost without an acknowledgement end its transfer.
const (
	transferBatch  = 64
	transferPause  = 10 * time.Millisecond
	transferWindow = 8
	transferLost   = 3
	maxNewcomers   = 64
)

// add puts a new contact into the line.
func (t *transfers) add(now time.Duration, c Contact) { t.enqueue(now, &newcomer{contact: c}) }

// replace puts a contact that has gone into the line.
func (t *transfers) replace(now time.Duration, id ID) {
	if !t.e.table.inOwnBucket(id) && t.e.table.kShare(PrefixLen(t.e.id, id)+1) {
		return // too far away to have held records of this node
	}
	t.enqueue(now, &newcomer{contact: Contact{ID: id}, gone: true})
}

func (t *transfers) enqueue(now time.Duration, n *newcomer) {
	same := func(o *newcomer) bool { return o.contact == n.contact && o.gone == n.gone }
	if t.e.records.len() == 0 || len(t.line) >= maxNewcomers || slices.ContainsFunc(t.line, same) {
		return
	}
	t.line = append(t.line, n)
	if len(t.line) == 1 {
		t.continueAfter(now, 0, t.line[0])
	}
}

// continueAfter goes on with n, the first in the line, after a pause.
func (t *transfers) continueAfter(now, pause time.Duration, n *newcomer) {
	t.e.timers.call(now+pause, func(now time.Duration) {
		if !n.done {
			t.transferRecords(now, n)
		}
	})
}

// transferRecords looks at a batch of records for the first newcomer in the line.
func (t *transfers) transferRecords(now time.Duration, n *newcomer) {
	for range transferBatch {
		if n.inFlight == transferWindow {
			n.blocked = true
			return
		}
		x := t.nextFor(n)
		if x == nil {
			t.finish(now, n)
			return
		}
		if to, ok := t.receiver(n, x); ok {
			if r, ok := t.e.records.get(now, x.key); ok && r.Value.Size() <= MaxValueSize && t.e.table.takes(to.ID, &r) {
				t.send(now, n, to, x.key, r)
			}
		}
	}
	t.continueAfter(now, transferPause, n)
}

// receiver returns the node that should get the record x because of n, if there is one.
func (t *transfers) receiver(n *newcomer, x *indexEntry) (Contact, bool) {
	switch {
	case x.cached || t.e.doubt.about(x.key):
		return Contact{}, false
	case n.gone:
		return t.successor(x.key, n.contact.ID)
	}
	return n.contact, t.shouldTransfer(x.key, n.contact.ID)
}

// send sends one record. A lost one is left to republishing.
func (t *transfers) send(now time.Duration, n *newcomer, to Contact, key ID, r Record) {
	n.inFlight++
	t.e.calls.ask(now, t.e.storeQuery(now, to, key, r), func(now time.Duration, a *wire.Answer) {
		n.inFlight--
		if t.e.receiptOf(now, a, r) == refused {
			n.lost++
		}
		switch {
		case n.done:
		case n.lost == transferLost:
			t.finish(now, n)
		case n.blocked:
			n.blocked = false
			t.continueAfter(now, 0, n)
		}
	})
}

// finish takes n, the first newcomer, out of the line.
func (t *transfers) finish(now time.Duration, n *newcomer) {
	n.done = true
	if t.line = t.line[1:]; len(t.line) > 0 {
		t.continueAfter(now, transferPause, t.line[0])
	}
}

// nextFor returns the next record that n may have to hold, or nil if there are no
// more.
//
// If k contacts share more bits with this node than n does, then n has to hold no
// record that shares as many: all k are nearer to it.
func (t *transfers) nextFor(n *newcomer) *indexEntry {
	shared := PrefixLen(t.e.id, n.contact.ID)
	levels := t.e.records.levels
	for n.level < len(levels) {
		if n.level == shared+1 && n.pos == 0 && t.e.table.kShare(shared+1) {
			return nil
		}
		if list := levels[n.level]; n.pos < len(list) {
			n.pos++
			return list[n.pos-1]
		}
		n.level, n.pos = n.level+1, 0
	}
	return nil
}

// shouldTransfer reports whether newcomer is among the k nodes nearest to key, and
// this node nearer than every other node that answers.
func (t *transfers) shouldTransfer(key, newcomer ID) bool {
	e := t.e
	others := func(p *peer) bool { return p.fails == 0 && e.table.id(p) != newcomer }
	nearest := e.table.closest(e.scratch.codec.peers[:0], key, e.cfg.K, others)
	e.scratch.codec.peers = nearest
	if len(nearest) > 0 && key.CompareDistance(e.table.id(nearest[0]), e.id) < 0 {
		return false
	}
	nearer := 0
	if key.CompareDistance(e.id, newcomer) < 0 {
		nearer = 1
	}
	for _, p := range nearest {
		if key.CompareDistance(e.table.id(p), newcomer) < 0 {
			nearer++
		}
	}
	return nearer < e.cfg.K
}

// successor returns the node that is now one of the k nearest to key because gone is
// not, if this node is nearer to key than every other node that answers.
func (t *transfers) successor(key, gone ID) (Contact, bool) {
	e := t.e
	others := func(p *peer) bool { return p.fails == 0 && e.table.id(p) != gone }
	nearest := e.table.closest(e.scratch.codec.peers[:0], key, e.cfg.K-1, others)
	e.scratch.codec.peers = nearest
	if len(nearest) < e.cfg.K-1 || len(nearest) == 0 || key.CompareDistance(e.table.id(nearest[0]), e.id) < 0 {
		return Contact{}, false // every node holds it, or another node has to act
	}
	last := e.table.contact(nearest[len(nearest)-1])
	return last, key.CompareDistance(gone, last.ID) < 0
}
