package core

import (
	"hash/maphash"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// book is where contacts are written down for routing tables to name them by number:
// tables are most of what a node takes up, and of many engines that share a book, most
// know the same contacts.
//
// A table that has a book to itself crosses out whoever leaves it. A shared one has one
// entry for each contact that was ever in one of the tables.
type book struct {
	entries []entry
	// crossed are the numbers of entries that are not in use, if the book is one table's.
	crossed []uint32
	// numbers are those of all entries, if the book is shared.
	numbers map[triple]uint32
}

// entry is a contact and what follows from where it is, in 40 bytes without a
// pointer, so that the garbage collector need not look at a million of them.
type entry struct {
	triple
	family wire.Caps
	scope  netaddr.Scope
}

// triple is a contact, as the paper calls it.
type triple struct {
	id ID
	at endpoint
}

type endpoint struct {
	ip   [16]byte // v4 addresses in their mapped form
	port uint16
}

func endpointOf(a netip.AddrPort) endpoint { return endpoint{a.Addr().As16(), a.Port()} }

// hashSeed differs from run to run, so that nobody can choose addresses by their hash.
// What the hash is for decides nothing that is seen.
var hashSeed = maphash.MakeSeed()

func (a endpoint) hash() uint64 { return maphash.Comparable(hashSeed, a) }

func (x *entry) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(x.at.ip).Unmap(), x.at.port)
}

func newSharedBook() *book { return &book{numbers: make(map[triple]uint32)} }

// write returns the number of a contact that gets into a table.
func (b *book) write(c Contact) uint32 {
	x := entry{triple{c.ID, endpointOf(c.Addr)}, familyOf(c.Addr), scopeOf(c.Addr)}
	if b.numbers != nil {
		if n, known := b.numbers[x.triple]; known {
			return n
		}
		b.numbers[x.triple] = uint32(len(b.entries))
	} else if last := len(b.crossed) - 1; last >= 0 {
		n := b.crossed[last]
		b.crossed = b.crossed[:last]
		b.entries[n] = x
		return n
	}
	b.entries = append(b.entries, x)
	return uint32(len(b.entries) - 1)
}

// cross says that a table has no more use for a number that it was given.
func (b *book) cross(n uint32) {
	if b.numbers == nil {
		b.crossed = append(b.crossed, n)
	}
}
