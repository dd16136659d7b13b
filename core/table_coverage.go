package core

import "time"

// This file is the efficient republishing of the paper (section 2.5): a node whose
// table has all nodes around a key needs no lookup for the nearest ones.
//
// In the paper, a node refreshes the buckets around its own id before it republishes.
// Here each lookup marks the buckets whose nodes it has all met, and the hourly
// refreshing visits every bucket. So most records need no lookup, and the lookup for
// one record marks buckets for its neighbours.

// markComplete marks the buckets whose nodes a lookup of target has all met, given the
// k nearest nodes that answered. These are the buckets nearer to target than the
// last of the k, and than any of the k that is not in the table.
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

// knownClosest returns how many of the contacts nearest to target that keep accepts
// are the nearest nodes of the network: no node between them is missing from the
// table, as far as lookups since the given time have shown.
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
