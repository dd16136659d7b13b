package core

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestValueHoldsWhatItWasMadeOf(t *testing.T) {
	tests := []struct {
		v    Value
		kind Kind
		any  any
		text string
		raw  string
	}{
		{Value{}, KindNone, nil, "", ""},
		{String(""), KindString, "", "", "a0"},
		{String("é"), KindString, "é", "é", "a2c3a9"},
		{String("a\x00b"), KindString, "a\x00b", "a\x00b", "a3610062"},
		{Bytes(nil), KindBytes, "", "", "c400"},
		{Bytes([]byte{}), KindBytes, "", "", "c400"},
		{Bytes([]byte{0, 0xff}), KindBytes, "\x00\xff", "00ff", "c40200ff"},
		{Int(0), KindInt, int64(0), "0", "00"},
		{Int(-1), KindInt, int64(-1), "-1", "ff"},
		{Int(math.MinInt64), KindInt, int64(math.MinInt64), "-9223372036854775808", "d38000000000000000"},
		{Int(math.MaxInt64), KindInt, int64(math.MaxInt64), "9223372036854775807", "cf7fffffffffffffff"},
		{Uint(math.MaxInt64), KindInt, int64(math.MaxInt64), "9223372036854775807", "cf7fffffffffffffff"},
		{Uint(math.MaxInt64 + 1), KindUint, uint64(math.MaxInt64 + 1), "9223372036854775808", "cf8000000000000000"},
		{Uint(math.MaxUint64), KindUint, uint64(math.MaxUint64), "18446744073709551615", "cfffffffffffffffff"},
		{Float(0), KindFloat, 0.0, "0", "cb0000000000000000"},
		{Float(1), KindFloat, 1.0, "1", "cb3ff0000000000000"},
		{Float(math.Copysign(0, -1)), KindFloat, 0.0, "-0", "cb8000000000000000"},
		{Float(math.Inf(-1)), KindFloat, math.Inf(-1), "-Inf", "cbfff0000000000000"},
		{Float(math.SmallestNonzeroFloat64), KindFloat, 5e-324, "5e-324", "cb0000000000000001"},
		{Bool(true), KindBool, true, "true", "c3"},
		{Bool(false), KindBool, false, "false", "c2"},
	}
	for _, tt := range tests {
		t.Run(tt.kind.String()+" "+tt.raw, func(t *testing.T) {
			got := tt.v.Any()
			if b, ok := got.([]byte); ok {
				got = string(b)
			}
			if tt.v.Kind() != tt.kind || got != tt.any || tt.v.Text() != tt.text {
				t.Errorf("%v %#v %q, want %v %#v %q", tt.v.Kind(), got, tt.v.Text(), tt.kind, tt.any, tt.text)
			}
			if raw := hex.EncodeToString(tt.v.Raw()); raw != tt.raw || tt.v.Size() != len(raw)/2 {
				t.Errorf("%s of %d bytes, want %s", raw, tt.v.Size(), tt.raw)
			}
			if err := tt.v.checkSettable(); (err == nil) != (tt.kind != KindNone) {
				t.Errorf("checkSettable: %v", err)
			}
		})
	}
}

// A NaN keeps its bits, and so is equal to itself: values are compared as bytes.
func TestNaN(t *testing.T) {
	for _, bits := range []uint64{0x7ff8 << 48, math.Float64bits(math.NaN()), 0xfff8<<48 | 1} {
		v := Float(math.Float64frombits(bits))
		f, ok := v.Any().(float64)
		if !ok || math.Float64bits(f) != bits {
			t.Errorf("NaN %x became %x", bits, math.Float64bits(f))
		}
		if w, err := RawValue(v.Raw()); err != nil || v != w || v.Text() != "NaN" {
			t.Errorf("NaN %x: %q, %v, want NaN that equals itself", bits, w.Text(), err)
		}
	}
}

// Values are equal if they have the same type and the same bytes.
func TestValuesOfOtherTypesDiffer(t *testing.T) {
	all := []Value{
		{}, Int(0), Int(1), Uint(math.MaxUint64), Float(0), Float(1), Float(math.Copysign(0, -1)), Bool(false), Bool(true),
		String(""), String("1"), String("\x01"), Bytes(nil), Bytes([]byte("1")), Bytes([]byte{1}), {raw: "\xc0"}, {raw: "\x90"}, {raw: "\x80"},
	}
	for i, a := range all {
		for j, b := range all {
			if (a == b) != (i == j) {
				t.Errorf("%x == %x is %v", a.Raw(), b.Raw(), a == b)
			}
		}
	}
	if Int(200) != Uint(200) {
		t.Error("Int(200) and Uint(200) differ, want the same value")
	}
}

func TestBytesCopies(t *testing.T) {
	b := []byte("before")
	v := Bytes(b)
	copy(b, "after!")
	copy(v.Raw(), "\xc4\x06after!")
	copy(v.Any().([]byte), "after!")
	if got := v.Any().([]byte); string(got) != "before" {
		t.Errorf("holds %q, want %q", got, "before")
	}
}

