package core

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// MaxValueSize is the size of the longest encoded value that Set takes, in bytes. Text
// and byte strings of up to 8,137 bytes fit. It is the limit of Python's kademlia: a
// Python node could store a longer value but not pass it on.
const MaxValueSize = wire.MaxValue

// Errors for values that Set refuses.
var (
	ErrValueType = errors.New("only strings, bytes, integers, floats and booleans can be set")
	ErrNotUTF8   = errors.New("text that is not UTF-8 cannot be set: set it as bytes")
	ErrTooLong   = fmt.Errorf("longer than the %d bytes that one message carries", MaxValueSize)
)

// Value is a value of the network in its msgpack encoding, exactly as another node
// stored it. Two Values are equal, by ==, if their types and bytes are. The zero Value
// is no value.
type Value struct {
	raw string
}

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. Set takes the kinds from KindString to KindBool; a Value that
// another node stored may have any kind.
const (
	KindNone Kind = iota // the zero Value
	KindString
	KindBytes
	KindInt // fits an int64
	KindUint
	KindFloat
	KindBool
	KindNil
	KindList
	KindMap
	KindOther // msgpack extensions
)

var kindNames = [...]string{"none", "str", "bytes", "int", "int", "float", "bool", "nil", "list", "map", "other"}

// String returns the name of the type as Python has it: str, bytes, int (for
// both KindInt and KindUint), float, bool, nil, list, map, other or none.
func (k Kind) String() string { return kindNames[k] }

// String returns a Value that holds text, which Python reads as str. Set refuses text
// that is not UTF-8, because no Python node could read it.
func String(s string) Value {
	return encode(func(e *msgpack.Encoder) { e.EncodeString(s) })
}

// Bytes returns a Value that holds a copy of b.
func Bytes(b []byte) Value {
	if b == nil {
		b = []byte{}
	}
	return encode(func(e *msgpack.Encoder) { e.EncodeBytes(b) })
}

// Int returns a Value that holds a whole number.
func Int(n int64) Value { return encode(func(e *msgpack.Encoder) { e.EncodeInt(n) }) }

// Uint returns a Value that holds a whole number. If n fits an int64, it is the same
// Value that Int returns.
func Uint(n uint64) Value { return encode(func(e *msgpack.Encoder) { e.EncodeUint(n) }) }

// Float returns a Value that holds a number of 64 bits.
func Float(f float64) Value { return encode(func(e *msgpack.Encoder) { e.EncodeFloat64(f) }) }

// Bool returns a Value that holds true or false.
func Bool(b bool) Value { return encode(func(e *msgpack.Encoder) { e.EncodeBool(b) }) }

func encode(write func(*msgpack.Encoder)) Value {
	var b bytes.Buffer
	write(msgpack.NewEncoder(&b))
	return Value{raw: b.String()}
}

// RawValue returns the Value that b encodes. It returns an error unless b is exactly
// one msgpack value that Python nodes can decode: docs/wire.md has the rules.
func RawValue(b []byte) (Value, error) {
	if !wire.NewParser().Valid(b) {
		return Value{}, errors.New("not one msgpack value that Python nodes can decode")
	}
	return Value{raw: string(b)}, nil
}

// Raw returns the encoded value.
func (v Value) Raw() []byte { return []byte(v.raw) }

// Size returns the length of the encoded value in bytes.
func (v Value) Size() int { return len(v.raw) }

// Kind returns the type of v.
func (v Value) Kind() Kind {
	if v.raw == "" {
		return KindNone
	}
	c := v.raw[0]
	switch {
	case msgpcode.IsFixedString(c), c >= msgpcode.Str8 && c <= msgpcode.Str32:
		return KindString
	case msgpcode.IsFixedMap(c), c == msgpcode.Map16, c == msgpcode.Map32:
		return KindMap
	case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
		return KindList
	case c >= msgpcode.Bin8 && c <= msgpcode.Bin32:
		return KindBytes
	case c == msgpcode.Uint64 && len(v.raw) == 9 && v.raw[1] >= 0x80:
		return KindUint
	case msgpcode.IsFixedNum(c), c >= msgpcode.Uint8 && c <= msgpcode.Int64:
		return KindInt
	case c == msgpcode.Float, c == msgpcode.Double:
		return KindFloat
	case c == msgpcode.True, c == msgpcode.False:
		return KindBool
	case c == msgpcode.Nil:
		return KindNil
	}
	return KindOther
}

func (v Value) decoder() *msgpack.Decoder {
	return msgpack.NewDecoder(strings.NewReader(v.raw))
}

// Any returns the content of v as a string, []byte, int64, uint64 (only above the
// int64 range), float64 or bool; nil for every other kind.
func (v Value) Any() any {
	switch v.Kind() {
	case KindString:
		s, _ := v.decoder().DecodeString()
		return s
	case KindBytes:
		b, _ := v.decoder().DecodeBytes()
		return b
	case KindInt:
		n, _ := v.decoder().DecodeInt64()
		return n
	case KindUint:
		n, _ := v.decoder().DecodeUint64()
		return n
	case KindFloat:
		f, _ := v.decoder().DecodeFloat64()
		return f
	case KindBool:
		return v.raw[0] == msgpcode.True
	}
	return nil
}

// Text returns the content of v for people to read. Text stays as it is. Numbers and
// booleans are written as in Go, and bytes as hexadecimal digits. Any other kind is
// written as the hexadecimal digits of its encoding.
func (v Value) Text() string {
	switch x := v.Any().(type) {
	case string:
		return x
	case []byte:
		return hex.EncodeToString(x)
	case int64:
		return strconv.FormatInt(x, 10)
	case uint64:
		return strconv.FormatUint(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(x)
	}
	return hex.EncodeToString(v.Raw())
}

// String returns v.Text, so that a Value prints as its content.
func (v Value) String() string { return v.Text() }

// checkSettable returns the reason for which v cannot be set, or nil.
func (v Value) checkSettable() error {
	k := v.Kind()
	if k < KindString || k > KindBool {
		return fmt.Errorf("value of type %v: %w", k, ErrValueType)
	}
	if k == KindString && !utf8.ValidString(v.Any().(string)) {
		return ErrNotUTF8
	}
	if v.Size() > MaxValueSize {
		return fmt.Errorf("value of %d bytes: %w", v.Size(), ErrTooLong)
	}
	return nil
}
