package history

import (
	"slices"
	"testing"
	"time"
)

// Operations of the key "k", with times in seconds.

func write(k Kind, o Outcome, value string, start, end int) Op {
	return Op{Kind: k, Outcome: o, Key: "k", Value: value, Start: seconds(start), End: seconds(end)}
}

func set(value string, start, end int) Op { return write(Set, OK, value, start, end) }

func get(value string, start, end int) Op {
	return Op{Kind: Get, Outcome: OK, Key: "k", Value: value, Start: seconds(start), End: seconds(end)}
}

func missing(start, end int) Op {
	o := get("", start, end)
	o.Missing = true
	return o
}

func living(o Op, life int) Op {
	o.Life = seconds(life)
	return o
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func TestCheck(t *testing.T) {
	strict := Rules{Linger: 5 * time.Second, Settle: 5 * time.Second}
	tests := []struct {
		name string
		ops  []Op
		want []Fault
	}{
		{"nothing", nil, nil},
		{"read what was set", []Op{set("a", 0, 1), get("a", 2, 3)}, nil},
		{"nothing set", []Op{missing(0, 1)}, nil},
		{"lost", []Op{set("a", 0, 1), missing(2, 3)}, []Fault{Lost}},
		{"not yet acknowledged", []Op{set("a", 0, 2), missing(1, 3)}, nil},
		{"nobody set it", []Op{set("a", 0, 1), get("b", 2, 3)}, []Fault{Invented}},
		{"read before it was set", []Op{get("a", 0, 1), set("a", 2, 3)}, []Fault{Invented}},
		{"another key", []Op{{Kind: Set, Outcome: OK, Key: "other", Value: "a"}, get("a", 2, 3)}, []Fault{Invented}},

		{"stale", []Op{set("a", 0, 1), set("b", 2, 3), get("a", 4, 5)}, []Fault{Stale}},
		{"stale, in any order of the list", []Op{get("a", 4, 5), set("b", 2, 3), set("a", 0, 1)}, []Fault{Stale}},
		{"old while the new is under way", []Op{set("a", 0, 1), set("b", 2, 4), get("a", 3, 5)}, nil},
		{"new while it is under way", []Op{set("a", 0, 1), set("b", 2, 4), get("b", 3, 3)}, nil},
		{"back and forth while it is under way", []Op{set("a", 0, 1), set("b", 2, 9), get("b", 3, 4), get("a", 5, 6)}, nil},

		{"two writers at once: one", []Op{set("a", 0, 2), set("b", 1, 3), get("a", 4, 5)}, nil},
		{"two writers at once: the other", []Op{set("a", 0, 2), set("b", 1, 3), get("b", 4, 5)}, nil},
		{"two writers at once, both overwritten",
			[]Op{set("a", 0, 2), set("b", 1, 3), set("c", 4, 5), get("b", 6, 7), get("a", 6, 7)}, []Fault{Stale, Stale}},
		{"a slow writer spans a quick one", []Op{set("a", 0, 9), set("b", 2, 3), set("c", 4, 5), get("a", 10, 11)}, nil},
		{"a slow writer saves no old value", []Op{set("a", 0, 9), set("b", 2, 3), set("c", 4, 5), get("b", 6, 7)}, []Fault{Stale}},

		{"failed, and has taken effect", []Op{set("a", 0, 1), write(Set, Failed, "b", 2, 3), get("b", 4, 5)}, nil},
		{"failed, without effect", []Op{set("a", 0, 1), write(Set, Failed, "b", 2, 3), get("a", 4, 5)}, nil},
		{"unknown, seen and not seen", []Op{set("a", 0, 1), write(Set, Unknown, "b", 2, 3), get("b", 9, 9), get("a", 9, 9)}, nil},
		{"unknown excuses no loss", []Op{set("a", 0, 1), write(Set, Unknown, "b", 2, 3), missing(4, 5)}, []Fault{Lost}},
		{"unknown takes effect after a later one", []Op{write(Set, Unknown, "a", 0, 1), set("b", 2, 3), get("a", 7, 8)}, nil},
		{"unknown, long over", []Op{write(Set, Unknown, "a", 0, 1), set("b", 7, 8), get("a", 9, 10)}, []Fault{Stale}},

		{"deleted", []Op{set("a", 0, 1), write(Delete, OK, "", 2, 3), missing(4, 5)}, nil},
		{"deleted and back", []Op{set("a", 0, 1), write(Delete, OK, "", 2, 3), get("a", 4, 5)}, []Fault{Stale}},
		{"deletion under way", []Op{set("a", 0, 1), write(Delete, OK, "", 2, 5), get("a", 3, 4), missing(3, 4)}, nil},
		{"deletion failed", []Op{set("a", 0, 1), write(Delete, Failed, "", 2, 3), missing(4, 5), get("a", 4, 5)}, nil},
		{"set after the deletion", []Op{set("a", 0, 1), write(Delete, OK, "", 2, 3), set("b", 4, 5), missing(6, 7)}, []Fault{Lost}},

		{"expired", []Op{living(set("a", 0, 1), 5), missing(6, 7)}, nil},
		{"expired too early", []Op{living(set("a", 0, 1), 5), missing(3, 4)}, []Fault{Lost}},
		{"expired, and an older one back", []Op{set("a", 0, 1), living(set("b", 2, 3), 5), get("a", 9, 10)}, []Fault{Stale}},

		{"readers disagree at the end", []Op{set("a", 0, 2), set("b", 1, 3), get("a", 8, 9), get("b", 8, 9)}, []Fault{Split}},
		{"readers disagree at first", []Op{set("a", 0, 2), set("b", 1, 3), get("a", 4, 5), get("b", 8, 9)}, nil},
		{"readers may disagree after a failed write",
			[]Op{set("a", 0, 1), write(Set, Failed, "b", 2, 3), get("a", 9, 9), get("b", 9, 9)}, nil},
		{"a get without an answer", []Op{set("a", 0, 1), {Kind: Get, Outcome: Failed, Key: "k", Start: seconds(2), End: seconds(3)}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []Fault
			for _, v := range strict.Check(tt.ops) {
				got = append(got, v.Fault)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Check found %v, want %v", got, tt.want)
			}
		})
	}
}

// Without a limit, a write of unknown outcome may take effect at any later time.
func TestUnknownMayLinger(t *testing.T) {
	ops := []Op{write(Set, Unknown, "a", 0, 1), set("b", 700, 800), get("a", 900, 1000)}
	if got := (Rules{}).Check(ops); len(got) > 0 {
		t.Errorf("Check found %v, want nothing", got)
	}
}

func TestViolationNamesBothOperations(t *testing.T) {
	r := get("a", 4, 5)
	r.By, r.Note = "reader 3", "from 1 holder"
	found := Rules{}.Check([]Op{set("a", 0, 1), set("b", 2, 3), r})
	const want = `stale: get "k": "a" (ok, 4s to 5s) by reader 3: from 1 holder, against set "k" to "b" (ok, 2s to 3s)`
	if len(found) != 1 || found[0].String() != want {
		t.Errorf("Check found %v, want %s", found, want)
	}
}
