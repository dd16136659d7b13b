package core

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The ids at the edges of the space: the reference puts the one in the middle
// into one bucket and looks for it in another (B6 of its faults).
var edgeIDs = []ID{{}, {19: 1}, halfLess, {0: 0x80}, {0: 0x80, 19: 1}, allOnes}

var halfLess, allOnes = ones(1), ones(0)

// ones returns the id of zeros up to bit n and ones from there on.
func ones(n int) ID {
	var id ID
	for i := n; i < IDBits; i++ {
		id.flip(i)
	}
	return id
}

// idAt returns a random id that shares exactly level bits with id.
func idAt(id ID, level int, src rand.Source) ID {
	id.flip(level)
	id.keepPrefix(level+1, RandomID(src))
	return id
}

// offer inserts count random contacts, as if they had answered.
func offer(t *table, count int, src rand.Source) {
	for i := range count {
		t.insert(Contact{RandomID(src), addr(i)})
	}
}

func anyPeer(*peer) bool { return true }

// peerContact is a peer with its contact in the pool.
type peerContact struct {
	peer
	Contact
}

// withContacts returns the peers of a list with their contacts.
func withContacts(t *table, list []peer) (all []peerContact) {
	for i := range list {
		all = append(all, peerContact{list[i], t.contact(&list[i])})
	}
	return all
}

// countFrom returns how many contacts share at least n bits with the node's own id.
func (t *table) countFrom(n int) int {
	return t.count(func(level int) bool { return level >= n })
}

// contactsOf returns the contacts in the buckets, in their order.
func contactsOf(t *table) (all []peerContact) {
	for i := range t.buckets {
		all = append(all, withContacts(t, t.buckets[i].contacts)...)
	}
	return all
}

// closestOf sorts all peers to find what table.closest should.
func closestOf(all []peerContact, target ID, n int, keep func(*peer) bool) []ID {
	var ids []ID
	for i := range all {
		if keep(&all[i].peer) {
			ids = append(ids, all[i].ID)
		}
	}
	slices.SortFunc(ids, target.CompareDistance)
	return ids[:min(n, len(ids))]
}

func idsOf(t *table, peers []*peer) []ID {
	var ids []ID
	for _, p := range peers {
		ids = append(ids, t.id(p))
	}
	return ids
}

// checkTable checks what must hold of a table at any time: its buckets partition
// the space (T1), hold what belongs into them, no more than k and nothing twice,
// and are no finer than the splitting rules allow (T2, I6, T3).
func checkTable(t testing.TB, x *table) {
	t.Helper()
	next := new(big.Int)
	known := make(map[ID]bool)
	for _, p := range contactsOf(x) {
		if !x.addrs.mayHave(endpointOf(p.Addr)) {
			t.Fatalf("%v is not found by its address", p.Contact)
		}
		if until := time.Duration(p.until) * time.Second; until > x.backoffsEnd {
			t.Fatalf("%v rests until %v, and backoffsEnd is %v", p.Contact, until, x.backoffsEnd)
		}
	}
	if x.pool.numbers == nil {
		// Each entry of a pool that is not shared belongs to one peer, or is free.
		used := make([]int, len(x.pool.entries))
		for _, n := range x.pool.free {
			used[n]++
		}
		for i := range x.buckets {
			for _, p := range slices.Concat(x.buckets[i].contacts, x.buckets[i].replacements) {
				used[p.number]++
			}
		}
		if i := slices.IndexFunc(used, func(n int) bool { return n != 1 }); i >= 0 {
			t.Fatalf("entry %d of %d is used %d times", i, len(used), used[i])
		}
	}
	for i := range x.buckets {
		b := &x.buckets[i]
		if got := new(big.Int).SetBytes(b.prefix[:]); got.Cmp(next) != 0 {
			t.Fatalf("bucket %d starts at %x, want %x", i, got, next)
		}
		next.Add(next, new(big.Int).Lsh(big.NewInt(1), uint(IDBits-b.depth)))
		if len(b.contacts) > x.k || len(b.replacements) > x.k {
			t.Fatalf("bucket %d has %d contacts and %d replacements, want %d at most", i, len(b.contacts), len(b.replacements), x.k)
		}
		for _, p := range withContacts(x, slices.Concat(b.contacts, b.replacements)) {
			if PrefixLen(p.ID, b.prefix) < b.depth && b.depth > 0 {
				t.Fatalf("%v is in the bucket of %v/%d", p.ID, b.prefix, b.depth)
			}
			if known[p.ID] {
				t.Fatalf("%v is in the table twice", p.ID)
			}
			known[p.ID] = true
			if !canKeep(p.Addr) {
				t.Fatalf("%v has the address %v", p.ID, p.Addr)
			}
			if p.tag != tagOf(p.ID) {
				t.Fatalf("%v has the tag %x", p.Contact, p.tag)
			}
		}
		if x.index(b.contacts, x.self) >= 0 {
			t.Fatal("the own id is a contact")
		}
		parent := b.depth - 1
		if level := PrefixLen(x.self, b.prefix); parent > level && parent%x.b == 0 && parent > level+maxSubtree {
			t.Fatalf("bucket %v/%d should not have been made by a split", b.prefix, b.depth)
		}
	}
	if space := new(big.Int).Lsh(big.NewInt(1), IDBits); next.Cmp(space) != 0 {
		t.Fatalf("buckets end at %x, want %x", next, space)
	}
}

