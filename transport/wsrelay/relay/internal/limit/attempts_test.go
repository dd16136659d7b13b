package limit

import (
	"testing"
	"time"
)

// Memory is bounded however many addresses there are, and freed when a client is idle.
func TestMemoryBounds(t *testing.T) {
	var tr attempts
	const many = 1<<16 + 1
	for i := range uint64(many) {
		tr.keep(i, attempt{})
		if n := len(tr.young) + len(tr.old); n > 8192 { // of 40 bytes each
			t.Fatalf("%d attempts are kept, want 8192 at most", n)
		}
	}
	for i := range uint64(4000) { // what a client may send at once
		if _, ok := tr.find(0, many-1-i); !ok {
			t.Fatalf("of the last %d attempts one is forgotten", i+1)
		}
	}
	tr.rotate(time.Minute)
	tr.rotate(2 * time.Minute)
	if tr.young != nil || tr.old != nil {
		t.Error("attempts are kept for longer than 2 generations")
	}
	var p provenAddrs
	const last = 400_000
	for i := range uint64(last + 1) {
		p.add(0, i, i)
	}
	if n := len(p.young) + len(p.old); n > 1<<18 { // of 20 bytes each
		t.Errorf("%d proofs are kept, want %d at most", n, 1<<18)
	}
	if !p.has(0, last-100_000) || p.has(0, 0) || p.has(2*time.Hour, last) {
		t.Error("the last 100,000 proofs must hold, the first must not, and none for hours")
	}
	p.add(0, last, 8)
	before := len(p.young)
	for i := range uint64(1 << 20) {
		p.add(0, i<<32, 7)
	}
	if n := len(p.young) - before; n > 1<<17/50 {
		t.Errorf("%d proofs of one network are kept, want 2%% of all at most", n)
	}
	if !p.has(0, last) || !p.has(0, 1<<32) || p.has(0, (1<<20-1)<<32) {
		t.Error("answers from one network drove out the proofs of others, or were all kept")
	}
	var d owedAnswers
	for i := range uint64(100000) {
		d.add(i * 0x9e3779b97f4a7c15)
	}
	if !d.settle(99999 * 0x9e3779b97f4a7c15 & (1<<64 - 1)) {
		t.Error("the latest request is forgotten")
	}
}
