package history

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Summary counts the operations of a history by kind and outcome, and its violations.
type Summary struct {
	Operations int         `json:"operations"`
	Keys       int         `json:"keys"`
	Gets       Counts      `json:"gets"`
	Sets       Counts      `json:"sets"`
	Deletes    Counts      `json:"deletes"`
	Lost       int         `json:"lost"`
	Stale      int         `json:"stale"`
	Invented   int         `json:"invented"`
	Split      int         `json:"split"`
	Violations []Violation `json:"violations,omitempty"`
}

// Counts are the operations of one kind.
type Counts struct {
	OK      int `json:"ok"`
	Missing int `json:"missing,omitempty"` // of OK: gets that were told that there is no value
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	// P50 and P99 are the durations of operations with outcome OK.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// Summarize judges the operations and counts them.
func (r Rules) Summarize(ops []Op) Summary {
	s := Summary{Operations: len(ops), Violations: r.Check(ops)}
	for _, v := range s.Violations {
		*[]*int{Lost: &s.Lost, Stale: &s.Stale, Invented: &s.Invented, Split: &s.Split}[v.Fault]++
	}
	keys := make(map[string]bool)
	var took [3][]time.Duration
	counts := []*Counts{Get: &s.Gets, Set: &s.Sets, Delete: &s.Deletes}
	for _, o := range ops {
		keys[o.Key] = true
		c := counts[o.Kind]
		switch o.Outcome {
		case OK:
			c.OK++
			took[o.Kind] = append(took[o.Kind], o.End-o.Start)
		case Failed:
			c.Failed++
		default:
			c.Unknown++
		}
		if o.Missing {
			c.Missing++
		}
	}
	s.Keys = len(keys)
	for k, c := range counts {
		slices.Sort(took[k])
		c.P50, c.P99 = percentile(took[k], 50), percentile(took[k], 99)
	}
	return s
}

// percentile returns the smallest duration that p per cent of them do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}

// String returns the summary as lines of text, without the violations.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "operations  %d on %d keys\n", s.Operations, s.Keys)
	for _, row := range []struct {
		name string
		Counts
	}{{"gets", s.Gets}, {"sets", s.Sets}, {"deletes", s.Deletes}} {
		fmt.Fprintf(&b, "%-11s %d ok, %d failed, %d unknown; p50 %v, p99 %v\n", row.name,
			row.OK, row.Failed, row.Unknown, short(row.P50), short(row.P99))
	}
	fmt.Fprintf(&b, "lost %d, stale %d, invented %d, split %d\n", s.Lost, s.Stale, s.Invented, s.Split)
	return b.String()
}

func short(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
