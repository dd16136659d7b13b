package core

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// The vectors are what the Python reference does; test/vectors/generate.py writes
// them, and says what each part means.
//
//go:embed testdata/vectors.json
var vectorsJSON []byte

type vectors struct {
	Digest []struct {
		Input tagged
		Key   ID
	}
	Distance struct {
		Pairs  []struct{ A, B, Distance ID }
		Orders []struct {
			Target       ID
			IDs          []ID
			NearestFirst []ID `json:"nearest_first"`
		}
	}
	Values     []valueVector
	Decode     []decodeVector
	RPC        []rpcVector
	Odd        oddVectors
	OddAnswers []oddAnswerVector `json:"odd_answers"`
	Limits     map[string]struct {
		Largest         int
		FirstRefused    int `json:"first_refused"`
		RequestBody     int `json:"request_body"`
		RequestDatagram int `json:"request_datagram"`
	}
}

var readVectors = sync.OnceValues(func() (v vectors, err error) {
	err = json.Unmarshal(vectorsJSON, &v)
	return v, err
})

func loadVectors(t testing.TB) vectors {
	t.Helper()
	v, err := readVectors()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// hexBytes are bytes that JSON has as hexadecimal digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	got, err := hex.DecodeString(string(text))
	*b = got
	return err
}

// vectorAddr is where somebody is in the vectors.
type vectorAddr struct {
	IP   netip.Addr
	Port uint16
}

func (a vectorAddr) addrPort() netip.AddrPort { return netip.AddrPortFrom(a.IP, a.Port) }

// tagged is a Python value, as test/python/tagged.py describes it.
type tagged struct {
	T      string
	V      json.RawMessage
	Repeat hexBytes // in place of V: a byte
	Count  int      // and how often
}

// decode reads V.
func (v tagged) decode(t testing.TB, to any) {
	t.Helper()
	if err := json.Unmarshal(v.V, to); err != nil {
		t.Fatalf("%s %s: %v", v.T, v.V, err)
	}
}

// text is a str, bytes or the digits of a number.
func (v tagged) text(t testing.TB) string {
	t.Helper()
	if v.Count > 0 {
		return strings.Repeat(string(v.Repeat), v.Count)
	}
	if v.T == "bytes" || v.T == "other" {
		var b hexBytes
		v.decode(t, &b)
		return string(b)
	}
	var s string
	v.decode(t, &s)
	return s
}

