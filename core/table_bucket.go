package core

import (
	"slices"
	"time"
)

// bucket holds the contacts of one range of ids, which share the first depth bits of
// prefix. The other bits of prefix are zero.
type bucket struct {
	prefix ID
	// completeAt is when a lookup last met every node of the range, in seconds since
	// the engine's start, plus one; zero if none has.
	completeAt uint32
	depth      int
	// touched is when a lookup last had its target in the range.
	touched time.Duration
	// contacts are sorted by the time of their last message, the oldest first.
	contacts []peer
	// replacements is the replacement cache, in the same order (paper, section 4.1).
	replacements []peer
}

// promote removes and returns the most recent replacement that is proven.
func (b *bucket) promote() (peer, bool) {
	for i := len(b.replacements) - 1; i >= 0; i-- {
		if p := b.replacements[i]; p.proven {
			b.replacements = slices.Delete(b.replacements, i, i+1)
			return p, true
		}
	}
	return peer{}, false
}

// staleIndex returns the position of the stalest contact, or -1 if none is stale.
func (b *bucket) staleIndex() int {
	worst := -1
	for i := range b.contacts {
		if p := &b.contacts[i]; p.stale() && (worst < 0 || p.fails > b.contacts[worst].fails) {
			worst = i
		}
	}
	return worst
}

// toTail moves the peer at i to the end of list.
func toTail(list []peer, i int) []peer {
	p := list[i]
	copy(list[i:], list[i+1:])
	list[len(list)-1] = p
	return list
}

// room returns list with space for a few more peers, up to limit in all. It grows
// slowly, because tables take up most of a node's memory.
func room(list []peer, limit int) []peer {
	if n := len(list); n == cap(list) && n < limit {
		return append(make([]peer, 0, min(n+4, limit)), list...)
	}
	return list
}