func TestRandomValuesHoldWhatTheyWereMadeOf(t *testing.T) {
	src := rand.New(rand.NewChaCha8([32]byte{4}))
	for range rounds(100_000) {
		n := src.Uint64() >> src.IntN(64)
		f := math.Float64frombits(src.Uint64())
		b := make([]byte, src.IntN(70))
		for i := range b {
			b[i] = byte(src.Uint32())
		}
		if got := Int(int64(n)).Any(); got != int64(n) {
			t.Errorf("Int(%d) holds %v", int64(n), got)
		}
		if got := Uint(n).Any(); n > math.MaxInt64 && got != n || n <= math.MaxInt64 && got != int64(n) {
			t.Errorf("Uint(%d) holds %v", n, got)
		}
		if got := Float(f).Any().(float64); got != f && f == f {
			t.Errorf("Float(%v) holds %v", f, got)
		}
		if got := Bytes(b).Any().([]byte); !bytes.Equal(got, b) {
			t.Errorf("Bytes(%x) holds %x", b, got)
		}
		if got := String(string(b)).Any().(string); got != string(b) {
			t.Errorf("String(%q) holds %q", b, got)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	sized := func(n int) string { return strings.Repeat("a", n) }
	tests := []struct {
		name string
		v    Value
		want error
	}{
		{"longest text", String(sized(8137)), nil},
		{"text of a byte more", String(sized(8138)), ErrTooLong},
		{"longest bytes", Bytes([]byte(sized(8137))), nil},
		{"bytes of one more", Bytes([]byte(sized(8138))), ErrTooLong},
		{"longest text in other characters", String(strings.Repeat("é", 4068) + "a"), nil},
		{"text of 8138 bytes in 4069 characters", String(strings.Repeat("é", 4069)), ErrTooLong},
		{"much too long", Bytes(make([]byte, 1<<20)), ErrTooLong},
		{"a stray byte", String("a\xff"), ErrNotUTF8},
		{"an overlong NUL", String("\xc0\x80"), ErrNotUTF8},
		{"a surrogate", String("\xed\xa0\x80"), ErrNotUTF8},
		{"beyond the last code point", String("\xf4\x90\x80\x80"), ErrNotUTF8},
		{"cut in a character", String("\xe2\x82"), ErrNotUTF8},
		{"too long and not UTF-8", String(sized(9000) + "\xff"), ErrNotUTF8},
		{"no value", Value{}, ErrValueType},
		{"nil", Value{raw: "\xc0"}, ErrValueType},
		{"list", Value{raw: "\x91\x01"}, ErrValueType},
		{"map", Value{raw: "\x80"}, ErrValueType},
		{"timestamp", Value{raw: "\xd6\xff\x00\x00\x00\x00"}, ErrValueType},
		{"not msgpack", Value{raw: "\xc1"}, ErrValueType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			net := newTestNet(t, 1)
			e := net.add(Config{})
			cancel, err := e.Set(net.now, Key("key"), tt.v, SetOptions{}, func(SetResult, error) {})
			if !errors.Is(err, tt.want) || (err == nil) != (cancel != nil) {
				t.Errorf("Set: %v, want %v", err, tt.want)
			}
			// A refused value is nowhere, not even in the node's own store.
			net.run(time.Second)
			stored := 0
			if tt.want == nil {
				stored = 1
			}
			if got := e.Stats().Records; got != stored {
				t.Errorf("%d records, want %d", got, stored)
			}
		})
	}
}

func TestRawValueRefuses(t *testing.T) {
	for _, raw := range []string{"", "c1", "0101", "a26a", "a1ff", "92c0", "81a161", "d9", "dbffffffff61", "ddffffffff", strings.Repeat("91", 5000) + "c0"} {
		b, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := RawValue(b); err == nil || v != (Value{}) {
			t.Errorf("RawValue(%.20s) = %x, %v, want no value and an error", raw, v.Raw(), err)
		}
	}
}

func TestKindNames(t *testing.T) {
	want := "none str bytes int int float bool nil list map other"
	var names []string
	for k := KindNone; k <= KindOther; k++ {
		names = append(names, k.String())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("kinds %s, want %s", got, want)
	}
}

// FuzzRawValue looks at values as they come from the network.
func FuzzRawValue(f *testing.F) {
	v := loadVectors(f)
	for _, c := range v.Values {
		f.Add([]byte(c.Encoding))
	}
	for _, c := range v.Decode {
		f.Add([]byte(c.Encoding))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := RawValue(raw)
		if err != nil {
			return
		}
		if string(v.Raw()) != string(raw) || v.Size() != len(raw) {
			t.Fatalf("%x is kept as %x", raw, v.Raw())
		}
		var again Value
		switch x := v.Any().(type) {
		case string:
			again = String(x)
		case []byte:
			again = Bytes(x)
		case int64:
			again = Int(x)
		case uint64:
			again = Uint(x)
		case float64:
			again = Float(x)
		case bool:
			again = Bool(x)
		case nil:
			if k := v.Kind(); k < KindNil || k > KindOther || !errors.Is(v.checkSettable(), ErrValueType) || v.Text() != fmt.Sprintf("%x", raw) {
				t.Errorf("%x of kind %v holds nothing, and reads %q", raw, k, v.Text())
			}
			return
		}
		// A value that has a type in Go is in its shortest form no longer than it
		// came, except that floats are of 64 bits, and reads the same.
		if again.Size() > v.Size() && v.Kind() != KindFloat || again.Text() != v.Text() || again.Kind() != v.Kind() {
			t.Errorf("%x, %v %q, made again: %x, %v %q", raw, v.Kind(), v.Text(), again.Raw(), again.Kind(), again.Text())
		}
		if err := v.checkSettable(); err != nil && !errors.Is(err, ErrTooLong) {
			t.Errorf("%x: checkSettable: %v, want none but %v", raw, err, ErrTooLong)
		}
	})
}

func TestValuePrintsAsText(t *testing.T) {
	values := []Value{String("hi"), Bytes([]byte{0, 255}), Int(-1), Bool(true), {}}
	if got, want := fmt.Sprint(values), "[hi 00ff -1 true ]"; got != want {
		t.Errorf("Sprint = %q, want %q", got, want)
	}
}
