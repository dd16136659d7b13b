package wire

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// hostileBodies claim more than they hold, nest without end, or make work.
func hostileBodies(t testing.TB) map[string][]byte {
	t.Helper()
	store := "92 a5 73746f7265 93" + hexID + hexID
	contacts := "dc f000"
	value := "81 a576616c7565"
	many := func(head, item string) []byte {
		b, one := fromHex(t, head), fromHex(t, item)
		return append(b, bytes.Repeat(one, (MaxDatagram-HeaderLen-len(b))/len(one))...)
	}
	bodies := map[string][]byte{
		"stored value, lists in lists":        many(store, "91"),
		"stored value, maps as keys":          many(store, "81"),
		"stored value, list of nils":          many(store+"dcfe00", "c0"),
		"stored value, list of empty lists":   many(store+"dcf000", "90"),
		"stored value, list of c1":            many(store+"dcf000", "c1"),
		"stored value, list of bad text":      many(store+"dc3fff", "a1ff"),
		"nils for contacts":                   many(contacts, "c0"),
		"c1 for contacts":                     many(contacts, "c1"),
		"lists without end for contacts":      many(contacts, "91"),
		"contacts with names, with a zone":    many("dc0700", "93"+hexID+hexStr("fe80::1%0123456789")+hexPort),
		"contacts with an endless name":       append(fromHex(t, "91 93"+hexID+"dae000"), strings.Repeat("a", 0xe000)...),
		"contacts, two thousand":              many("dc0700", "93"+hexID+hexIP+hexPort),
		"map of many keys":                    many("de7000", "0102"),
		"map of lists without end":            many("de7000", "91"),
		"value, lists in lists":               many(value, "91"),
		"stored value, map of many keys":      append(fromHex(t, store), mapOf(16_000, intKey)...),
		"stored value, map of many texts":     append(fromHex(t, store), mapOf(9_000, textKey)...),
		"stored value, map of the same keys":  many(store+"de7000", "0102"),
		"stored value, many maps of two keys": many(store+"dc3200", "8201020202"),
		"value among many keys":               append(fromHex(t, "de3e81 a576616c7565 01"), mapOf(16_000, intKey)[3:]...),
		"trailer of many keys":                many(hexID+"de7000", "0702"),
		"trailer with lists without end":      many(hexID+"8107", "91"),
	}
	for _, claim := range []string{"dbffffffff", "c6ffffffff", "ddffffffff", "dfffffffff", "c9ffffffff05",
		"daffff", "c5ffff", "dcffff", "deffff"} {
		for where, head := range map[string]string{
			"body": "", "name": "92", "arguments": "92 a4 70696e67", "id": "92 a4 70696e67 91", "stored value": store,
			"inside a stored value": store + "91", "contact": "91", "id of a contact": "91 93",
			"ip of a contact":   "91 93" + hexID,
			"port of a contact": "91 93" + hexID + hexIP, "key": "81", "value": value, "trailer": hexID, "caps": hexID + "8100",
		} {
			bodies[where+" "+claim] = fromHex(t, head+claim)
		}
	}
	return bodies
}

// mapOf returns a map with n keys and nil behind each.
func mapOf(n int, key func(i int) []byte) []byte {
	b := []byte{msgpcode.Map16, byte(n >> 8), byte(n)}
	for i := range n {
		b = append(append(b, key(i)...), msgpcode.Nil)
	}
	return b
}

func intKey(i int) []byte { return []byte{msgpcode.Uint16, byte(i >> 8), byte(i)} }

func textKey(i int) []byte { return fmt.Appendf([]byte{msgpcode.FixedStrLow + 5}, "%05d", i) }

// stopGC stops the garbage collector until the test ends. Its goroutines allocate too,
// and testing.AllocsPerRun counts the whole process.
func stopGC(t *testing.T) {
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	runtime.GC() // waits until a collection that runs has ended
}

