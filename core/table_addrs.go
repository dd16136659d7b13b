package core

import "net/netip"

// This file keeps to one contact per address: a new node at an address has taken the
// place of the old one.

// forget removes c from the table, if its address there is the same.
func (t *table) forget(c Contact) {
	b := t.bucket(c.ID)
	for _, list := range [][]peer{b.contacts, b.replacements} {
		if i := t.index(list, c.ID); i >= 0 && t.addr(&list[i]) == c.Addr {
			t.remove(c.ID)
			return
		}
	}
}

// hasAddr reports whether a contact has that address.
func (t *table) hasAddr(addr netip.AddrPort) bool {
	_, ok := t.byAddr(addr)
	return ok
}

// removeAddr removes the contact with that address from the table.
func (t *table) removeAddr(addr netip.AddrPort) {
	if id, ok := t.byAddr(addr); ok {
		t.remove(id)
	}
}

func (t *table) byAddr(addr netip.AddrPort) (ID, bool) {
	at := endpointOf(addr)
	if !t.addrs.mayHave(at) {
		return ID{}, false
	}
	clear(t.addrs[:]) // of contacts that have left
	var id ID
	found := false
	for i := range t.buckets {
		for j := range t.buckets[i].contacts {
			p := &t.buckets[i].contacts[j]
			here := t.entry(p).at
			t.addrs.add(here)
			if !found && here.port == at.port && here == at {
				id, found = t.id(p), true
			}
		}
	}
	return id, found
}

// addrFilter is a Bloom filter of contact addresses with two hash functions: about 5 %
// false positives at 500 contacts.
type addrFilter [filterBits / 64]uint64

const filterBits = 1 << 12

func (f *addrFilter) add(a endpoint) {
	for _, bit := range filterBitsOf(a) {
		f[bit/64] |= 1 << (bit % 64)
	}
}

// mayHave reports whether a may be one of the addresses.
func (f *addrFilter) mayHave(a endpoint) bool {
	for _, bit := range filterBitsOf(a) {
		if f[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

func filterBitsOf(a endpoint) [2]uint64 {
	h := a.hash()
	return [2]uint64{h % filterBits, h / filterBits % filterBits}
}