// P2, and B5 of the reference's faults: every answer is the true k closest.
func TestClosestIsExact(t *testing.T) {
	t.Parallel()
	src := rand.NewChaCha8([32]byte{1})
	answers := 0
	for _, k := range []int{1, 4, 20} {
		for _, b := range []int{1, 2, 5} {
			for _, offered := range []int{25, 50, 100, 200, 500, 1000} {
				x := newTable(RandomID(src), k, b, &contactPool{})
				offer(&x, offered, src)
				for _, id := range edgeIDs {
					x.insert(Contact{id, addr(1)})
				}
				checkTable(t, &x)
				answers += compareClosest(t, &x, src)
			}
		}
	}
	t.Logf("%d answers compared", answers)
}

func compareClosest(t *testing.T, x *table, src rand.Source) (answers int) {
	all := contactsOf(x)
	targets := append([]ID{x.self, all[0].ID, all[len(all)/2].ID}, edgeIDs...)
	for range 20 {
		targets = append(targets, RandomID(src), idAt(x.self, int(src.Uint64()%12), src))
	}
	filters := map[string]func(*peer) bool{
		"all":  anyPeer,
		"half": func(p *peer) bool { return x.id(p)[19]&1 == 0 },
		"few":  func(p *peer) bool { return x.id(p)[19]&31 == 0 },
		"none": func(p *peer) bool { return false },
	}
	for _, target := range targets {
		for name, keep := range filters {
			for _, n := range []int{0, 1, x.k, 3 * x.k, len(all) + 1} {
				answers++
				got, want := idsOf(x, x.closest(nil, target, n, keep)), closestOf(all, target, n, keep)
				if !slices.Equal(got, want) {
					t.Fatalf("k %d, b %d, %d contacts, filter %s: closest(%v, %d) = %d ids, want %d others",
						x.k, x.b, len(all), name, target, n, len(got), len(want))
				}
			}
		}
	}
	return answers
}

// Who is at an address is found as by looking through all contacts, also after
// others have left.
func TestByAddr(t *testing.T) {
	r := rand.New(rand.NewChaCha8([32]byte{10}))
	x := newTable(RandomID(r), 20, 5, &contactPool{})
	found := 0
	for step := range 3000 {
		c := Contact{RandomID(r), addr(r.IntN(3000))}
		switch r.IntN(3) {
		case 0:
			x.removeAddr(c.Addr)
		default:
			x.removeAddr(c.Addr)
			x.insert(c)
		}
		at := addr(r.IntN(3000))
		i := slices.IndexFunc(contactsOf(&x), func(p peerContact) bool { return p.Addr == at })
		id, ok := x.byAddr(at)
		if ok != (i >= 0) || ok && id != contactsOf(&x)[i].ID {
			t.Fatalf("step %d: %v, %v is at %v, want the contact number %d", step, id, ok, at, i)
		}
		if ok {
			found++
		}
	}
	checkTable(t, &x)
	if found < 100 {
		t.Errorf("%d addresses were those of contacts, want hundreds", found)
	}
}