func TestParsingAllocatesNothing(t *testing.T) {
	bodies := hostileBodies(t)
	w := NewWriter()
	full := trailers["everything"]
	for _, r := range sampleRequests() {
		r.Trailer = full
		bodies["good "+r.Method.String()] = w.Request(nil, &r)[HeaderLen:]
	}
	for _, s := range sampleAnswers() {
		bodies["good "+s.name] = s.write(w, nil, &full)[HeaderLen:]
	}
	stopGC(t)
	p := NewParser()
	var r Request
	var a Answer
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			got := testing.AllocsPerRun(2, func() {
				p.Request(body, &r)
				p.Valid(body)
				for m := range Methods {
					p.Answer(body, m, 20, &a)
				}
			})
			if got != 0 {
				t.Errorf("%v allocations, want 0", got)
			}
		})
	}
}

// The memory to compare keys is in proportion to the datagram, and is used again.
func TestKeysCostInProportion(t *testing.T) {
	stopGC(t)
	for name, body := range hostileBodies(t) {
		p := NewParser()
		var r Request
		var a Answer
		got := allocated(func() {
			p.Request(body, &r)
			p.Answer(body, FindValue, 20, &a)
		})
		if limit := uint64(64 * (1000 + len(body))); got > limit {
			t.Errorf("%s: %d bytes allocated for a datagram of %d, want at most %d", name, got, len(body), limit)
		}
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// An address that netip cannot parse costs its error, but no more memory than the
// contact took in the datagram.
func TestBadAddressesCostInProportion(t *testing.T) {
	stopGC(t)
	for _, ip := range []string{"1", "localhost", "1.2.3.4.5", "::1::", strings.Repeat("f", 45)} {
		body := append(fromHex(t, "dc0400"), bytes.Repeat(fromHex(t, "93"+hexID+hexStr(ip)+hexPort), 1024)...)
		p := NewParser()
		var a Answer
		var err error
		got := allocated(func() { err = p.Answer(body, FindNode, 20, &a) })
		if err != nil || a.Skipped != 1024 {
			t.Errorf("%q: %d skipped, %v, want 1024", ip, a.Skipped, err)
		}
		if limit := uint64(2 * len(body)); got > limit {
			t.Errorf("%q: %d bytes allocated for a datagram of %d, want at most %d", ip, got, len(body), limit)
		}
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	stopGC(t)
	w := NewWriter()
	buf := make([]byte, 0, 10_000)
	full := trailers["everything"]
	for _, r := range sampleRequests() {
		r.Trailer = full
		if got := testing.AllocsPerRun(10, func() { w.Request(buf, &r) }); got != 0 {
			t.Errorf("%v: %v allocations, want 0", r.Method, got)
		}
	}
	for _, s := range sampleAnswers() {
		if got := testing.AllocsPerRun(10, func() { s.write(w, buf, &full) }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", s.name, got)
		}
	}
}

// Results of parsing lie in the datagram, and cannot be appended to in place.
func TestResultsPointIntoTheDatagram(t *testing.T) {
	want := []byte("\xadhello, world!")
	r := Request{Method: Store, Value: want, Trailer: trailers["everything"]}
	d := NewWriter().Request(nil, &r)
	got, err := parseRequest(d)
	if err != nil || !liesIn(got.Value, d) {
		t.Errorf("value %q, %v, does not lie in the request", got.Value, err)
	}
	msg := testID(1)
	d = NewWriter().Value(nil, &msg, want, &r.Trailer)
	a, err := parseAnswer(d, FindValue, 20)
	if err != nil || !liesIn(a.Value, d) {
		t.Errorf("value %q, %v, does not lie in the answer", a.Value, err)
	}
}

// liesIn reports whether part is a part of whole, in the same memory, and has no
// room behind it.
func liesIn(part, whole []byte) bool {
	if len(part) == 0 || cap(part) != len(part) {
		return false
	}
	for i := range whole[:len(whole)-len(part)+1] {
		if &whole[i] == &part[0] {
			return true
		}
	}
	return false
}
