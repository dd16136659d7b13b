package core

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sort"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// table is the routing table (paper, sections 2.2 and 2.4): a binary tree whose
// leaves are buckets, kept as a list of the leaves in the order of their ranges.
type table struct {
	self ID
	// k is the bucket size. b is how many bits a lookup gains with each step.
	k, b int
	// buckets partition the space of ids and are sorted by prefix.
	buckets []bucket
	// starts are the first 32 bits of each bucket's prefix, close together.
	starts []uint32
	pool   *contactPool
	// backoffsEnd is when the back-offs of all contacts have ended.
	backoffsEnd time.Duration
	// changed, if not nil, is called for each contact that enters or leaves a bucket.
	changed func(*peer, trace.Change)
	// addrs has the addresses of all contacts, and possibly of some that have left.
	addrs addrFilter
}

func newTable(self ID, k, b int, pool *contactPool) table {
	return table{self: self, k: k, b: b, buckets: make([]bucket, 1), starts: make([]uint32, 1), pool: pool}
}

// entry returns the pool's entry of p.
func (t *table) entry(p *peer) *entry { return &t.pool.entries[p.number] }

func (t *table) id(p *peer) ID { return t.entry(p).id }

func (t *table) addr(p *peer) netip.AddrPort { return t.entry(p).addr() }

func (t *table) contact(p *peer) Contact {
	x := t.entry(p)
	return Contact{ID: x.id, Addr: x.addr()}
}

// newPeer interns c. The peer has to enter the table, or be released again.
func (t *table) newPeer(c Contact) peer { return peer{number: t.pool.intern(c), tag: tagOf(c.ID)} }

// index returns the position in list of the peer with that id, or -1.
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

// inOwnBucket reports whether the bucket that covers id also covers the node's own.
func (t *table) inOwnBucket(id ID) bool {
	b := t.bucket(id)
	return PrefixLen(t.self, b.prefix) >= b.depth
}

// hasRoom reports whether a new contact with that id would get into a bucket.
func (t *table) hasRoom(id ID) bool {
	b := t.bucket(id)
	return len(b.contacts) < t.k || b.staleIndex() >= 0 || t.maySplit(b)
}

// insert adds a contact that has just answered, and reports whether it is new in a
// bucket. A contact for which there is no room goes to the replacements.
func (t *table) insert(c Contact) bool {
	p := t.newPeer(c)
	p.answered()
	for {
		b := t.bucket(c.ID)
		if i := t.index(b.contacts, c.ID); i >= 0 {
			b.contacts = toTail(b.contacts, i)
			t.pool.release(b.contacts[len(b.contacts)-1].number)
			b.contacts[len(b.contacts)-1] = p
			t.addrs.add(t.entry(&p).at)
			return false
		}
		if i := b.staleIndex(); len(b.contacts) == t.k && i >= 0 {
			t.leave(b, i)
		}
		if len(b.contacts) < t.k {
			t.dropReplacement(b, c.ID)
			t.enter(b, p)
			return true
		}
		if !t.maySplit(b) {
			t.addReplacement(b, p)
			return false
		}
		t.split(b)
	}
}

// cacheReplacement puts a contact that may be dead into the replacement cache of its
// bucket, as the most recent one.
func (t *table) cacheReplacement(c Contact) { t.addReplacement(t.bucket(c.ID), t.newPeer(c)) }

// addReplacement appends p to the replacements of b. The k+1st makes the oldest one
// leave that is not proven, or the oldest of all if p is proven, so that strangers
// cannot wash out proven replacements. If p was proven before, it stays so.
func (t *table) addReplacement(b *bucket, p peer) {
	if i := t.index(b.replacements, t.id(&p)); i >= 0 {
		old := &b.replacements[i]
		p.proven = p.proven || old.proven && t.addr(old) == t.addr(&p)
		t.dropReplacementAt(b, i)
	}
	if len(b.replacements) >= t.k {
		i := slices.IndexFunc(b.replacements, func(q peer) bool { return !q.proven })
		if i < 0 && !p.proven {
			t.pool.release(p.number)
			return
		}
		t.dropReplacementAt(b, max(i, 0))
	}
	b.replacements = append(room(b.replacements, t.k), p)
}

