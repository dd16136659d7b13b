package core

import (
	"slices"
	"testing"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// A late answer of a candidate that nearer ones have pushed out of the list changes no
// other candidate.
func TestAnswerFromBeyondTheList(t *testing.T) {
	const k = 2
	l := scripted(k, 1, 1, maxCandidates*k)
	before := slices.Clone(l.candidates)
	for _, beyond := range []Contact{near(1000), {near(5).ID, addr(4000)}} {
		l.noteTrailer(beyond, &wire.Trailer{Present: true, Run: 1})
		l.noteValue(beyond)
		l.markFailed(beyond)
		if got := l.hops(beyond); got != 0 {
			t.Errorf("%d hops to a candidate that is not in the list, want 0", got)
		}
		if l.amongNearest(beyond) {
			t.Error("a candidate that is not in the list is among the nearest")
		}
	}
	if !slices.Equal(l.candidates, before) {
		t.Errorf("candidates = %v, want %v", l.candidates, before)
	}
}
