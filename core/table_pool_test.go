package core

import (
	"math/rand/v2"
	"testing"
)

// The pool of one table has no more entries than the table ever had peers at a time,
// however many come by.
func TestPoolReleasesEntries(t *testing.T) {
	src := rand.NewChaCha8([32]byte{11})
	x := newTable(RandomID(src), 8, 2, &contactPool{})
	offer(&x, 500, src)
	for i := range 20_000 {
		x.cacheReplacement(Contact{RandomID(src), addr(i)})
	}
	checkTable(t, &x)
	contacts, replacements := x.size()
	if got, limit := len(x.pool.entries), contacts+replacements+x.k; got > limit {
		t.Errorf("the pool of %d contacts and %d replacements has %d entries, want %d at most", contacts, replacements, got, limit)
	}
}

// Engines that share a Scratch have one entry for a contact that both know.
func TestPoolIsShared(t *testing.T) {
	src := rand.NewChaCha8([32]byte{12})
	s := NewScratch()
	a, b := newTable(RandomID(src), 20, 5, s.pool), newTable(RandomID(src), 20, 5, s.pool)
	for i := range 1000 {
		c := Contact{RandomID(src), addr(i)}
		a.insert(c)
		b.insert(c)
	}
	checkTable(t, &a)
	checkTable(t, &b)
	if got := len(s.pool.entries); got != 1000 {
		t.Errorf("%d entries for %d contacts", got, 1000)
	}
}

// A contact under another id, or at another address, has another entry.
func TestPoolTellsContactsApart(t *testing.T) {
	src := rand.NewChaCha8([32]byte{13})
	id := RandomID(src)
	b := newSharedPool()
	contacts := []Contact{{id, addr(1)}, {id, addr(2)}, {RandomID(src), addr(1)}}
	for range 2 {
		for n, c := range contacts {
			if got := b.intern(c); got != uint32(n) || b.entries[n].id != c.ID || b.entries[n].addr() != c.Addr {
				t.Errorf("%v has number %d, want %d", c, got, n)
			}
		}
	}
}
