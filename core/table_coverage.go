package core

import "time"

// This file is the efficient republishing of the paper's section 2.5: who knows
// all nodes around a key need not look for the nearest ones anew.
//
// The paper refreshes the buckets around the own id before it republishes. Each
// lookup here leaves a note in those buckets of which it has met every node, and
// the hourly refreshing goes through all of them. So most records need no lookup,
// and one that does makes the notes for its neighbours.

// completeAt notes in which buckets a lookup of target has met everybody, given the
// k nearest nodes that answered: in those that lie nearer to target than the last
// of these, and than any that did not get into the table.
func (t *table) markComplete(now time.Duration, target ID, nearest []Contact) {
	if len(nearest) < t.k {
		return
	}
	bits := PrefixLen(target, nearest[t.k-1].ID)
	for _, c := range nearest {
		if t.get(c.ID) == nil {
			bits = max(bits, PrefixLen(target, c.ID))
		}
	}
	for i := range t.buckets {
		if b := &t.buckets[i]; b.depth > bits && PrefixLen(target, b.prefix) > bits {
			b.completeAt = uint32(now/time.Second) + 1
		}
	}
}

// known returns how many of the contacts nearest to target, among those that keep
// accepts, are the nearest there are: nobody between them is missing from the
// table, as far as lookups since then have shown.
func (t *table) knownClosest(target ID, since time.Duration, keep func(*peer) bool) int {
	n := 0
	t.eachByDistance(target, func(b *bucket) bool {
		if len(b.contacts) == t.k || b.completeAt == 0 || time.Duration(b.completeAt)*time.Second <= since {
			return false
		}
		for i := range b.contacts {
			if keep(&b.contacts[i]) {
				n++
			}
		}
		return true
	})
	return n
}

// around returns at least k contacts, nearest to key first, if it is known who the
// nearest are; else nil.
func (e *Engine) nearestFromTable(now time.Duration, key ID) []Contact {
	fits := func(p *peer) bool { return !p.backingOff(now) && !p.stale() }
	n := e.table.knownClosest(key, now-e.cfg.RepublishInterval, fits)
	if n < e.cfg.K {
		return nil
	}
	peers := e.table.closest(e.codec.peers[:0], key, min(n, startPerK*e.cfg.K), fits)
	e.codec.peers = peers
	list := make([]Contact, len(peers))
	for i, p := range peers {
		list[i] = e.table.contact(p)
	}
	return list
}
