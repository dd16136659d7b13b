package core

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// table is the routing table (paper, sections 2.2 and 2.4): a binary tree whose
// leaves are buckets, kept as a list of the leaves in the order of their ranges.
type table struct {
	self ID
	// k is the bucket size. b is how many bits a lookup gains with each step.
	k, b int
	// buckets partition the space of ids and are sorted by prefix.
	buckets []bucket
	// starts are the first bits of each bucket's prefix, close together.
	starts []uint32
	book   *book
	// restless is when the back-offs of all contacts have ended.
	restless time.Duration
	// changed, if it is not nil, is told who enters and who leaves a bucket.
	changed func(*peer, Change)
	// homes has two bits set for each address at which there is a contact, by its hash
	// (a Bloom filter): of a table with 500 contacts, 19 of 20 other addresses are seen
	// at once not to be there.
	homes [homeBits / 64]uint64
}

const homeBits = 1 << 12

type ranked struct {
	distance uint64 // the first 64 bits of it
	peer     *peer
}

func newTable(self ID, k, b int, book *book) table {
	return table{self: self, k: k, b: b, buckets: make([]bucket, 1), starts: make([]uint32, 1), book: book}
}

// entry is what the book says of p.
func (t *table) entry(p *peer) *entry { return &t.book.entries[p.number] }

func (t *table) id(p *peer) ID { return t.entry(p).id }

func (t *table) addr(p *peer) netip.AddrPort { return t.entry(p).addr() }

func (t *table) contact(p *peer) Contact {
	x := t.entry(p)
	return Contact{ID: x.id, Addr: x.addr()}
}

// newPeer writes c down. It has to get into the table, or be crossed out again.
func (t *table) newPeer(c Contact) peer { return peer{number: t.book.write(c), tag: tagOf(c.ID)} }

// index returns the position in list of who has that id, or -1.
func (t *table) index(list []peer, id ID) int {
	tag := tagOf(id)
	for i := range list {
		if list[i].tag == tag && t.entry(&list[i]).id == id {
			return i
		}
	}
	return -1
}

// bucket returns the bucket that covers id.
func (t *table) bucket(id ID) *bucket { return &t.buckets[t.find(id)] }

