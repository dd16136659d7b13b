package history

import (
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	var ops []Op
	for i := range 100 {
		ops = append(ops, set("a", 0, 1+i))
	}
	ops = append(ops, get("a", 200, 201), missing(200, 203), write(Set, Failed, "b", 0, 1), write(Delete, Unknown, "", 300, 301))
	s := Rules{}.Summarize(ops)
	got := [...]int{s.Operations, s.Keys, s.Gets.OK, s.Gets.Missing, s.Sets.OK, s.Sets.Failed, s.Deletes.Unknown, s.Lost, s.Stale}
	if want := [...]int{104, 1, 2, 1, 100, 1, 1, 1, 0}; got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if s.Sets.P50 != 50*time.Second || s.Sets.P99 != 99*time.Second || s.Gets.P50 != time.Second {
		t.Errorf("sets take p50 %v and p99 %v, gets p50 %v; want 50s, 99s and 1s", s.Sets.P50, s.Sets.P99, s.Gets.P50)
	}
}
