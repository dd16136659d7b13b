package core

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A contact that stays silent for ever stays stale, and is asked less and less often.
func TestSilentContactStaysStale(t *testing.T) {
	var p peer
	last := time.Duration(0)
	for n := range 1000 {
		end := p.fail(0)
		if n+1 >= staleAfter && !p.stale() {
			t.Fatalf("not stale after failure %d", n+1)
		}
		if end < last {
			t.Fatalf("after failure %d it rests until %v, %v before", n+1, end, last)
		}
		last = end
	}
}

// The counts of contacts around the node's own id are exact.
func TestCountsAroundOwnID(t *testing.T) {
	src := rand.NewChaCha8([32]byte{5})
	self := RandomID(src)
	x := newTable(self, 4, 1, &contactPool{})
	for i := range 3 {
		x.insert(Contact{idAt(self, 2, src), addr(i)})
	}
	if got := x.sharedByK(); got != 0 {
		t.Errorf("k contacts share %d bits, want 0: there are fewer than k", got)
	}
	for n := range 4 {
		if x.kShare(n) {
			t.Errorf("k contacts share %d bits, and there are fewer than k", n)
		}
	}
	x.insert(Contact{idAt(self, 2, src), addr(3)})
	if got := x.sharedByK(); got != 2 {
		t.Errorf("k contacts share %d bits, want 2", got)
	}
	for n := range 5 {
		if got, want := x.kShare(n), n <= 2; got != want {
			t.Errorf("k contacts share %d bits = %v, want %v", n, got, want)
		}
	}
	// A target that differs in the bit after the second is nearer to all, any other to none.
	for level := range 5 {
		want := 0
		target := self
		target.flip(level)
		if level == 2 {
			want = 4
		}
		if got := x.countNearer(target); got != want {
			t.Errorf("%d contacts are nearer to an id that shares %d bits, want %d", got, level, want)
		}
	}
}
