package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// refreshing looks for nodes in the ranges of buckets that no lookup has touched
// lately (paper, section 2.3).
type refreshing struct {
	e *Engine
}

// far refreshes the ranges of ids farther away than the k nearest contacts,
// one after the other: one for each length of prefix that the node shares with
// contacts outside. In the paper this begins beyond the nearest contact (section
// 2.3). But the lookup of the node's own id has met every node nearer than the k-th,
// and a stranger with a chosen id next to this one could make it 160 lookups.
func (r *refreshing) far(now time.Duration) {
	e := r.e
	nearest := e.table.closest(e.scratch.codec.peers[:0], e.id, e.cfg.K, func(*peer) bool { return true })
	e.scratch.codec.peers = nearest
	if n := len(nearest); n > 0 {
		r.levels(now, 0, PrefixLen(e.id, e.table.id(nearest[n-1]))+1)
	}
}

// levels refreshes the ranges whose ids share level to end-1 bits with the
// node's own.
func (r *refreshing) levels(now time.Duration, level, end int) {
	e := r.e
	if level >= end {
		return
	}
	target := e.id
	target.flip(level)
	target.keepPrefix(level+1, RandomID(e.cfg.Rand))
	l := e.newLookup(now, target, trace.ForRefresh)
	l.onEnd = func(now time.Duration) { r.levels(now, level+1, end) }
	l.start(now)
}

// due refreshes, one after the other, the buckets that no lookup has touched
// for Config.RefreshInterval, by a lookup of a random id in their range (paper,
// section 2.3).
func (r *refreshing) due(now time.Duration) {
	e := r.e
	next := now + e.cfg.RefreshInterval
	for i := range e.table.buckets {
		b := &e.table.buckets[i]
		at := b.touched + e.cfg.RefreshInterval
		if at <= now {
			target := b.prefix
			target.keepPrefix(b.depth, RandomID(e.cfg.Rand))
			l := e.newLookup(now, target, trace.ForRefresh)
			l.onEnd = func(now time.Duration) {
				e.join.onLookupEnd(now, l)
				r.due(now)
			}
			l.start(now)
			return
		}
		next = min(next, at)
	}
	e.timers.call(next, r.due)
}