// find returns the position of the bucket that covers id.
func (t *table) find(id ID) int {
	first := binary.BigEndian.Uint32(id[:])
	lo, hi := 0, len(t.starts) // the bucket is at lo or behind it, and before hi
	for hi-lo > 1 {
		mid := int(uint(lo+hi) / 2)
		if p := t.starts[mid]; p > first || p == first && t.buckets[mid].prefix.Compare(id) > 0 {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// get returns the contact with that id, or nil. It is valid until the table is
// changed.
func (t *table) get(id ID) *peer {
	b := t.bucket(id)
	if i := t.index(b.contacts, id); i >= 0 {
		return &b.contacts[i]
	}
	return nil
}

// seen notes that the contact with that id sent something: it moves to the tail
// of its bucket (paper, section 2.2). It returns it, or nil if it is unknown.
func (t *table) seen(id ID) *peer {
	b := t.bucket(id)
	i := t.index(b.contacts, id)
	if i < 0 {
		return nil
	}
	b.contacts = toTail(b.contacts, i)
	return &b.contacts[len(b.contacts)-1]
}

// near reports whether id belongs to the bucket of the own one.
func (t *table) near(id ID) bool {
	b := t.bucket(id)
	return PrefixLen(t.self, b.prefix) >= b.depth
}

// hasRoom reports whether a new contact with that id would get into a bucket.
func (t *table) hasRoom(id ID) bool {
	b := t.bucket(id)
	return len(b.contacts) < t.k || b.staleIndex() >= 0 || t.maySplit(b)
}

// insert takes in a contact that has just answered, and reports whether it is
// new in a bucket. If there is no room for it, it goes to the replacements.
func (t *table) insert(c Contact) bool {
	p := t.newPeer(c)
	p.answered()
	for {
		b := t.bucket(c.ID)
		if i := t.index(b.contacts, c.ID); i >= 0 {
			b.contacts = toTail(b.contacts, i)
			t.book.cross(b.contacts[len(b.contacts)-1].number)
			b.contacts[len(b.contacts)-1] = p
			t.isHome(t.entry(&p).at)
			return false
		}
		if i := b.staleIndex(); len(b.contacts) == t.k && i >= 0 {
			t.leave(b, i)
		}
		if len(b.contacts) < t.k {
			t.drop(b, c.ID)
			t.enter(b, p)
			return true
		}
		if !t.maySplit(b) {
			t.addSpare(b, p)
			return false
		}
		t.split(b)
	}
}

// spare puts a contact into the replacement cache of its bucket, as its most
// recent. It says nothing about whether the contact is alive.
func (t *table) spare(c Contact) { t.addSpare(t.bucket(c.ID), t.newPeer(c)) }

// addSpare appends p to the replacements of b, of which there are k at most: then the
// oldest leaves that is not proven, or if p is proven itself the oldest of all, so
// that strangers cannot wash out who is known to be there. What was proven of p
// stays so.
func (t *table) addSpare(b *bucket, p peer) {
	if i := t.index(b.spares, t.id(&p)); i >= 0 {
		old := &b.spares[i]
		p.proven = p.proven || old.proven && t.addr(old) == t.addr(&p)
		t.dropAt(b, i)
	}
	if len(b.spares) >= t.k {
		i := slices.IndexFunc(b.spares, func(q peer) bool { return !q.proven })
		if i < 0 && !p.proven {
			t.book.cross(p.number)
			return
		}
		t.dropAt(b, max(i, 0))
	}
	b.spares = append(room(b.spares, t.k), p)
}

// drop removes id from the replacements of b.
func (t *table) drop(b *bucket, id ID) {
	if i := t.index(b.spares, id); i >= 0 {
		t.dropAt(b, i)
	}
}

func (t *table) dropAt(b *bucket, i int) {
	t.book.cross(b.spares[i].number)
	b.spares = slices.Delete(b.spares, i, i+1)
}

// failed notes that the contact with that id did not answer. If that makes it
// stale and there is a proven replacement, the replacement takes its place. It
// returns the end of the contact's back-off, or zero if there is no such contact
// any more.
func (t *table) failed(id ID, now time.Duration) time.Duration {
	b := t.bucket(id)
	i := t.index(b.contacts, id)
	if i < 0 {
		t.drop(b, id)
		return 0
	}
	until := b.contacts[i].fail(now)
	t.restless = max(t.restless, until)
	if b.contacts[i].stale() {
		if p, ok := b.replacement(); ok {
			t.leave(b, i)
			t.enter(b, p)
			return 0
		}
	}
	return until
}

// remove takes the contact with that id out of the table.
func (t *table) remove(id ID) {
	b := t.bucket(id)
	t.drop(b, id)
	if i := t.index(b.contacts, id); i >= 0 {
		t.leave(b, i)
		if p, ok := b.replacement(); ok {
			t.enter(b, p)
		}
	}
}

// move gives a contact's place to c, which has the same id and another address.
func (t *table) move(p *peer, c Contact) {
	t.book.cross(p.number)
	*p = t.newPeer(c)
	t.isHome(t.entry(p).at)
}

// enter and leave put a peer at the tail of a bucket, and take out the one at i.
func (t *table) enter(b *bucket, p peer) {
	b.contacts = append(room(b.contacts, t.k), p)
	t.isHome(t.entry(&p).at)
	if t.changed != nil {
		t.changed(&p, ContactAdded)
	}
}

func (t *table) leave(b *bucket, i int) {
	if t.changed != nil {
		t.changed(&b.contacts[i], ContactRemoved)
	}
	t.book.cross(b.contacts[i].number)
	b.contacts = slices.Delete(b.contacts, i, i+1)
}

// forget takes c out of the table, if it is known by that address.
func (t *table) forget(c Contact) {
	b := t.bucket(c.ID)
	for _, list := range [][]peer{b.contacts, b.spares} {
		if i := t.index(list, c.ID); i >= 0 && t.addr(&list[i]) == c.Addr {
			t.remove(c.ID)
			return
		}
	}
}

// hasAddr reports whether some contact has that address.
func (t *table) hasAddr(addr netip.AddrPort) bool {
	_, ok := t.byAddr(addr)
	return ok
}

// removeAddr takes the contact with that address out of the table.
func (t *table) removeAddr(addr netip.AddrPort) {
	if id, ok := t.byAddr(addr); ok {
		t.remove(id)
	}
}

func (t *table) byAddr(addr netip.AddrPort) (ID, bool) {
	at := endpointOf(addr)
	if !t.mayBeHome(at) {
		return ID{}, false
	}
	clear(t.homes[:]) // of those that are no longer there
	var id ID
	found := false
	for i := range t.buckets {
		for j := range t.buckets[i].contacts {
			p := &t.buckets[i].contacts[j]
			here := t.entry(p).at
			t.isHome(here)
			if !found && here.port == at.port && here == at {
				id, found = t.id(p), true
			}
		}
	}
	return id, found
}

// isHome notes that there is a contact at a, mayBeHome reports whether there may be
// one.
func (t *table) isHome(a endpoint) {
	h := a.hash()
	for _, bit := range [2]uint64{h % homeBits, h / homeBits % homeBits} {
		t.homes[bit/64] |= 1 << (bit % 64)
	}
}

func (t *table) mayBeHome(a endpoint) bool {
	h := a.hash()
	for _, bit := range [2]uint64{h % homeBits, h / homeBits % homeBits} {
		if t.homes[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// closest appends to dst the n contacts nearest to target of those that keep
// accepts, nearest first, and returns the extended slice. The peers are valid
// until the table is changed (paper, section 2.3: the answer to FIND_NODE).
func (t *table) closest(dst []*peer, target ID, n int, keep func(*peer) bool) []*peer {
	want := len(dst) + n
	var space [32]ranked // on the stack
	t.walk(target, func(b *bucket) bool {
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

// walk visits the buckets in order of their distance from target, until visit
// returns false: each contact of one is nearer than each contact of the next. That
// is the bucket of target, then what is left of ever larger subtrees around it.
func (t *table) walk(target ID, visit func(*bucket) bool) {
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
		if !t.walkRange(start, end, depth+1, &target, visit) {
			return
		}
	}
}

// walkRange visits the buckets from lo to before hi, which cover one subtree,
// the root of which is at depth.
func (t *table) walkRange(lo, hi, depth int, target *ID, visit func(*bucket) bool) bool {
	if hi-lo == 1 {
		return visit(&t.buckets[lo])
	}
	mid := lo + sort.Search(hi-lo, func(i int) bool { return t.buckets[lo+i].prefix.bit(depth) == 1 })
	if target.bit(depth) == 0 {
		return t.walkRange(lo, mid, depth+1, target, visit) && t.walkRange(mid, hi, depth+1, target, visit)
	}
	return t.walkRange(mid, hi, depth+1, target, visit) && t.walkRange(lo, mid, depth+1, target, visit)
}

// maxSubtree is how many times the other half of the smallest subtree with k nodes
// is split at most, in a row.
const maxSubtree = 5

// maySplit decides whether a full bucket is split (paper, sections 2.4 and 4.2):
// if it covers the own id; while a step of b bits can still be refined; and where
// it belongs to the smallest subtree around the own id that has k nodes, all of
// whose contacts are kept.
func (t *table) maySplit(b *bucket) bool {
	if b.depth == IDBits {
		return false
	}
	level := PrefixLen(t.self, b.prefix)
	if level >= b.depth || b.depth%t.b != 0 {
		return true
	}
	// A real subtree is as full as its sibling. Much deeper buckets than that
	// are somebody's attempt to fill the table.
	return b.depth <= level+maxSubtree && !t.enoughFrom(level+1)
}

// enoughFrom reports whether k contacts or more share at least n bits with the own
// id. Those that did not answer lately do not count.
func (t *table) enoughFrom(n int) bool {
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
	// The others are next to it, on both sides.
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

// crowded returns the greatest number of bits that k contacts share with the own
// id, or 0 if there are not so many.
func (t *table) crowded() int {
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

// countNearer returns how many contacts are nearer to target than the own id is.
// A contact that shares exactly n bits with the own id is, if target differs from
// the own id in the bit that follows.
func (t *table) countNearer(target ID) int {
	distance := t.self.Distance(target)
	return t.count(func(level int) bool { return level < IDBits && distance.bit(level) == 1 })
}

// count returns how many contacts share such a number of bits with the own id
// that is accepts it. Those that did not answer lately do not count: buckets that
// are not full keep them for ever, and they hold no records.
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

// split replaces a bucket by its two halves.
func (t *table) split(b *bucket) {
	i := sort.Search(len(t.buckets), func(i int) bool { return t.buckets[i].prefix.Compare(b.prefix) >= 0 })
	low := bucket{prefix: b.prefix, depth: b.depth + 1, touched: b.touched, surveyed: b.surveyed}
	high := low
	high.prefix.flip(b.depth)
	for _, half := range []*bucket{&low, &high} {
		bit := half.prefix.bit(b.depth)
		half.contacts = t.filter(b.contacts, b.depth, bit)
		half.spares = t.filter(b.spares, b.depth, bit)
		for len(half.contacts) < t.k {
			p, ok := half.replacement()
			if !ok {
				break
			}
			t.enter(half, p)
		}
	}
	t.buckets[i] = low
	t.buckets = slices.Insert(t.buckets, i+1, high)
	t.starts = slices.Insert(t.starts, i+1, binary.BigEndian.Uint32(high.prefix[:]))
}

// size returns the number of contacts, and that of replacements.
func (t *table) size() (contacts, spares int) {
	for i := range t.buckets {
		contacts += len(t.buckets[i].contacts)
		spares += len(t.buckets[i].spares)
	}
	return contacts, spares
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
	return target.Nearer(t.id(a.peer), t.id(b.peer)) < 0
}

// filter returns a new list of the peers whose bit n is as given.
func (t *table) filter(list []peer, n int, bit byte) []peer {
	count := 0
	for i := range list {
		if t.entry(&list[i]).id.bit(n) == bit {
			count++
		}
	}
	out := make([]peer, 0, count)
	for i := range list {
		if t.entry(&list[i]).id.bit(n) == bit {
			out = append(out, list[i])
		}
	}
	return out
}
