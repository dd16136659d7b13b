package core

// This file counts contacts around the node's own id. The counts decide whether a
// bucket is split, how long a copy lives, and whether this node is among the k
// nearest to a key.

// kShare reports whether at least k contacts share n bits or more with the node's
// own id. Contacts that did not answer lately do not count.
func (t *table) kShare(n int) bool {
	own, found := t.find(t.self), 0
	enough := func(b *bucket) bool {
		for i := range b.contacts {
			p := &b.contacts[i]
			if p.fails == 0 && (b.depth >= n || PrefixLen(t.self, t.id(p)) >= n) {
				found++
			}
		}
		return found >= t.k
	}
	if enough(&t.buckets[own]) {
		return true
	}
	// The other buckets of the range are next to it, on both sides.
	for i := own + 1; i < len(t.buckets) && PrefixLen(t.self, t.buckets[i].prefix) >= n; i++ {
		if enough(&t.buckets[i]) {
			return true
		}
	}
	for i := own - 1; i >= 0 && PrefixLen(t.self, t.buckets[i].prefix) >= n; i-- {
		if enough(&t.buckets[i]) {
			return true
		}
	}
	return false
}

// sharedByK returns the largest number of bits that k contacts share with the node's
// own id, or 0 if there are fewer than k contacts.
func (t *table) sharedByK() int {
	var levels [IDBits + 1]int
	for i := range t.buckets {
		for j := range t.buckets[i].contacts {
			levels[PrefixLen(t.self, t.id(&t.buckets[i].contacts[j]))]++
		}
	}
	for n, total := IDBits, 0; n > 0; n-- {
		if total += levels[n]; total >= t.k {
			return n
		}
	}
	return 0
}

// countNearer returns the number of contacts nearer to target than the node itself.
// A contact that shares exactly n bits with the node's own id is nearer if target
// differs from that id in the bit after these.
func (t *table) countNearer(target ID) int {
	distance := t.self.Distance(target)
	return t.count(func(level int) bool { return level < IDBits && distance.bit(level) == 1 })
}

// count returns the number of contacts for which is accepts the number of bits that
// they share with the node's own id. Contacts that did not answer lately do not
// count: a bucket that is not full keeps them for ever, and they hold no records.
func (t *table) count(is func(level int) bool) int {
	count := 0
	for i := range t.buckets {
		b := &t.buckets[i]
		level := PrefixLen(t.self, b.prefix)
		own := level >= b.depth
		if !own && !is(level) {
			continue
		}
		for j := range b.contacts {
			p := &b.contacts[j]
			if p.fails == 0 && (!own || is(PrefixLen(t.self, t.id(p)))) {
				count++
			}
		}
	}
	return count
}

// size returns the numbers of contacts and of replacements.
func (t *table) size() (contacts, replacements int) {
	for i := range t.buckets {
		contacts += len(t.buckets[i].contacts)
		replacements += len(t.buckets[i].replacements)
	}
	return contacts, replacements
}
