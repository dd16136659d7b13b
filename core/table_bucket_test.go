package core

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// T2: one bucket at first; the one with the node's own id splits when it is full.
func TestOwnBucketSplits(t *testing.T) {
	src := rand.NewChaCha8([32]byte{3})
	self := RandomID(src)
	x := newTable(self, 4, 1, &contactPool{})
	for i := range 4 {
		x.insert(Contact{idAt(self, i, src), addr(i)})
	}
	if got := len(x.buckets); got != 1 {
		t.Fatalf("%d buckets for k contacts, want 1", got)
	}
	if !x.insert(Contact{idAt(self, 4, src), addr(4)}) || len(x.buckets) != 2 {
		t.Fatalf("%d buckets for k+1 contacts, want 2 and all contacts in them", len(x.buckets))
	}
	for i := range 60 {
		x.insert(Contact{idAt(self, i%20, src), addr(10 + i)})
	}
	checkTable(t, &x)
	own := x.bucket(self)
	for i := range x.buckets {
		if b := &x.buckets[i]; b != own && b.depth > own.depth {
			t.Errorf("bucket %v/%d is deeper than the own one, /%d", b.prefix, b.depth, own.depth)
		}
	}
}

// I6: with b bits for each step, a range that shares n bits with the node's own id is
// split down to the next depth that b divides, and no further.
func TestSplitsByB(t *testing.T) {
	tests := []struct{ b, level, want int }{
		{1, 0, 1}, {1, 1, 1}, {1, 2, 1},
		{2, 0, 2}, {2, 1, 1}, {2, 2, 2}, {2, 3, 1},
		{5, 0, 16}, {5, 1, 8}, {5, 2, 4}, {5, 3, 2}, {5, 4, 1}, {5, 5, 16},
	}
	for _, tt := range tests {
		src := rand.NewChaCha8([32]byte{4})
		x := newTable(RandomID(src), 4, tt.b, &contactPool{})
		for range 2 * x.k { // neighbours enough for rule T3
			x.insert(Contact{idAt(x.self, 20, src), addr(1)})
		}
		for range 2000 {
			x.insert(Contact{idAt(x.self, tt.level, src), addr(1)})
		}
		checkTable(t, &x)
		got, contacts := 0, 0
		for i := range x.buckets {
			if b := &x.buckets[i]; PrefixLen(x.self, b.prefix) == tt.level && b.depth > tt.level {
				got++
				contacts += len(b.contacts)
			}
		}
		if got != tt.want || contacts != got*x.k {
			t.Errorf("b %d: %d buckets with %d contacts share %d bits with the own id, want %d buckets, full",
				tt.b, got, contacts, tt.level, tt.want)
		}
	}
}

// T3: all contacts of the smallest subtree around the node's own id that has k nodes are
// kept. The other half of it may then hold more than k.
func TestKeepsTheSubtreeOfK(t *testing.T) {
	const k = 8
	tests := []struct {
		nearer int // nodes that share 7 bits or more with the node's own id
		want   int // of 12 that share exactly 6, how many are kept
	}{
		{0, 12}, {2, 12}, {k - 1, 12}, {k, k}, {2 * k, k},
	}
	for _, tt := range tests {
		src := rand.NewChaCha8([32]byte{5})
		x := newTable(RandomID(src), k, 1, &contactPool{})
		for i := range 10 * k { // far away: no reason to keep more than k
			x.insert(Contact{idAt(x.self, i%6, src), addr(i)})
		}
		for i := range tt.nearer {
			x.insert(Contact{idAt(x.self, 7+i%4, src), addr(i)})
		}
		for i := range 12 { // all of them close together
			id := idAt(x.self, 6, src)
			id.keepPrefix(7, ID{0: 1, 1: byte(i) << 4})
			x.insert(Contact{id, addr(i)})
		}
		checkTable(t, &x)
		if got := x.countFrom(6) - x.countFrom(7); got != tt.want {
			t.Errorf("%d nearer: %d of 12 nodes in the other half are kept, want %d", tt.nearer, got, tt.want)
		}
	}
}

// trace runs a script on one bucket of three that cannot split: letters are
// contacts, "a+" answers, "a!" sends something, "a?" is heard of, "a-" fails, "a--"
// fails until it is stale, "a/" is removed. It returns contacts and replacements,
// least recently seen first.
func replay(script string) string {
	x := newTable(allOnes, 3, 1, &contactPool{})
	offer(&x, 1000, rand.NewChaCha8([32]byte{6}))
	b := x.bucket(ID{})
	b.contacts, b.replacements = nil, nil
	for _, step := range strings.Fields(script) {
		c := Contact{ID{19: step[0]}, addr(int(step[0]))}
		switch step[1:] {
		case "+":
			x.insert(c)
		case "!":
			x.seen(c.ID)
		case "?":
			x.cacheReplacement(c)
		case "-":
			x.failed(c.ID, 0)
		case "--":
			for range staleAfter {
				x.failed(c.ID, 0)
			}
		case "/":
			x.remove(c.ID)
		}
	}
	name := func(list []peer) (s string) {
		for _, p := range withContacts(&x, list) {
			s += string(p.ID[19:])
		}
		return s
	}
	return name(b.contacts) + " " + name(b.replacements)
}

