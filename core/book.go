package core

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// book is where contacts are written down, once each, for routing tables to name
// them by number: tables are most of what a node takes up, and of many engines that
// share a book, most know the same contacts.
//
// Nothing is crossed out. A table that has a book to itself begins a new one when
// most of it is not in use any more; a shared one keeps each contact that was ever
// in one of the tables.
type book struct {
	shared  bool
	entries []entry
	numbers map[key]uint32
}

// entry is a contact and what follows from where it is, in 40 bytes without a
// pointer, so that the garbage collector need not look at a million of them.
type entry struct {
	key
	family wire.Caps
	scope  scope
}

type key struct {
	id ID
	at endpoint
}

type endpoint struct {
	ip   [16]byte // v4 addresses in their mapped form
	port uint16
}

func endpointOf(a netip.AddrPort) endpoint { return endpoint{a.Addr().As16(), a.Port()} }

// hash is a number that few other endpoints share.
func (a *endpoint) hash() uint64 {
	x := binary.LittleEndian.Uint64(a.ip[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(a.ip[8:]), 32) ^ uint64(a.port)
	return x * 0x9e3779b97f4a7c15 >> 32
}

func (x *entry) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(x.at.ip).Unmap(), x.at.port)
}

func newBook() *book { return &book{numbers: make(map[key]uint32)} }

// write returns the number of a contact, which it writes down if it is new.
func (b *book) write(c Contact) uint32 {
	k := key{c.ID, endpointOf(c.Addr)}
	n, known := b.numbers[k]
	if !known {
		n = uint32(len(b.entries))
		b.entries = append(b.entries, entry{k, familyOf(c.Addr), scopeOf(c.Addr)})
		b.numbers[k] = n
	}
	return n
}
