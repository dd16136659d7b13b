package core

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A table's own book does not grow with everybody who ever came by, and when a new
// one is begun, the table stays as it is.
func TestBookIsRenewed(t *testing.T) {
	src := rand.NewChaCha8([32]byte{11})
	x := newTable(randomID(src), 8, 2, newBook())
	offer(&x, 500, src)
	books := map[*book]bool{}
	for i := range 20_000 {
		c := Contact{randomID(src), addr(i)}
		before, was := contactsOf(&x), x.book
		x.newPeer(c)
		if x.book != was && !slices.EqualFunc(before, contactsOf(&x), func(a, b seated) bool { return a.Contact == b.Contact }) {
			t.Fatal("a new book changes who is in the table")
		}
		x.spare(c)
		books[x.book] = true
		contacts, spares := x.size()
		if got, limit := len(x.book.entries), max(3*(contacts+spares), minBook)+1; got > limit {
			t.Fatalf("the book of %d contacts and %d replacements has %d entries", contacts, spares, got)
		}
	}
	checkTable(t, &x)
	if len(books) < 10 {
		t.Errorf("%d books, want many", len(books))
	}
}

// Engines that share a Scratch share what they know of each other.
func TestBookIsShared(t *testing.T) {
	src := rand.NewChaCha8([32]byte{12})
	s := NewScratch()
	a, b := newTable(randomID(src), 20, 5, s.book), newTable(randomID(src), 20, 5, s.book)
	for i := range 5 * minBook {
		c := Contact{randomID(src), addr(i)}
		a.insert(c)
		b.insert(c)
	}
	checkTable(t, &a)
	checkTable(t, &b)
	if got := len(s.book.entries); got != 5*minBook {
		t.Errorf("%d entries for %d contacts", got, 5*minBook)
	}
}

// A contact is another one under another id, or at another address.
func TestBookTellsContactsApart(t *testing.T) {
	src := rand.NewChaCha8([32]byte{13})
	id := randomID(src)
	b := newBook()
	contacts := []Contact{{id, addr(1)}, {id, addr(2)}, {randomID(src), addr(1)}}
	for range 2 {
		for n, c := range contacts {
			if got := b.write(c); got != uint32(n) || b.entries[n].id != c.ID || b.entries[n].addr() != c.Addr {
				t.Errorf("%v has number %d, want %d", c, got, n)
			}
		}
	}
}
