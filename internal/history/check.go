package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// Rules say how a history is judged. The zero value is the mildest.
type Rules struct {
	// Linger is the time after the end of a failed or unknown write during which it may
	// still take effect. After that it has taken effect, or never will. Zero stands for
	// no limit.
	Linger time.Duration
	// Settle is the time after the last write of a key after which all gets of the key
	// must agree. Zero stands for no such demand.
	Settle time.Duration
}

// Fault is the kind of a violation.
type Fault uint8

// The faults.
const (
	// Lost: a get finds no value, although one was acknowledged before.
	Lost Fault = iota
	// Stale: a get returns a value after a later write was acknowledged.
	Stale
	// Invented: a get returns a value that nobody has set, or only later.
	Invented
	// Split: two gets disagree long after the last write.
	Split
)

// String returns the name of the fault: lost, stale, invented or split.
func (f Fault) String() string { return name(f, "lost", "stale", "invented", "split") }

// MarshalText returns the name of the fault.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the name that MarshalText returns.
func (f *Fault) UnmarshalText(text []byte) error { return parse(f, text, Split) }

// Violation is a get that no promise allows.
type Violation struct {
	Fault Fault `json:"fault"`
	Get   Op    `json:"get"`
	// Against is the acknowledged write that the get should have seen or, if the fault
	// is Split, the get with another answer. It is the zero Op if the fault is Invented.
	Against Op `json:"against"`
}

// String describes the violation in one line.
func (v Violation) String() string {
	if v.Fault == Invented {
		return fmt.Sprintf("%v: %v", v.Fault, v.Get)
	}
	return fmt.Sprintf("%v: %v, against %v", v.Fault, v.Get, v.Against)
}

// forever is later than all times of a history.
const forever = time.Duration(math.MaxInt64)

// Check returns the violations in ops, which may be in any order. They are sorted by
// key, and then by the start of the get.
func (r Rules) Check(ops []Op) []Violation {
	byKey := make(map[string]*register)
	for _, o := range ops {
		g := byKey[o.Key]
		if g == nil {
			g = &register{rules: r}
			byKey[o.Key] = g
		}
		switch {
		case o.write():
			g.writes = append(g.writes, o)
		case o.Outcome == OK:
			g.gets = append(g.gets, o)
		}
	}
	var found []Violation
	for _, g := range byKey {
		found = append(found, g.check()...)
	}
	slices.SortFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Get.Key, b.Get.Key), cmp.Compare(a.Get.Start, b.Get.Start))
	})
	return found
}

// register is the history of one key.
type register struct {
	rules  Rules
	writes []Op
	gets   []Op // with outcome OK
	// acked has the acknowledged writes by their ends. latest[i] is the one of the first
	// i+1 that started last.
	acked, latest []Op
}

func (g *register) check() []Violation {
	g.sort()
	var found []Violation
	var allowed []Op
	for _, get := range g.gets {
		if fault, against, ok := g.judge(get); !ok {
			found = append(found, Violation{fault, get, against})
		} else {
			allowed = append(allowed, get)
		}
	}
	if g.rules.Settle > 0 {
		found = append(found, g.splits(allowed)...)
	}
	return found
}

func (g *register) sort() {
	for _, w := range g.writes {
		if w.Outcome == OK {
			g.acked = append(g.acked, w)
		}
	}
	slices.SortFunc(g.acked, func(a, b Op) int { return cmp.Compare(a.End, b.End) })
	for i, w := range g.acked {
		if i > 0 && g.latest[i-1].Start > w.Start {
			w = g.latest[i-1]
		}
		g.latest = append(g.latest, w)
	}
	slices.SortFunc(g.gets, func(a, b Op) int { return cmp.Compare(a.Start, b.Start) })
}

// overwriter returns the write that was acknowledged before t and, of all such, began
// last: no get from t on may return the value of a write that had ended before it began.
func (g *register) overwriter(t time.Duration) (Op, bool) {
	n := sort.Search(len(g.acked), func(i int) bool { return g.acked[i].End >= t })
	if n == 0 {
		return Op{}, false
	}
	return g.latest[n-1], true
}

// effect returns the time by which w has taken effect, if ever.
func (g *register) effect(w Op) time.Duration {
	if w.Outcome == OK {
		return w.End
	}
	if g.rules.Linger == 0 || w.End > forever-g.rules.Linger {
		return forever
	}
	return w.End + g.rules.Linger
}

// judge reports whether get may have its answer. If not, it returns the fault and the
// write that speaks against it.
func (g *register) judge(get Op) (fault Fault, against Op, ok bool) {
	over, written := g.overwriter(get.Start)
	answer := get.content()
	if answer.missing && !written {
		return 0, Op{}, true
	}
	was := false // a write has had this content
	for _, w := range g.writes {
		if w.Start > get.End {
			continue
		}
		same := w.content() == answer || answer.missing && w.Life > 0 && get.End >= w.Start+w.Life
		if same && (!written || g.effect(w) >= over.Start) {
			return 0, Op{}, true
		}
		was = was || same
	}
	switch {
	case answer.missing:
		return Lost, over, false
	case was:
		return Stale, over, false
	}
	return Invented, Op{}, false
}

// splits returns the gets that disagree with an earlier one, although the last write has
// been over for the time Settle. After a write that was not acknowledged, gets may
// disagree.
func (g *register) splits(gets []Op) (found []Violation) {
	var end, start time.Duration
	for _, w := range g.writes {
		end = max(end, w.End)
	}
	if over, ok := g.overwriter(end + 1); ok {
		start = over.Start
	}
	for _, w := range g.writes {
		if w.Life > 0 || w.Outcome != OK && g.effect(w) >= start {
			return nil
		}
	}
	first := -1
	for i, get := range gets {
		switch {
		case get.Start < end+g.rules.Settle:
		case first < 0:
			first = i
		case get.content() != gets[first].content():
			found = append(found, Violation{Split, get, gets[first]})
		}
	}
	return found
}
