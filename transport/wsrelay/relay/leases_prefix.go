package relay

import (
	"net/netip"
	"slices"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// perPrefix48 is how many times as many clients may come from an IPv6 /48 as from a /64.
const perPrefix48 = 4

// leasesByPrefix has the leases by the prefix that their clients connect from: see
// Limits.ClientsPerIP.
type leasesByPrefix struct {
	max   int // at one prefix; negative means no bound, and then the maps are empty
	lists map[netip.Addr][]*lease
	in48  map[netip.Addr]int // number of leases by limit.Prefix48
}

func newLeasesByPrefix(max int) leasesByPrefix {
	return leasesByPrefix{max, make(map[netip.Addr][]*lease), make(map[netip.Addr]int)}
}

// isFull reports whether no more clients may come from a prefix.
func (b *leasesByPrefix) isFull(prefix netip.Addr) bool {
	here, around := b.count(prefix)
	return b.max >= 0 && (here >= b.max || around >= perPrefix48*b.max)
}

// count returns the number of clients in a prefix, and in the /48 around it.
func (b *leasesByPrefix) count(prefix netip.Addr) (here, around int) {
	return len(b.lists[prefix]), b.in48[limit.Prefix48(prefix)]
}

// longestAway returns the lease of a prefix whose client has been away for longest, or
// nil if all are connected.
func (b *leasesByPrefix) longestAway(prefix netip.Addr) *lease {
	list := b.lists[prefix]
	if i := slices.IndexFunc(list, func(l *lease) bool { return l.expiry != nil }); i >= 0 {
		return list[i]
	}
	return nil
}

// add puts a lease at the end of the list of a prefix.
func (b *leasesByPrefix) add(l *lease, prefix netip.Addr) {
	l.prefix = prefix
	if b.max > 0 {
		b.lists[prefix] = append(b.lists[prefix], l)
		b.in48[limit.Prefix48(prefix)]++
	}
}

// remove takes a lease off the list of its prefix.
func (b *leasesByPrefix) remove(l *lease) {
	if b.max <= 0 {
		return
	}
	decrement(b.in48, limit.Prefix48(l.prefix))
	list := slices.DeleteFunc(b.lists[l.prefix], func(o *lease) bool { return o == l })
	if len(list) == 0 {
		delete(b.lists, l.prefix)
	} else {
		b.lists[l.prefix] = list
	}
}
