package core

import "time"

// newcomer is a new contact that is to be handed the records it should hold.
type newcomer struct {
	contact Contact
	level   int // of holdings, the next to look at
	pos     int // in that level
}

// Handing on records is background work. Every handOffPause, handOffKeys records
// are looked at, and newcomers beyond maxNewcomers must wait for republishing.
const (
	handOffKeys  = 64
	handOffPause = 10 * time.Millisecond
	maxNewcomers = 64
)

// handOff gives a new contact the records that it should hold, being among the k
// nodes nearest to them, if this node is the one that should do so: nearer to
// them than all others (paper, section 2.5).
func (e *Engine) handOff(now time.Duration, c Contact) {
	u := &e.upkeep
	if len(e.holdings.index) == 0 || len(u.newcomers) >= maxNewcomers {
		return
	}
	u.newcomers = append(u.newcomers, newcomer{contact: c})
	if len(u.newcomers) == 1 {
		e.timers.add(now, wakerFunc(e.handOffSome))
	}
}

// handOffSome looks at some records for the first newcomer in the line.
func (e *Engine) handOffSome(now time.Duration) {
	u := &e.upkeep
	n := &u.newcomers[0]
	for range handOffKeys {
		h := e.nextFor(n)
		if h == nil {
			u.newcomers = u.newcomers[1:]
			break
		}
		if !h.cached && e.shouldHandOff(h.key, n.contact.ID) {
			if r, ok := e.holdings.get(now, h.key); ok && r.Value.Size() <= MaxValueSize {
				e.store(now, n.contact, h.key, r, func(time.Duration, bool) {})
			}
		}
	}
	if len(u.newcomers) > 0 {
		e.timers.add(now+handOffPause, wakerFunc(e.handOffSome))
	}
}

// nextFor returns the next record that the newcomer may have to hold, or nil if
// there are no more.
//
// Of the records that share more bits with this node than the newcomer does,
// there are none if k contacts do so too: all those are nearer.
func (e *Engine) nextFor(n *newcomer) *holding {
	shared := PrefixLen(e.id, n.contact.ID)
	for n.level < len(e.holdings.levels) {
		if n.level == shared+1 && n.pos == 0 && e.table.countFrom(shared+1) >= e.cfg.K {
			return nil
		}
		if list := e.holdings.levels[n.level]; n.pos < len(list) {
			n.pos++
			return list[n.pos-1]
		}
		n.level, n.pos = n.level+1, 0
	}
	return nil
}

// shouldHandOff reports whether newcomer is among the k nodes nearest to key, and
// this node nearer than all others that answer.
func (e *Engine) shouldHandOff(key, newcomer ID) bool {
	others := func(p *peer) bool { return p.fails == 0 && p.id != newcomer }
	nearest := e.table.closest(e.codec.peers[:0], key, e.cfg.K, others)
	e.codec.peers = nearest
	if len(nearest) > 0 && key.Nearer(nearest[0].id, e.id) < 0 {
		return false
	}
	nearer := 0
	if key.Nearer(e.id, newcomer) < 0 {
		nearer = 1
	}
	for _, p := range nearest {
		if key.Nearer(p.id, newcomer) < 0 {
			nearer++
		}
	}
	return nearer < e.cfg.K
}
