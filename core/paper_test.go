package core

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Statements of the paper that are about the whole, and not about one file of ours:
// docs/fidelity.md lists all of them.

// K2: every message carries its sender's id: requests in their arguments, answers
// to nodes of ours in the trailer.
func TestEveryMessageSaysItsSender(t *testing.T) {
	net := newTestNet(t, 150)
	nodes := net.grow(8, Config{})
	requests, answers := 0, 0
	net.tap = func(from, _ netip.AddrPort, d []byte) {
		self := wire.ID(net.at(from).id)
		if r := requestIn(d); r != nil {
			if requests++; r.Sender != self && r.Method != wire.Stun {
				t.Errorf("%v says that it is from %x, want %x", r.Method, r.Sender, self)
			}
			return
		}
		_, _, body, _ := wire.Header(d)
		for m := range wire.Methods {
			var a wire.Answer
			if wire.NewParser().Answer(body, m, 20, &a) == nil {
				if answers++; a.Trailer.Sender != self {
					t.Errorf("an answer says that it is from %x, want %x", a.Trailer.Sender, self)
				}
				return
			}
		}
		t.Errorf("%x is no answer", d)
	}
	net.set(nodes[2], Key("key"), Int(1))
	net.get(nodes[3], Key("other"))
	nodes[1].Ping(net.now, addr(4), func(ID, time.Duration, error) {})
	nodes[1].ObservedAddr(net.now, addr(4), func(netip.AddrPort, error) {})
	net.run(time.Minute)
	if requests < 20 || answers < 20 {
		t.Errorf("%d requests and %d answers seen", requests, answers)
	}
}

// K5, P18: lookups of one key meet on their way to it, so that copies on the path
// take the load off those who hold a much wanted value.
func TestHotKey(t *testing.T) {
	t.Parallel()
	net := newTestNet(t, 151)
	nodes := net.grow(200, Config{K: 4, B: 1, RefreshInterval: quiet, RepublishInterval: quiet})
	key := Key("hot")
	net.set(nodes[0], key, Int(1))
	holders := make(map[ID]bool)
	for _, e := range net.nearestTo(key, 4) {
		holders[e.id] = true
	}
	var fromCopy []int
	for _, e := range nodes {
		if _, held := e.records.get(e.clock.latest, key); held {
			continue
		}
		f, _, err := net.get(e, key)
		if err != nil {
			t.Fatal(err)
		}
		fromCopy = append(fromCopy, 0)
		if !holders[f.Holder.ID] {
			fromCopy[len(fromCopy)-1] = 1
		}
	}
	n := len(fromCopy) / 2
	first, last := sumOf(fromCopy[:n]), sumOf(fromCopy[n:])
	t.Logf("of %d readers each, %d and then %d had the value from a copy", n, first, last)
	if last < n/4 {
		t.Errorf("of %d readers, %d had the value from a copy, want a quarter at least", n, last)
	}
}

