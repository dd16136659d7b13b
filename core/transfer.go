package core

import (
	"slices"
	"time"
)

// newcomer is a new contact that is to be handed the records it should hold.
type newcomer struct {
	contact Contact
	level   int // of records, the next to look at
	pos     int // in that level

	inFlight int  // records sent, and not acknowledged yet
	lost     int  // records not acknowledged in time
	full     bool // waits for one of those that are inFlight
	gone     bool // from the line
}

// Handing on records is background work. Every transferPause, transferBatch records
// are looked at, and newcomers beyond maxNewcomers must wait for republishing. A
// newcomer gets as much as it acknowledges: transferWindow records are on their way
// to it at a time, and transferLost without an acknowledgement end it.
const (
	transferBatch  = 64
	transferPause  = 10 * time.Millisecond
	transferWindow = 8
	transferLost   = 3
	maxNewcomers   = 64
)

// transferRecords gives a new contact the records that it should hold, being among the k
// nodes nearest to them, if this node is the one that should do so: nearer to
// them than all others (paper, section 2.5).
func (e *Engine) transferRecords(now time.Duration, c Contact) {
	u := &e.upkeep
	sameAddr := func(n *newcomer) bool { return n.contact.Addr == c.Addr }
	if len(e.records.index) == 0 || len(u.newcomers) >= maxNewcomers || slices.ContainsFunc(u.newcomers, sameAddr) {
		return
	}
	u.newcomers = append(u.newcomers, &newcomer{contact: c})
	if len(u.newcomers) == 1 {
		e.continueAfter(now, 0, u.newcomers[0])
	}
}

// continueAfter goes on with n, which is the first in the line, after a pause.
func (e *Engine) continueAfter(now, pause time.Duration, n *newcomer) {
	e.timers.add(now+pause, wakerFunc(func(now time.Duration) {
		if !n.gone {
			e.transferSome(now, n)
		}
	}))
}

// transferSome looks at some records for the first newcomer in the line.
func (e *Engine) transferSome(now time.Duration, n *newcomer) {
	for range transferBatch {
		if n.inFlight == transferWindow {
			n.full = true
			return
		}
		h := e.nextFor(n)
		if h == nil {
			e.nextNewcomer(now, n)
			return
		}
		if !h.cached && e.shouldTransfer(h.key, n.contact.ID) {
			if r, ok := e.records.get(now, h.key); ok && r.Value.Size() <= MaxValueSize {
				e.transferOne(now, n, h.key, r)
			}
		}
	}
	e.continueAfter(now, transferPause, n)
}

// transferOne sends one record. What is lost is left to republishing.
func (e *Engine) transferOne(now time.Duration, n *newcomer, key ID, r Record) {
	n.inFlight++
	landed := false
	e.store(now, 0, n.contact, key, r, func(now time.Duration, _ *call, stage Stage, r receipt) {
		if stage < RequestOverdue || landed {
			return
		}
		landed = true
		n.inFlight--
		if r == refused {
			n.lost++
		}
		switch {
		case n.gone:
		case n.lost == transferLost:
			e.nextNewcomer(now, n)
		case n.full:
			n.full = false
			e.continueAfter(now, 0, n)
		}
	})
}

// nextNewcomer lets the first newcomer leave the line.
func (e *Engine) nextNewcomer(now time.Duration, n *newcomer) {
	u := &e.upkeep
	n.gone = true
	if u.newcomers = u.newcomers[1:]; len(u.newcomers) > 0 {
		e.continueAfter(now, transferPause, u.newcomers[0])
	}
}

// nextFor returns the next record that the newcomer may have to hold, or nil if
// there are no more.
//
// Of the records that share more bits with this node than the newcomer does,
// there are none if k contacts do so too: all those are nearer.
func (e *Engine) nextFor(n *newcomer) *indexEntry {
	shared := PrefixLen(e.id, n.contact.ID)
	for n.level < len(e.records.levels) {
		if n.level == shared+1 && n.pos == 0 && e.table.kShare(shared+1) {
			return nil
		}
		if list := e.records.levels[n.level]; n.pos < len(list) {
			n.pos++
			return list[n.pos-1]
		}
		n.level, n.pos = n.level+1, 0
	}
	return nil
}

// shouldTransfer reports whether newcomer is among the k nodes nearest to key, and
// this node nearer than all others that answer.
func (e *Engine) shouldTransfer(key, newcomer ID) bool {
	others := func(p *peer) bool { return p.fails == 0 && e.table.id(p) != newcomer }
	nearest := e.table.closest(e.codec.peers[:0], key, e.cfg.K, others)
	e.codec.peers = nearest
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