// B2, B3, B4, B5, B6, B7, I1, I2, I4, I5: who is where in a bucket, and who comes and
// goes.
func TestLeastRecentlySeenOrder(t *testing.T) {
	tests := []struct{ rule, script, want string }{
		{"B5: newcomers to the tail", "a+ b+ c+", "abc "},
		{"B3: whoever sends something to the tail", "a+ b+ c+ a!", "bca "},
		{"B4: whoever answers to the tail", "a+ b+ c+ b+", "acb "},
		{"B3: an unknown sender changes nothing", "a+ b+ c+ d!", "abc "},
		{"B7: no room for a newcomer among live contacts", "a+ b+ c+ d+", "abc d"},
		{"I1: nor for one that was heard of", "a+ b+ c+ d?", "abc d"},
		{"I2: replacements by last seen", "a+ b+ c+ d? e? d?", "abc ed"},
		{"I2: the oldest replacement leaves", "a+ b+ c+ d? e? f? g?", "abc efg"},
		{"I4: four failures are not enough", "a+ b+ c+ d+ a- a- a- a-", "abc d"},
		{"I4: five are", "a+ b+ c+ d+ a--", "bcd "},
		{"I4: five in a row", "a+ b+ c+ d+ a- a- a- a- a+ a-", "bca d"},
		{"I2: the most recent replacement first", "a+ b+ c+ d+ e+ a--", "bce d"},
		{"I5: kept without a replacement", "a+ b+ c+ a-- a--", "abc "},
		{"I5: kept without a proven one", "a+ b+ c+ d? a--", "abc d"},
		{"I5: a proven one before a recent one", "a+ b+ c+ d+ e? a--", "bcd e"},
		{"B6: a newcomer in place of a stale contact", "a+ b+ c+ b-- d+", "acd "},
		{"B6: of the one that failed most", "a+ b+ c+ a-- b-- b- d+", "acd "},
		{"B6: else of the least recently seen", "a+ b+ c+ c-- b-- d+", "acd "},
		{"a replacement that answers leaves the list", "a+ b+ c+ d? b-- d+", "acd "},
		{"a replacement that fails leaves the list", "a+ b+ c+ d? d-", "abc "},
		{"removed, and replaced", "a+ b+ c+ d+ a/", "bcd "},
		{"removed, and not replaced by who was only heard of", "a+ b+ c+ d? a/", "bc d"},
		{"a replacement is removed", "a+ b+ c+ d+ d/", "abc "},
		{"a proven replacement stays so", "a+ b+ c+ d+ d? a--", "bcd "},
	}
	for _, tt := range tests {
		if got := replay(tt.script); got != tt.want {
			t.Errorf("%s: %s gives %q, want %q", tt.rule, tt.script, got, tt.want)
		}
	}
}

// I3: who does not answer is left alone for five seconds, then for twice as long
// after each further failure, up to ten minutes.
func TestBackOff(t *testing.T) {
	x := newTable(ID{}, 20, 5, &contactPool{})
	id := ID{0: 1}
	x.insert(Contact{id, addr(1)})
	now := 7*time.Hour + 300*time.Millisecond
	for i, want := range []time.Duration{5, 10, 20, 40, 80, 160, 320, 600, 600, 600} {
		until := x.failed(id, now)
		if got := until - now; got < want*time.Second || got > (want+1)*time.Second {
			t.Errorf("failure %d: back-off %v, want %v", i+1, got, want*time.Second)
		}
		p := x.get(id)
		if !p.backingOff(until-1) || p.backingOff(until) {
			t.Errorf("failure %d: backingOff until %v = %v, and then %v", i+1, until, p.backingOff(until-1), p.backingOff(until))
		}
		now = until
	}
	x.insert(Contact{id, addr(1)})
	if p := x.get(id); p.backingOff(now-time.Minute) || p.fails != 0 {
		t.Errorf("after an answer: backingOff, or %d failures", p.fails)
	}
	for range 300 { // the count of failures does not run over
		x.failed(id, now)
	}
	if p := x.get(id); !p.stale() {
		t.Errorf("not stale after 300 failures, %d counted", p.fails)
	}
}

// B8, B9: whatever comes along, live contacts stay, and the table stays small.
func TestFloodMovesNobodyOut(t *testing.T) {
	t.Parallel()
	flood := 1_000_000
	if short() {
		flood = 100_000
	}
	src := rand.NewChaCha8([32]byte{7})
	x := newTable(RandomID(src), 20, 5, &contactPool{})
	offer(&x, 200, src)
	before := contactsOf(&x)
	for i := range flood {
		c := Contact{RandomID(src), addr(i % 60000)}
		if i%2 == 0 {
			c.ID = idAt(x.self, i%40, src)
		}
		if i%4 < 2 {
			x.cacheReplacement(c)
		} else {
			x.insert(c)
		}
	}
	checkTable(t, &x)
	for _, p := range before {
		if x.get(p.ID) == nil {
			t.Fatalf("%v was flushed out", p.ID)
		}
	}
	contacts, replacements := x.size()
	t.Logf("%d contacts, %d replacements, %d buckets", contacts, replacements, len(x.buckets))
	if limit := 40 * 16 * x.k; contacts > limit || replacements > limit {
		t.Errorf("%d contacts and %d replacements, want %d at most", contacts, replacements, limit)
	}
}