// float has for a NaN the bits of Python's math.nan.
func (v tagged) float(t testing.TB) float64 {
	t.Helper()
	if string(v.V) == `"nan"` {
		return math.Float64frombits(0x7ff8 << 48)
	}
	f, err := strconv.ParseFloat(v.text(t), 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (v tagged) bool(t testing.TB) (b bool) {
	t.Helper()
	v.decode(t, &b)
	return b
}

// value makes a Value with the constructors that we have. It returns false if it
// is an integer of more than 64 bits.
func (v tagged) value(t testing.TB) (Value, bool) {
	t.Helper()
	switch v.T {
	case "str":
		return String(v.text(t)), true
	case "bytes":
		return Bytes([]byte(v.text(t))), true
	case "float":
		return Float(v.float(t)), true
	case "bool":
		return Bool(v.bool(t)), true
	case "int":
		if n, err := strconv.ParseInt(v.text(t), 10, 64); err == nil {
			return Int(n), true
		}
		n, err := strconv.ParseUint(v.text(t), 10, 64)
		return Uint(n), err == nil
	case "nil":
		return Value{raw: "\xc0"}, true
	case "other":
		return Value{raw: v.text(t)}, true
	case "list":
		var items []tagged
		v.decode(t, &items)
		return composed(t, items, (*msgpack.Encoder).EncodeArrayLen, len(items))
	case "map":
		var pairs [][2]tagged
		v.decode(t, &pairs)
		var items []tagged
		for _, p := range pairs {
			items = append(items, p[0], p[1])
		}
		return composed(t, items, (*msgpack.Encoder).EncodeMapLen, len(pairs))
	}
	t.Fatalf("unknown type %q", v.T)
	return Value{}, false
}

// composed returns the value of a head that says how many items there are, and of
// these.
func composed(t testing.TB, items []tagged, head func(*msgpack.Encoder, int) error, n int) (Value, bool) {
	t.Helper()
	var b bytes.Buffer
	if err := head(msgpack.NewEncoder(&b), n); err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		v, ok := item.value(t)
		if !ok {
			return Value{}, false
		}
		b.WriteString(v.raw)
	}
	return Value{raw: b.String()}, true
}

// differences are the cases of a section, by name, in which we deliberately do
// otherwise than the reference: what we do there, and why.
type differences map[string]struct{ ours, why string }

// check compares what we do in a case with what the reference does. A case that
// is listed must differ, and in no other way than listed.
func (d differences) check(t *testing.T, name, ours, theirs string) {
	t.Helper()
	listed, ok := d[name]
	switch {
	case !ok && ours != theirs:
		t.Errorf("got %s, want %s", ours, theirs)
	case ok && ours == theirs:
		t.Errorf("got %s, as the reference, want it off the list of differences, where it says: %s", ours, listed.why)
	case ok && ours != listed.ours:
		t.Errorf("got %s, want %s, since %s (reference: %s)", ours, listed.ours, listed.why, theirs)
	}
}

// checkNames reports listed cases that do not exist.
func (d differences) checkNames(t *testing.T, exists map[string]bool) {
	t.Helper()
	for name := range d {
		if !exists[name] {
			t.Errorf("there is no case %q", name)
		}
	}
}

func TestVectorsDigest(t *testing.T) {
	for _, v := range loadVectors(t).Digest {
		if name := pythonStr(t, v.Input); Key(name) != v.Key {
			t.Errorf("Key(%q) = %v, want %v", name, Key(name), v.Key)
		}
	}
}

// pythonStr returns what Python's str() makes of v, and bytes as they are: that
// is what the reference makes the key of.
func pythonStr(t *testing.T, v tagged) string {
	t.Helper()
	switch v.T {
	case "nil":
		return "None"
	case "bool":
		if v.bool(t) {
			return "True"
		}
		return "False"
	case "float":
		return pythonFloat(v.float(t))
	}
	return v.text(t)
}

func pythonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(f, 'g', -1, 64), "+"))
	case f != 0 && (math.Abs(f) >= 1e16 || math.Abs(f) < 1e-4):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func TestVectorsDistance(t *testing.T) {
	d := loadVectors(t).Distance
	for _, v := range d.Pairs {
		if got := v.A.Distance(v.B); got != v.Distance {
			t.Errorf("%v.Distance(%v) = %v, want %v", v.A, v.B, got, v.Distance)
		}
		if got := v.B.Distance(v.A); got != v.Distance {
			t.Errorf("%v.Distance(%v) = %v, want %v", v.B, v.A, got, v.Distance)
		}
	}
	for _, v := range d.Orders {
		if len(v.IDs) != len(v.NearestFirst) {
			t.Fatalf("%d ids in another order are %d", len(v.IDs), len(v.NearestFirst))
		}
		for i, a := range v.NearestFirst {
			for j, b := range v.NearestFirst {
				if got, want := v.Target.CompareDistance(a, b), cmp.Compare(i, j); got != want {
					t.Errorf("%v.CompareDistance(%v, %v) = %d, want %d", v.Target, a, b, got, want)
				}
			}
		}
	}
}

func TestVectorsLimits(t *testing.T) {
	limits := loadVectors(t).Limits
	valueOf := map[string]func(n int) Value{
		"str":   func(n int) Value { return String(strings.Repeat("a", n)) },
		"bytes": func(n int) Value { return Bytes(bytes.Repeat([]byte("a"), n)) },
	}
	if len(limits) != len(valueOf) {
		t.Errorf("limits of %d types, want %d", len(limits), len(valueOf))
	}
	for kind, limit := range limits {
		largest, refused := valueOf[kind](limit.Largest), valueOf[kind](limit.FirstRefused)
		if err := largest.checkSettable(); err != nil || largest.Size() != MaxValueSize {
			t.Errorf("%s of %d: %d bytes, %v, want %d that can be set", kind, limit.Largest, largest.Size(), err, MaxValueSize)
		}
		if err := refused.checkSettable(); err == nil {
			t.Errorf("%s of %d can be set, want an error", kind, limit.FirstRefused)
		}
		d := wire.NewWriter().Request(nil, &wire.Request{Method: wire.Store, Value: largest.Raw()})
		if len(d) != limit.RequestDatagram || limit.RequestBody != wire.MaxRequest {
			t.Errorf("%s of %d: datagram of %d bytes and body of %d, want %d and %d",
				kind, limit.Largest, len(d), wire.MaxRequest, limit.RequestDatagram, limit.RequestBody)
		}
	}
}
