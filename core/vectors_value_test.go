package core

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"testing"
)

// valueVector is a value and how the reference encodes it; a long encoding is
// described only.
type valueVector struct {
	Name       string
	Value      tagged
	SetAccepts bool `json:"set_accepts"`
	Sendable   bool
	Encoding   hexBytes
	Length     int      `json:"encoding_length"`
	Head       hexBytes `json:"encoding_head"`
	SHA256     hexBytes `json:"encoding_sha256"`
	Error      string
}

func (v *valueVector) encodes(raw []byte) bool {
	if v.Length == 0 {
		return string(raw) == string(v.Encoding)
	}
	sum := sha256.Sum256(raw)
	return len(raw) == v.Length && string(raw[:len(v.Head)]) == string(v.Head) && string(sum[:]) == string(v.SHA256)
}

var kindOfType = map[string]Kind{
	"str": KindString, "bytes": KindBytes, "int": KindInt, "float": KindFloat, "bool": KindBool,
	"nil": KindNil, "list": KindList, "map": KindMap, "other": KindOther,
}

func TestVectorsValues(t *testing.T) {
	for _, c := range loadVectors(t).Values {
		t.Run(c.Name, func(t *testing.T) {
			v, ok := c.Value.value(t)
			if !ok || c.Error != "" {
				if ok || c.Sendable {
					t.Errorf("encoded as %x, want no value: %s", v.Raw(), c.Error)
				}
				return
			}
			if !c.encodes(v.Raw()) {
				t.Errorf("encoded as %d bytes, %x, want %d bytes, %x%x",
					v.Size(), v.Raw()[:min(v.Size(), 300)], max(c.Length, len(c.Encoding)), []byte(c.Encoding), []byte(c.Head))
			}
			if got, err := RawValue(v.Raw()); err != nil || got != v {
				t.Errorf("RawValue of it: %x, %v, want the same value", got.Raw(), err)
			}
			checkHolds(t, v, c.Value)

			err := v.checkSettable()
			if want := c.SetAccepts && c.Sendable; (err == nil) != want {
				t.Errorf("checkSettable: %v, want settable %v", err, want)
			}
			if !c.SetAccepts && !errors.Is(err, ErrValueType) || c.SetAccepts && !c.Sendable && !errors.Is(err, ErrTooLong) {
				t.Errorf("checkSettable: %v, want it to say that type or length is wrong", err)
			}
		})
	}
}

// checkHolds checks what v says of itself.
func checkHolds(t *testing.T, v Value, want tagged) {
	t.Helper()
	kind := kindOfType[want.T]
	var holds any
	text := hex.EncodeToString(v.Raw())
	switch want.T {
	case "str":
		holds, text = want.text(t), want.text(t)
	case "bytes":
		holds, text = want.text(t), hex.EncodeToString([]byte(want.text(t)))
	case "float":
		f := want.float(t)
		holds, text = f, strconv.FormatFloat(f, 'g', -1, 64)
	case "bool":
		holds, text = want.bool(t), string(want.V)
	case "int":
		text = want.text(t)
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			holds = n
		} else if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			holds, kind = n, KindUint
		}
	}
	if got := v.Kind(); got != kind || got.String() != want.T {
		t.Errorf("Kind = %d, %v, want %d, %s", got, got, kind, want.T)
	}
	got := v.Any()
	if b, ok := got.([]byte); ok && want.T == "bytes" {
		got = string(b)
	}
	if f, ok := got.(float64); got != holds && !(ok && math.IsNaN(f) && math.IsNaN(want.float(t))) {
		t.Errorf("Any = %v, want %v", got, holds)
	}
	if v.Text() != text {
		t.Errorf("Text = %q, want %q", v.Text(), text)
	}
}

// decodeVector is an encoding, and what the reference reads from it.
type decodeVector struct {
	Name     string
	Encoding hexBytes
	Value    *tagged
	Again    hexBytes `json:"encoded_again"`
	Error    string
}

var decodeDifferences = differences{
	"bytes after the value": {"refused", "a Value is one value"},
}

func TestVectorsDecode(t *testing.T) {
	exists := make(map[string]bool)
	for _, c := range loadVectors(t).Decode {
		exists[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			v, err := RawValue(c.Encoding)
			ours, theirs := "accepted", "accepted"
			if err != nil {
				ours = "refused"
			}
			if c.Error != "" {
				theirs = "refused"
			}
			decodeDifferences.check(t, c.Name, ours, theirs)
			if err != nil || c.Value == nil {
				return
			}
			if string(v.Raw()) != string(c.Encoding) {
				t.Errorf("kept as %x, want %x", v.Raw(), []byte(c.Encoding))
			}
			checkHolds(t, v, *c.Value)
			checkEncodedAgain(t, v, c.Again)
		})
	}
	decodeDifferences.checkNames(t, exists)
}

// checkEncodedAgain checks that a value that was read and is set again looks as
// if the reference had done so.
func checkEncodedAgain(t *testing.T, v Value, want []byte) {
	t.Helper()
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
	default:
		return
	}
	if string(again.Raw()) != string(want) {
		t.Errorf("encoded again as %x, want %x", again.Raw(), want)
	}
}
