package history

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 10_000, "how many tiny histories are judged in two ways")

// allowed returns whether some order of the writes explains a get: the order keeps to
// the times, has all acknowledged writes, and the get has the content of the write
// before it. It is the definition, tried out with every order.
func allowed(r Rules, writes []Op, get Op) bool {
	explained := false
	orders(writes, nil, func(order []Op) {
		for at := 0; at <= len(order) && !explained; at++ {
			all := slices.Insert(slices.Clone(order), at, get)
			explained = inTime(r, all) && explains(order[:at], get)
		}
	})
	return explained
}

// explains reports whether a get after the writes has its answer.
func explains(before []Op, get Op) bool {
	if len(before) == 0 {
		return get.Missing
	}
	last := before[len(before)-1]
	expired := last.Life > 0 && get.End >= last.Start+last.Life
	return last.content() == get.content() || expired && get.Missing
}

// inTime reports whether no operation is over before one begins that comes earlier in
// the order.
func inTime(r Rules, order []Op) bool {
	for i, later := range order {
		end := later.End
		if later.write() && later.Outcome != OK {
			end = forever
			if r.Linger > 0 {
				end = later.End + r.Linger
			}
		}
		for _, earlier := range order[:i] {
			if end < earlier.Start {
				return false
			}
		}
	}
	return true
}

// orders calls yield with each order of the writes, with and without those that were
// not acknowledged.
func orders(rest, chosen []Op, yield func([]Op)) {
	if !slices.ContainsFunc(rest, func(o Op) bool { return o.Outcome == OK }) {
		yield(chosen)
	}
	for i, o := range rest {
		orders(slices.Delete(slices.Clone(rest), i, i+1), append(slices.Clone(chosen), o), yield)
	}
}

// The quick way of judging a get finds the same as the definition.
func TestSameAsDefinition(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	bad := 0
	for round := range *rounds {
		ops, r := tiny(rng)
		bad += compare(t, r, ops)
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	if bad == 0 || bad == *rounds {
		t.Errorf("%d gets of %d histories are violations, want some and not all", bad, *rounds)
	}
}

// compare judges all gets of one key in both ways, and returns the number of
// violations.
func compare(t *testing.T, r Rules, ops []Op) (bad int) {
	t.Helper()
	faults := make(map[Op]Fault)
	for _, v := range r.Check(ops) {
		faults[v.Get] = v.Fault
	}
	writes := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return !o.write() })
	for _, o := range ops {
		if o.write() || o.Outcome != OK {
			continue
		}
		fault, found := faults[o]
		if found {
			bad++
		}
		if want := !allowed(r, writes, o); found != want {
			t.Errorf("%v: violation %v (%v), want %v; linger %v, among\n%v", o, found, fault, want, r.Linger, ops)
		}
	}
	return bad
}

// tiny returns a history of one key with up to four writes and two gets, within few
// moments and with few values, so that they meet.
func tiny(rng *rand.Rand) ([]Op, Rules) {
	bytes := make([]byte, 1+5*(1+rng.IntN(6)))
	for i := range bytes {
		bytes[i] = byte(rng.Uint32())
	}
	return decode(bytes)
}

// decode makes a history out of any bytes.
func decode(b []byte) ([]Op, Rules) {
	var r Rules
	if len(b) == 0 {
		return nil, r
	}
	r.Linger, b = time.Duration(b[0]%3), b[1:]
	var ops []Op
	writes := 0
	for ; len(b) >= 5 && len(ops) < 8; b = b[5:] {
		o := Op{Kind: Kind(b[0] % 3), Outcome: OK, Start: time.Duration(b[1] % 10)}
		o.End = o.Start + time.Duration(b[2]%5)
		if o.Kind != Delete {
			o.Value = string(rune('a' + b[3]%3))
		}
		if o.write() {
			if writes++; writes > 4 {
				continue
			}
			o.Outcome = []Outcome{OK, OK, Failed, Unknown}[b[4]%4]
		}
		switch {
		case o.Kind == Set && b[4]&0x30 == 0:
			o.Life = 1 + time.Duration(b[4]>>6)
		case o.Kind == Get && b[3]%4 == 0:
			o.Value, o.Missing = "", true
		}
		ops = append(ops, o)
	}
	return ops, r
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x01\x00\x01\x00\x05\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ops, r := decode(b)
		compare(t, r, ops)
		r.Settle = time.Nanosecond
		r.Check(ops)
	})
}

func TestJSON(t *testing.T) {
	v := Violation{
		Fault:   Stale,
		Get:     Op{Kind: Get, Outcome: OK, Key: "k", Value: "a", Start: 1, End: 2, By: "n"},
		Against: Op{Kind: Delete, Outcome: Failed, Key: "k", Note: "e", Life: 3},
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got Violation
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, v) {
		t.Errorf("%s is read as %+v, %v; want %+v", text, got, err, v)
	}
	if err := json.Unmarshal([]byte(`{"fault":"odd"}`), &got); err == nil {
		t.Error("a fault that is none is read without an error")
	}
}
