package core

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// near returns the contact at distance n from the zero id, which is the target
// of the scripted lookups below.
func near(n int) Contact { return Contact{ID{18: byte(n >> 8), 19: byte(n)}, addr(n)} }

// scripted returns a lookup of the zero id among the contacts from..to.
func scripted(k, alpha, from, to int) *shortlist {
	l := newShortlist(ID{}, k, alpha)
	for n := from; n <= to; n++ {
		l.add(near(n), 1)
	}
	return &l
}

// asked takes all that the lookup wants to ask now, as distances.
func asked(l *shortlist) (list []int) {
	for {
		c, ok := l.next()
		if !ok {
			return list
		}
		list = append(list, distance(c.ID))
	}
}

func distance(id ID) int { return int(id[18])<<8 | int(id[19]) }

func contacts(distances ...int) (list []Contact) {
	for _, n := range distances {
		list = append(list, near(n))
	}
	return list
}

func wantAsked(t *testing.T, l *shortlist, when string, want ...int) {
	t.Helper()
	if got := asked(l); !slices.Equal(got, want) {
		t.Errorf("%s: asks %v, want %v", when, got, want)
	}
}

func wantDone(t *testing.T, l *shortlist, when string, want bool) {
	t.Helper()
	if got := l.done(); got != want {
		t.Errorf("%s: done = %v, want %v", when, got, want)
	}
}

// P7, P8: alpha requests to the nearest, and one more for each that is answered,
// slow or lost.
func TestLookupKeepsAlphaUnderWay(t *testing.T) {
	l := scripted(20, 3, 1, 20)
	wantAsked(t, l, "at first", 1, 2, 3)
	wantAsked(t, l, "with three under way")
	l.set(near(2), late)
	wantAsked(t, l, "one is slow", 4)
	l.set(near(2), overdue)
	wantAsked(t, l, "and overdue, which frees nothing more")
	l.set(near(1), failed)
	wantAsked(t, l, "one is lost", 5)
	l.addAnswer(near(3), contacts(30))
	wantAsked(t, l, "one has answered", 6)
}

// P9: who is slow is left out until it answers, and then all it says is used.
func TestLookupUsesLateAnswers(t *testing.T) {
	for _, s := range []state{late, overdue} {
		l := scripted(2, 1, 5, 5)
		wantAsked(t, l, "at first", 5)
		l.set(near(5), s)
		wantDone(t, l, fmt.Sprint("state ", s, ", and nobody else has answered"), false)
		l.addAnswer(near(5), contacts(1, 2))
		wantDone(t, l, "nearer ones are known", false)
		wantAsked(t, l, "after the late answer", 1)
		l.addAnswer(near(1), nil)
		wantAsked(t, l, "the next", 2)
		l.addAnswer(near(2), nil)
		wantDone(t, l, "the k nearest have answered", true)
		l.set(near(5), failed) // must not count twice
		if l.busy != 0 {
			t.Errorf("busy = %d at the end, want 0", l.busy)
		}
	}
}

// B4 of the reference's faults: a dead peer that others still name is not asked
// again, nor returned.
func TestLookupForgetsNoFailure(t *testing.T) {
	for _, s := range []state{overdue, failed} {
		l := scripted(4, 3, 1, 4)
		wantAsked(t, l, "at first", 1, 2, 3)
		l.set(near(1), s)
		wantAsked(t, l, "one is dead", 4)
		for n := 2; n <= 4; n++ {
			l.addAnswer(near(n), contacts(1, 2, 3, 4))
		}
		wantAsked(t, l, "the others have named it")
		wantDone(t, l, "the others have named it", true)
		if got := l.nearest(); !slices.Equal(got, contacts(2, 3, 4)) {
			t.Errorf("nearest = %v, want those at 2, 3 and 4", got)
		}
	}
}

// Who names a node at an address where it is not must not hide it: it is asked
// wherever it is said to be, once.
func TestLookupAsksAtEachAddress(t *testing.T) {
	l := scripted(3, 3, 5, 5)
	wantAsked(t, l, "at first", 5)
	here, there := near(1), Contact{near(1).ID, addr(900)}
	l.addAnswer(near(5), []Contact{there})
	wantAsked(t, l, "told of it at one address", 1)
	l.add(here, 1)
	l.add(there, 1)
	l.add(here, 1)
	if c, ok := l.next(); !ok || c != here {
		t.Errorf("told of it at another: asks %v, want %v", c, here)
	}
	wantAsked(t, l, "told of both again")
	l.set(there, failed)
	l.addAnswer(here, []Contact{there, near(2)})
	wantAsked(t, l, "it has answered at one of them", 2)
	l.addAnswer(near(2), nil)
	wantDone(t, l, "all have answered or failed", true)
	if got := l.nearest(); !slices.Equal(got, []Contact{here, near(2), near(5)}) {
		t.Errorf("nearest = %v, want it at %v, and those at 2 and 5", got, here.Addr)
	}
}

