package core

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// rounds is how often a property is tried: less where that takes long.
func rounds(n int) int {
	if testing.Short() || runtime.GOOS == "js" {
		return n / 100
	}
	return n
}

// sum returns a + b, and whether that has more than 160 bits.
func sum(a, b ID) (ID, bool) {
	carry := 0
	for i := len(a) - 1; i >= 0; i-- {
		n := int(a[i]) + int(b[i]) + carry
		a[i], carry = byte(n), n>>8
	}
	return a, carry > 0
}

// nearbyID returns an id that shares a prefix of random length with id, and often
// all of it.
func nearbyID(id ID, src *rand.ChaCha8) ID {
	id.keepPrefix(int(src.Uint64()%(IDBits+32)), RandomID(src))
	return id
}

// K3, K4: the distance is a metric, and unidirectional (paper, section 2.1).
func TestDistanceIsAMetric(t *testing.T) {
	src := rand.NewChaCha8([32]byte{1})
	for i := range rounds(1_000_000) {
		a := RandomID(src)
		b, c := RandomID(src), RandomID(src)
		if i%2 == 1 {
			b, c = nearbyID(a, src), nearbyID(a, src)
		}
		ab, bc, ac := a.Distance(b), b.Distance(c), a.Distance(c)
		if longWay, over := sum(ab, bc); !over && ac.Compare(longWay) > 0 {
			t.Fatalf("d(%v, %v) > d(%v, %v) + d(%v, %v)", a, c, a, b, b, c)
		}
		if b.Distance(a) != ab || (ab == ID{}) != (a == b) || a.Distance(ab) != b {
			t.Fatalf("distance %v of %v and %v is not symmetric, or 0, or not unidirectional", ab, a, b)
		}
		if got, want := a.CompareDistance(b, c), ab.Compare(ac); got != want || a.CompareDistance(c, b) != -want {
			t.Fatalf("%v.CompareDistance(%v, %v) = %d, and %d the other way, want %d", a, b, c, got, a.CompareDistance(c, b), want)
		}
		checkPrefix(t, a, b)
	}
}

// checkPrefix checks the first bit in which two ids differ, by three ways.
func checkPrefix(t *testing.T, a, b ID) {
	t.Helper()
	n := PrefixLen(a, b)
	if n != PrefixLen(b, a) || (n == IDBits) != (a == b) {
		t.Fatalf("PrefixLen(%v, %v) = %d, and %d the other way", a, b, n, PrefixLen(b, a))
	}
	if n == IDBits {
		return
	}
	if a.bit(n) == b.bit(n) {
		t.Fatalf("PrefixLen(%v, %v) = %d, but bit %d is the same", a, b, n, n)
	}
	b.keepPrefix(n+1, a)
	b.flip(n)
	if a != b {
		t.Fatalf("%v has another prefix of %d bits than %v", b, n, a)
	}
}

func TestBits(t *testing.T) {
	for i := range IDBits {
		var id ID
		id.flip(i)
		for j := range IDBits {
			want := byte(0)
			if i == j {
				want = 1
			}
			if got := id.bit(j); got != want {
				t.Errorf("bit %d = %d after bit %d was flipped, want %d", j, got, i, want)
			}
		}
		if got := PrefixLen(id, ID{}); got != i {
			t.Errorf("PrefixLen of bit %d and none = %d, want %d", i, got, i)
		}
		if id.flip(i); id != (ID{}) {
			t.Errorf("bit %d flipped twice: %v, want none set", i, id)
		}
	}
}

func TestKeepPrefix(t *testing.T) {
	var zero, ones ID
	for i := range ones {
		ones[i] = 0xff
	}
	for n := range IDBits + 1 {
		id := ones
		id.keepPrefix(n, zero)
		if got := PrefixLen(id, ones); got != n {
			t.Errorf("%d bits are kept of %v, want %d", got, ones, n)
		}
		for i := n; i < IDBits; i++ {
			if id.bit(i) != 0 {
				t.Errorf("bit %d of %v is kept, want the first %d only", i, id, n)
			}
		}
	}
	id := ones
	if id.keepPrefix(IDBits+8, zero); id != ones {
		t.Errorf("more bits kept than there are: %v, want %v", id, ones)
	}
}

func TestParseID(t *testing.T) {
	const digits = "00a1b2c3d4e5f60718293a4b5c6d7e8f90abcdef"
	id, err := ParseID(digits)
	if err != nil || id.String() != digits || id[1] != 0xa1 || id[19] != 0xef {
		t.Errorf("ParseID(%s) = %v, %v, want the same digits", digits, id, err)
	}
	if got, err := ParseID(strings.ToUpper(digits)); err != nil || got != id {
		t.Errorf("ParseID of capital letters = %v, %v, want %v", got, err, id)
	}
	for _, s := range []string{
		"", "00", digits[1:], digits + "0", digits + "00", digits + "\n", " " + digits[1:], "g" + digits[1:],
		digits[:39] + "x", "0x" + digits[2:], "é" + digits[2:], strings.Repeat("\x00", 40),
	} {
		if got, err := ParseID(s); err == nil || got != (ID{}) {
			t.Errorf("ParseID(%q) = %v, %v, want the zero id and an error", s, got, err)
		} else if msg := err.Error(); !strings.HasPrefix(msg, "id ") || !strings.Contains(msg, ": want 40 hexadecimal digits, ") {
			t.Errorf("ParseID(%q): error %q, want one that says what it is about", s, msg)
		}
	}
}

func TestIDAsText(t *testing.T) {
	src := rand.NewChaCha8([32]byte{2})
	for range rounds(10_000) {
		id := RandomID(src)
		text, err := json.Marshal(map[ID]ID{id: id})
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"` + id.String() + `":"` + id.String() + `"}`; string(text) != want {
			t.Errorf("as JSON %s, want %s", text, want)
		}
		var got map[ID]ID
		if err := json.Unmarshal(text, &got); err != nil || got[id] != id || len(got) != 1 {
			t.Errorf("from JSON %v, %v, want %v", got, err, id)
		}
	}
	id := Key("unchanged")
	if err := id.UnmarshalText([]byte("no id")); err == nil || id != Key("unchanged") {
		t.Errorf("UnmarshalText of no id: %v, %v, want an error and the id unchanged", id, err)
	}
}

// K1: ids have 160 bits, all of them random.
func TestRandomIDsDiffer(t *testing.T) {
	src := rand.NewChaCha8([32]byte{3})
	const n = 10_000
	seen := make(map[ID]bool)
	var set [IDBits]int
	for range n {
		id := RandomID(src)
		seen[id] = true
		for i := range set {
			set[i] += int(id.bit(i))
		}
	}
	if len(seen) != n {
		t.Errorf("%d different ids of %d", len(seen), n)
	}
	for i, count := range set {
		// Ten standard deviations.
		if count < n/2-500 || count > n/2+500 {
			t.Errorf("bit %d is set in %d of %d ids, want about half", i, count, n)
		}
	}
}