// dropReplacement removes id from the replacements of b.
func (t *table) dropReplacement(b *bucket, id ID) {
	if i := t.index(b.replacements, id); i >= 0 {
		t.dropReplacementAt(b, i)
	}
}

func (t *table) dropReplacementAt(b *bucket, i int) {
	t.pool.release(b.replacements[i].number)
	b.replacements = slices.Delete(b.replacements, i, i+1)
}

// failed notes that the contact with that id did not answer. If the contact is now
// stale and there is a proven replacement, the replacement takes its place. failed
// returns the end of the contact's back-off, or zero if the contact has left.
func (t *table) failed(id ID, now time.Duration) time.Duration {
	b := t.bucket(id)
	i := t.index(b.contacts, id)
	if i < 0 {
		t.dropReplacement(b, id)
		return 0
	}
	until := b.contacts[i].fail(now)
	t.backoffsEnd = max(t.backoffsEnd, until)
	if b.contacts[i].stale() {
		if p, ok := b.promote(); ok {
			t.leave(b, i)
			t.enter(b, p)
			return 0
		}
	}
	return until
}

// remove removes the contact with that id from the table.
func (t *table) remove(id ID) {
	b := t.bucket(id)
	t.dropReplacement(b, id)
	if i := t.index(b.contacts, id); i >= 0 {
		t.leave(b, i)
		if p, ok := b.promote(); ok {
			t.enter(b, p)
		}
	}
}

// move gives a contact's place to c, which has the same id and another address.
func (t *table) move(p *peer, c Contact) {
	t.pool.release(p.number)
	*p = t.newPeer(c)
	t.addrs.add(t.entry(p).at)
}

// enter adds a peer at the tail of a bucket.
func (t *table) enter(b *bucket, p peer) {
	b.contacts = append(room(b.contacts, t.k), p)
	t.addrs.add(t.entry(&p).at)
	if t.changed != nil {
		t.changed(&p, trace.ContactAdded)
	}
}

// leave removes the contact at i from a bucket.
func (t *table) leave(b *bucket, i int) {
	if t.changed != nil {
		t.changed(&b.contacts[i], trace.ContactRemoved)
	}
	t.pool.release(b.contacts[i].number)
	b.contacts = slices.Delete(b.contacts, i, i+1)
}

// maxSubtree is how often in a row the far half of the smallest subtree with k nodes
// is split at most.
const maxSubtree = 5

// maySplit decides whether a full bucket is split (paper, sections 2.4 and 4.2): if
// it covers the node's own id; while a step of b bits can still be refined; and if it
// belongs to the smallest subtree around the node's own id that has k nodes, because
// all contacts of that subtree are kept.
func (t *table) maySplit(b *bucket) bool {
	if b.depth == IDBits {
		return false
	}
	level := PrefixLen(t.self, b.prefix)
	if level >= b.depth || b.depth%t.b != 0 {
		return true
	}
	// A real subtree is about as full as its sibling. Much deeper buckets are an
	// attempt to fill the table.
	return b.depth <= level+maxSubtree && !t.kShare(level+1)
}

// split replaces a bucket by its two halves.
func (t *table) split(b *bucket) {
	i := sort.Search(len(t.buckets), func(i int) bool { return t.buckets[i].prefix.Compare(b.prefix) >= 0 })
	low := bucket{prefix: b.prefix, depth: b.depth + 1, touched: b.touched, completeAt: b.completeAt}
	high := low
	high.prefix.flip(b.depth)
	for _, half := range []*bucket{&low, &high} {
		bit := half.prefix.bit(b.depth)
		half.contacts = t.filter(b.contacts, b.depth, bit)
		half.replacements = t.filter(b.replacements, b.depth, bit)
		for len(half.contacts) < t.k {
			p, ok := half.promote()
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

// filter returns a new list of the peers in list whose bit n is the given one.
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