// P10: when a round of answers brings nothing nearer, all that are left of the k
// nearest are asked at once; when one does again, it is alpha again.
func TestLookupEndgame(t *testing.T) {
	l := scripted(10, 3, 11, 30)
	wantAsked(t, l, "at first", 11, 12, 13)
	l.addAnswer(near(11), contacts(40))
	l.addAnswer(near(12), contacts(41))
	wantAsked(t, l, "two noProgress answers", 14, 15)
	l.addAnswer(near(13), contacts(42))
	wantAsked(t, l, "three noProgress answers", 16, 17, 18, 19, 20)
	l.addAnswer(near(14), contacts(1, 2, 3, 4, 5))
	wantAsked(t, l, "something nearer: no more than under way")
	for n := 15; n <= 18; n++ {
		l.set(near(n), late)
	}
	wantAsked(t, l, "alpha again", 1)
}

// P11: the end is when the k nearest seen have answered, and no sooner; what is
// farther away need not be asked.
func TestLookupEnds(t *testing.T) {
	l := scripted(3, 3, 1, 9)
	wantAsked(t, l, "at first", 1, 2, 3)
	l.addAnswer(near(1), nil)
	l.addAnswer(near(2), nil)
	wantDone(t, l, "two of three have answered", false)
	l.set(near(3), late)
	wantAsked(t, l, "the third is slow", 4)
	l.addAnswer(near(4), nil)
	wantDone(t, l, "another took its place, but it may still answer", false)
	l.set(near(3), overdue)
	wantDone(t, l, "it is overdue", true)
	wantAsked(t, l, "at the end")
	if got := l.nearest(); !slices.Equal(got, contacts(1, 2, 4)) {
		t.Errorf("nearest = %v, want those at 1, 2 and 4", got)
	}
	if l := scripted(3, 3, 1, 0); !l.done() {
		t.Error("not done without anybody to ask")
	}
}

// S7 of the reference's faults: a peer that invents ever nearer contacts, all of
// which answer and do the same, ends the lookup by using up its budget.
func TestLookupBudget(t *testing.T) {
	for _, answers := range []bool{true, false} {
		const k = 20
		l := scripted(k, 3, 60000, 60000)
		next, requests := 59999, 0
		for rounds := 0; !l.done(); rounds++ {
			if rounds > 10000 {
				t.Fatal("does not end")
			}
			list := asked(l)
			requests += len(list)
			for _, n := range list {
				var invented []int
				for range k {
					invented = append(invented, next)
					next--
				}
				switch {
				case answers || n == 60000:
					l.addAnswer(near(n), contacts(invented...))
				default:
					l.set(near(n), failed)
				}
			}
		}
		if requests > budgetPerK*k {
			t.Errorf("%d requests, want %d at most", requests, budgetPerK*k)
		}
		if !answers && requests > 1+k {
			t.Errorf("%d requests after one liar, want %d at most", requests, 1+k)
		}
		checkLookup(t, l)
	}
}

// checkLookup checks what must hold of a lookup at any time.
func checkLookup(t *testing.T, l *shortlist) {
	t.Helper()
	busy := 0
	for i, c := range l.candidates {
		if i > 0 && l.target.CompareDistance(l.candidates[i-1].ID, c.ID) > 0 {
			t.Fatalf("candidate %d is out of order", i)
		}
		if j, known := l.find(c.Contact); !known || j != i {
			t.Fatalf("candidate %d is there twice", i)
		}
		if c.state == waiting {
			busy++
		}
	}
	if l.busy != busy || busy > max(l.k, l.alpha) {
		t.Fatalf("busy = %d with %d under way, k is %d", l.busy, busy, l.k)
	}
	if len(l.candidates) > maxCandidates*l.k {
		t.Fatalf("%d candidates, want %d at most", len(l.candidates), maxCandidates*l.k)
	}
	if l.budget < 0 || l.budget > budgetPerK*l.k {
		t.Fatalf("budget = %d", l.budget)
	}
}