func sumOf(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// K6: where branches of the tree are empty, the leaf that is nearest to a key is
// that which is reached by taking the other branch there, as if that bit of the key
// were flipped. The table walks that way, and a lookup sorts like that.
func TestNearestLeaf(t *testing.T) {
	r := rand.New(rand.NewChaCha8([32]byte{152}))
	for range rounds(2_000) {
		tab := newTable(RandomID(r), 3, 1+r.IntN(5), &contactPool{})
		for i := range 1 + r.IntN(12) {
			tab.insert(Contact{nearbyIn(tab.ids(), r), addr(i)})
		}
		key := RandomID(r)
		l := newShortlist(key, 3, 3)
		for _, id := range tab.ids() {
			l.add(Contact{id, addr(1)}, 1)
		}
		branch := tab.ids()
		for bit := 0; len(branch) > 1 && bit < IDBits; bit++ {
			way := key.bit(bit)
			if !slices.ContainsFunc(branch, func(id ID) bool { return id.bit(bit) == way }) {
				way ^= 1
			}
			branch = slices.DeleteFunc(branch, func(id ID) bool { return id.bit(bit) != way })
		}
		if got := tab.closest(nil, key, 1, func(*peer) bool { return true }); tab.id(got[0]) != branch[0] {
			t.Fatalf("the table's nearest to %v is %v, want %v", key, tab.id(got[0]), branch[0])
		}
		if c, _ := l.next(); c.ID != branch[0] {
			t.Fatalf("a lookup of %v asks %v first, want %v", key, c.ID, branch[0])
		}
	}
}

// ids returns those of all contacts.
func (t *table) ids() (list []ID) {
	for i := range t.buckets {
		for j := range t.buckets[i].contacts {
			list = append(list, t.id(&t.buckets[i].contacts[j]))
		}
	}
	return list
}

// nearbyIn returns a random id that shares a prefix with one of list.
func nearbyIn(list []ID, r *rand.Rand) ID {
	id := RandomID(r)
	if len(list) > 0 {
		return idAt(list[r.IntN(len(list))], r.IntN(40), r)
	}
	return id
}

// P3: FIND_VALUE is answered as FIND_NODE is, or with the value alone.
func TestFindValueIsFindNodeOrValue(t *testing.T) {
	net := newTestNet(t, 153)
	e := net.add(Config{RefreshInterval: quiet})
	for i := range 50 {
		e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
	}
	key, from := Key("key"), Contact{ID{1}, addr(1000)}
	nodes, _ := net.ask(from, e, wire.Request{Method: wire.FindNode, Target: wire.ID(key)})
	want := slices.Clone(nodes.Contacts)
	a, ok := net.ask(from, e, wire.Request{Method: wire.FindValue, Target: wire.ID(key)})
	if !ok || a.Value != nil || !slices.Equal(a.Contacts, want) || len(want) != 20 {
		t.Errorf("without the value: %d contacts and value %x, want the %d of FIND_NODE", len(a.Contacts), a.Value, len(want))
	}
	e.acceptStore(e.clock.latest, key, Contact{}, Int(1).Raw(), wire.Trailer{})
	a, ok = net.ask(from, e, wire.Request{Method: wire.FindValue, Target: wire.ID(key)})
	if !ok || string(a.Value) != string(Int(1).Raw()) || len(a.Contacts) != 0 {
		t.Errorf("with the value: %d contacts and value %x, want the value alone", len(a.Contacts), a.Value)
	}
}

// P6, P8: a lookup begins with the alpha contacts that are nearest to its target.
func TestLookupBeginsWithTheNearest(t *testing.T) {
	for _, alpha := range []int{1, 3, 7} {
		net := newTestNet(t, 154)
		e := net.add(Config{Alpha: alpha, RefreshInterval: quiet})
		for i := range 300 {
			e.table.insert(Contact{RandomID(net.rand), addr(100 + i)})
		}
		for range 20 {
			target := RandomID(net.rand)
			want := closestOf(contactsOf(&e.table), target, alpha, anyPeer)
			var got []ID
			net.tap = func(_, to netip.AddrPort, _ []byte) {
				id, _ := e.table.byAddr(to)
				got = append(got, id)
			}
			cancel := e.Lookup(net.now, target, func([]Contact) {})
			net.run(0)
			net.tap = nil
			cancel()
			net.run(time.Hour)
			for _, p := range contactsOf(&e.table) {
				e.table.insert(p.Contact) // they have not answered; the next target shall find them all again
			}
			if !slices.Equal(got, want) {
				t.Fatalf("alpha %d: the first to be asked are %v, want %v", alpha, got, want)
			}
		}
	}
}

// P12: a larger alpha costs more requests and saves time; with alpha 1 each dead
// contact on the way is waited for.
func TestAlphaTradesTrafficForTime(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	var requests []int
	for _, alpha := range []int{1, 3, 10} {
		net := newTestNet(t, 155)
		nodes := net.grow(120, Config{K: 8, B: 1, Alpha: alpha, RefreshInterval: quiet, RepublishInterval: quiet})
		for i := range 40 {
			net.set(nodes[i], Key(fmt.Sprint(i)), Int(1))
		}
		for _, e := range nodes[80:] {
			net.stop(e)
		}
		sum, before := time.Duration(0), net.sent
		for i := range 40 {
			_, d, _ := net.get(nodes[(i*7+41)%80], Key(fmt.Sprint(i)))
			sum += d
		}
		took, requests = append(took, sum/40), append(requests, (net.sent-before)/40)
	}
	t.Logf("alpha 1, 3, 10: %v, and %d datagrams", took, requests)
	if took[0] <= took[1] || took[0] <= took[2] || requests[0] > requests[1] || requests[1] >= requests[2] {
		t.Errorf("alpha 1, 3, 10: %v, and %d datagrams, want less time for more of them", took, requests)
	}
}

// Q1, Q2, Q6, I6: in a network whose tables are as they should be, a lookup gets to
// the nearest node in log n steps of a bit, or a fifth of that with b = 5; the tree
// of a node is about log n deep; and no lookup fails.
func TestHopsAndHeight(t *testing.T) {
	t.Parallel()
	size, lookups := 1000, 400
	if short() {
		size, lookups = 250, 100
	}
	const k = 8
	logN := bits.Len(uint(size - 1))
	mean := make(map[int]float64)
	for _, b := range []int{1, 5} {
		r := rand.New(rand.NewChaCha8([32]byte{156}))
		o := newOracle(size, k, b, r)
		sum, most, contacts, height := 0, 0, 0, 0
		for range lookups {
			hops := o.hops(t, r, k)
			sum, most = sum+hops, max(most, hops)
		}
		for _, x := range o.tables {
			n, _ := x.size()
			contacts += n
			height = max(height, x.bucket(x.self).depth)
		}
		mean[b] = float64(sum) / float64(lookups)
		t.Logf("b %d: %.2f hops on average, %d at most; height %d at most, %d contacts; %d nodes, %d bits",
			b, mean[b], most, height, contacts/size, size, logN)
		if limit := (logN+b-1)/b + 2; most > limit {
			t.Errorf("b %d: %d hops, want %d at most", b, most, limit)
		}
		if height > 2*logN {
			t.Errorf("b %d: a tree is %d deep, want %d at most", b, height, 2*logN)
		}
	}
	if mean[5] >= mean[1] {
		t.Errorf("%.2f hops with b = 5, want less than the %.2f with b = 1", mean[5], mean[1])
	}
}

// hops runs one lookup and returns how far away the nearest node was.
func (o *oracle) hops(t *testing.T, r *rand.Rand, k int) int {
	target, start := RandomID(r), o.ids[r.IntN(len(o.ids))]
	l := newShortlist(target, k, 3)
	for _, c := range o.closest(start, target, k) {
		l.add(c, 1)
	}
	for c, ok := l.next(); ok; c, ok = l.next() {
		l.addAnswer(c, o.without(o.closest(c.ID, target, k), start))
	}
	nearest := l.nearest()[0]
	for _, id := range o.ids {
		if id != start && target.CompareDistance(id, nearest.ID) < 0 {
			t.Fatalf("a lookup of %v ends at %v, and %v is nearer", target, nearest.ID, id)
		}
	}
	return int(l.hops(nearest))
}

// Q5, K7: after it was refreshed, a bucket has k living contacts, or every node of
// its range.
func TestBucketsAreFullOrComplete(t *testing.T) {
	t.Parallel()
	const k = 8
	net := newTestNet(t, 157)
	nodes := net.grow(100, Config{K: k})
	for _, e := range nodes[70:] {
		net.stop(e)
	}
	net.run(6 * time.Hour)
	buckets, wanting := 0, 0
	for _, x := range net.nodes {
		for i := range x.table.buckets {
			b := &x.table.buckets[i]
			there, known := 0, 0
			for _, y := range net.nodes {
				if y.id != x.id && PrefixLen(y.id, b.prefix) >= b.depth {
					there++
					if x.table.index(b.contacts, y.id) >= 0 {
						known++
					}
				}
			}
			if buckets++; known < min(there, k) {
				wanting++
			}
		}
	}
	t.Logf("%d of %d buckets want a contact", wanting, buckets)
	if wanting*50 > buckets {
		t.Errorf("%d of %d buckets have fewer contacts than they could, want 2 %% at most", wanting, buckets)
	}
}
