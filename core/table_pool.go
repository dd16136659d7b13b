package core

import (
	"hash/maphash"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// contactPool stores contacts, so that routing tables name them by number: tables
// take up most of a node's memory, and engines that share a pool mostly know the
// same contacts.
//
// A pool of one table releases the contacts that leave it. A shared pool keeps one
// entry for each contact that was ever in one of its tables.
type contactPool struct {
	entries []entry
	// free are the numbers of entries not in use. A shared pool has none.
	free []uint32
	// numbers has the number of each entry of a shared pool; nil in any other.
	numbers map[triple]uint32
}

// entry is a contact with the properties of its address, in 40 bytes without a
// pointer: the garbage collector need not look at a million of them.
type entry struct {
	triple
	family wire.Caps
	scope  netaddr.Scope
}

// triple is a contact: the paper's triple of address, port and id.
type triple struct {
	id ID
	at endpoint
}

type endpoint struct {
	ip   [16]byte // v4 addresses in their mapped form
	port uint16
}

func endpointOf(a netip.AddrPort) endpoint { return endpoint{a.Addr().As16(), a.Port()} }

// hashSeed differs from run to run, so that an attacker cannot choose addresses by
// their hash. No behaviour depends on it.
var hashSeed = maphash.MakeSeed()

func (a endpoint) hash() uint64 { return maphash.Comparable(hashSeed, a) }

func (x *entry) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(x.at.ip).Unmap(), x.at.port)
}

func newSharedPool() *contactPool { return &contactPool{numbers: make(map[triple]uint32)} }

// intern returns the number of a contact that enters a table.
func (p *contactPool) intern(c Contact) uint32 {
	x := entry{triple{c.ID, endpointOf(c.Addr)}, familyOf(c.Addr), scopeOf(c.Addr)}
	if p.numbers != nil {
		if n, known := p.numbers[x.triple]; known {
			return n
		}
		p.numbers[x.triple] = uint32(len(p.entries))
	} else if last := len(p.free) - 1; last >= 0 {
		n := p.free[last]
		p.free = p.free[:last]
		p.entries[n] = x
		return n
	}
	p.entries = append(p.entries, x)
	return uint32(len(p.entries) - 1)
}

// release takes back a number that intern returned.
func (p *contactPool) release(n uint32) {
	if p.numbers == nil {
		p.free = append(p.free, n)
	}
}