// The list is bounded: the nearest stay, and who falls off while it is asked no
// longer takes up a slot.
func TestLookupListIsBounded(t *testing.T) {
	const k = 2
	l := scripted(k, 3, 10001, 10003)
	asked(l)
	for n := 10000; n > 0; n -= 7 {
		l.add(near(n), 1)
		checkLookup(t, l)
	}
	if len(l.candidates) != maxCandidates*k || distance(l.candidates[0].ID) != 4 {
		t.Errorf("%d candidates from %d on, want %d from 4 on", len(l.candidates), distance(l.candidates[0].ID), maxCandidates*k)
	}
	wantAsked(t, l, "those asked at first have fallen off", 4, 11)
	l.addAnswer(near(10001), contacts(1)) // an answer of one that fell off
	l.set(near(10002), failed)
	checkLookup(t, l)
	if _, known := l.find(near(1)); !known {
		t.Error("the answer of a candidate that fell off was not used")
	}
	l.add(near(20000), 1)
	if _, known := l.find(near(20000)); known {
		t.Error("a candidate beyond the bound was taken in")
	}
}

// oracle is a static network of tables that all nodes have offered themselves to.
type oracle struct {
	ids    []ID
	tables map[ID]*table
}

func newOracle(size, k, b int, src rand.Source) *oracle {
	o := &oracle{tables: make(map[ID]*table)}
	for range size {
		o.ids = append(o.ids, RandomID(src))
	}
	for _, id := range o.ids {
		x := newTable(id, k, b, &contactPool{})
		for i, other := range o.ids {
			if other != id {
				x.insert(Contact{other, addr(i)})
			}
		}
		o.tables[id] = &x
	}
	return o
}

func (o *oracle) closest(at, target ID, n int) (list []Contact) {
	for _, p := range o.tables[at].closest(nil, target, n, anyPeer) {
		list = append(list, o.tables[at].contact(p))
	}
	return list
}

// Q3, Q4, P11: in a static network each lookup gives the true k nearest, in
// whatever order the answers come, as long as they come.
func TestLookupFindsTheTrueNearest(t *testing.T) {
	t.Parallel()
	tests := []struct{ size, k, b int }{
		{2, 20, 5}, {5, 4, 1}, {21, 20, 5}, {60, 4, 1}, {60, 4, 5}, {60, 20, 1}, {60, 20, 5},
		{300, 4, 1}, {300, 4, 5}, {300, 20, 1}, {300, 20, 5},
	}
	for _, tt := range tests {
		seed := [32]byte{byte(tt.size), byte(tt.k), byte(tt.b)}
		r := rand.New(rand.NewChaCha8(seed))
		o := newOracle(tt.size, tt.k, tt.b, r)
		most := 0
		for range 50 {
			most = max(most, o.lookup(t, r, tt.k))
		}
		t.Logf("%4d nodes, k %2d, b %d: %d requests at most", tt.size, tt.k, tt.b, most)
	}
}

// lookup runs one lookup and returns how many requests it made.
func (o *oracle) lookup(t *testing.T, r *rand.Rand, k int) (requests int) {
	target := RandomID(r)
	start := o.ids[r.IntN(len(o.ids))]
	l := newShortlist(target, k, 1+r.IntN(5))
	for _, c := range o.closest(start, target, k*(1+r.IntN(3))) {
		l.add(c, 1)
	}
	var inFlight []Contact
	for !l.done() {
		for c, ok := l.next(); ok; c, ok = l.next() {
			inFlight = append(inFlight, c)
			requests++
		}
		checkLookup(t, &l)
		i := r.IntN(len(inFlight))
		if c := inFlight[i]; r.IntN(3) == 0 {
			l.set(c, late)
		} else {
			inFlight = slices.Delete(inFlight, i, i+1)
			l.addAnswer(c, o.without(o.closest(c.ID, target, k), start))
		}
	}
	var got []ID
	for _, c := range l.nearest() {
		got = append(got, c.ID)
	}
	all := slices.DeleteFunc(slices.Clone(o.ids), func(id ID) bool { return id == start })
	slices.SortFunc(all, target.CompareDistance)
	if want := all[:min(k, len(all))]; !slices.Equal(got, want) {
		t.Fatalf("%d nodes, k %d: lookup of %v gives %d ids, want the %d nearest", len(o.ids), k, target, len(got), len(want))
	}
	return requests
}

// without leaves out the node that looks, as it does itself.
func (o *oracle) without(list []Contact, id ID) []Contact {
	return slices.DeleteFunc(list, func(c Contact) bool { return c.ID == id })
}