// B1: what is asked of a table must not depend on where its own id lies.
func TestTableAtTheEdges(t *testing.T) {
	src := rand.NewChaCha8([32]byte{2})
	for _, self := range edgeIDs {
		x := newTable(self, 2, 1, &contactPool{})
		offer(&x, 300, src)
		for _, id := range edgeIDs {
			if id == self {
				continue
			}
			x.insert(Contact{id, addr(1)})
			if b := x.bucket(id); x.index(b.contacts, id) < 0 && x.index(b.replacements, id) < 0 {
				t.Errorf("table of %v: %v is not in the bucket that is looked into", self, id)
			}
		}
		checkTable(t, &x)
	}
}

// The counts that decide about copies and splits are equal to brute force, over
// those who have answered the last time.
func TestCounts(t *testing.T) {
	src := rand.NewChaCha8([32]byte{8})
	for _, offered := range []int{0, 1, 20, 100, 1000} {
		for _, b := range []int{1, 5} {
			x := newTable(RandomID(src), 20, b, &contactPool{})
			offer(&x, offered, src)
			for i := range offered / 10 {
				x.insert(Contact{idAt(x.self, 5+i%20, src), addr(i)})
			}
			var all []peerContact // that answer
			for i, p := range contactsOf(&x) {
				if i%3 == 0 {
					x.failed(p.ID, 0)
				} else {
					all = append(all, p)
				}
			}
			targets := append([]ID{x.self}, edgeIDs...)
			for i := range 200 {
				targets = append(targets, idAt(x.self, i%30, src))
			}
			for _, target := range targets {
				want := 0
				for _, p := range all {
					if target.CompareDistance(p.ID, x.self) < 0 {
						want++
					}
				}
				if got := x.countNearer(target); got != want {
					t.Errorf("%d contacts: countNearer(%v) = %d, want %d", len(all), target, got, want)
				}
			}
			for n := range 30 {
				want := 0
				for _, p := range all {
					if PrefixLen(p.ID, x.self) >= n {
						want++
					}
				}
				if got := x.countFrom(n); got != want {
					t.Errorf("%d contacts: countFrom(%d) = %d, want %d", len(all), n, got, want)
				}
				if got := x.kShare(n); got != (want >= x.k) {
					t.Errorf("%d contacts: kShare(%d) = %v, and there are %d", len(all), n, got, want)
				}
			}
		}
	}
}

// B1, T1: a table that is treated at random stays well-formed, and a live contact
// leaves it only when it is removed.
func TestTableTreatedAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		r := rand.New(rand.NewChaCha8([32]byte{9, byte(seed)}))
		x := newTable(ID{19: byte(r.Uint32())}, 1+r.IntN(4), 1+r.IntN(3), &contactPool{})
		for step := range 2000 {
			before := contactsOf(&x)
			removed, gone := treat(&x, r, time.Duration(step)*time.Second)
			if step%25 == 0 {
				checkTable(t, &x)
			}
			for _, p := range before {
				if !p.proven {
					t.Fatalf("seed %d, step %d: %v is a contact that has not answered", seed, step, p.ID)
				}
				if p.fails < staleAfter-1 && x.get(p.ID) == nil && !(gone && p.ID == removed) {
					t.Fatalf("seed %d, step %d: %v with %d failures left", seed, step, p.ID, p.fails)
				}
			}
		}
	}
}

// treat does something at random to a table, and returns whom it removed.
func treat(x *table, r *rand.Rand, now time.Duration) (removed ID, gone bool) {
	// Few bits, some far apart and some at the node's own id, so that ids meet.
	c := Contact{ID{0: byte(r.IntN(4)) << 6, 19: byte(r.IntN(64))}, addr(r.IntN(200))}
	if c.ID == x.self {
		return
	}
	switch r.IntN(20) {
	case 0:
		x.remove(c.ID)
		return c.ID, true
	case 1:
		removed, gone = x.byAddr(c.Addr)
		x.removeAddr(c.Addr)
		return removed, gone
	case 2, 3, 4:
		x.seen(c.ID)
	case 5, 6, 7:
		if x.get(c.ID) == nil {
			x.cacheReplacement(c)
		}
	case 8, 9, 10, 11, 12:
		x.failed(c.ID, now)
	case 13:
		if p := x.get(c.ID); p != nil {
			x.move(p, c)
			p.answered()
		}
	default:
		x.insert(c)
	}
	return
}
