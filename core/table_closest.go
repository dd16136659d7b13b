package core

import (
	"encoding/binary"
	"sort"
)

// ranked is a peer with its distance from a target.
type ranked struct {
	distance uint64 // its first 64 bits
	peer     *peer
}

// closest appends to dst the n contacts nearest to target that keep accepts, nearest
// first, and returns the extended slice. The peers are valid until the table changes
// (paper, section 2.3: the answer to FIND_NODE).
func (t *table) closest(dst []*peer, target ID, n int, keep func(*peer) bool) []*peer {
	want := len(dst) + n
	var space [32]ranked // on the stack
	t.eachByDistance(target, func(b *bucket) bool {
		list := space[:0]
		for i := range b.contacts {
			if p := &b.contacts[i]; keep(p) {
				list = append(list, ranked{firstBits(target, t.id(p)), p})
			}
		}
		t.sortRanked(list, target)
		for _, r := range list[:min(len(list), want-len(dst))] {
			dst = append(dst, r.peer)
		}
		return len(dst) < want
	})
	return dst
}

// eachByDistance visits the buckets in order of their distance from target, until
// visit returns false: each contact of a bucket is nearer than each contact of the
// next. The order is the bucket of target, then the rest of ever larger subtrees
// around it.
func (t *table) eachByDistance(target ID, visit func(*bucket) bool) {
	lo := t.find(target)
	hi := lo + 1
	if !visit(&t.buckets[lo]) {
		return
	}
	for depth := t.buckets[lo].depth - 1; depth >= 0; depth-- {
		// The sibling of the subtree from lo to hi is next to it, on one side.
		start, end := lo, hi
		for hi < len(t.buckets) && PrefixLen(t.buckets[hi].prefix, target) >= depth {
			hi++
		}
		for lo > 0 && PrefixLen(t.buckets[lo-1].prefix, target) >= depth {
			lo--
		}
		if lo < start {
			start, end = lo, start
		} else {
			start, end = end, hi
		}
		if !t.eachInSubtree(start, end, depth+1, &target, visit) {
			return
		}
	}
}

// eachInSubtree visits the buckets from lo to hi-1, which cover a subtree with its
// root at depth.
func (t *table) eachInSubtree(lo, hi, depth int, target *ID, visit func(*bucket) bool) bool {
	if hi-lo == 1 {
		return visit(&t.buckets[lo])
	}
	mid := lo + sort.Search(hi-lo, func(i int) bool { return t.buckets[lo+i].prefix.bit(depth) == 1 })
	if target.bit(depth) == 0 {
		return t.eachInSubtree(lo, mid, depth+1, target, visit) && t.eachInSubtree(mid, hi, depth+1, target, visit)
	}
	return t.eachInSubtree(mid, hi, depth+1, target, visit) && t.eachInSubtree(lo, mid, depth+1, target, visit)
}

func firstBits(a, b ID) uint64 {
	return binary.BigEndian.Uint64(a[:]) ^ binary.BigEndian.Uint64(b[:])
}

// sortRanked sorts a bucket's worth of peers by their distance from target.
func (t *table) sortRanked(list []ranked, target ID) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && t.before(&list[j], &list[j-1], target); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

func (t *table) before(a, b *ranked, target ID) bool {
	if a.distance != b.distance {
		return a.distance < b.distance
	}
	return target.CompareDistance(t.id(a.peer), t.id(b.peer)) < 0
}
