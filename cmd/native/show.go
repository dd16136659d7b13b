package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/kadmesh/kadmesh/core"
)

// textOf returns v for people: a string unchanged, bytes as hexadecimal digits, a
// number or boolean in Go's notation, a list or map as JSON. A value that JSON cannot
// express becomes its type and its encoding in hexadecimal digits.
func textOf(v core.Value) string {
	if k := v.Kind(); k < core.KindNil {
		return v.Text()
	}
	if b, ok := appendJSON(nil, v); ok {
		return string(b)
	}
	return fmt.Sprintf("%v %x", v.Kind(), v.Raw())
}

// payload returns the content of a string or bytes, the text of a number or boolean,
// and the encoding of any other value.
func payload(v core.Value) []byte {
	switch x := v.Any().(type) {
	case string:
		return []byte(x)
	case []byte:
		return x
	case nil:
		return v.Raw()
	}
	return []byte(v.Text())
}

// jsonValue is a value in JSON, without loss.
type jsonValue struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
	// Encoding is the encoding of the string Value: "hex" for bytes, "msgpack hex" for
	// values that JSON cannot express. It is empty if Value is the value.
	Encoding string `json:"encoding,omitempty"`
}

func jsonOf(v core.Value) jsonValue {
	j := jsonValue{Type: v.Kind().String()}
	digits := func(b []byte) json.RawMessage { return strconv.AppendQuote(nil, hex.EncodeToString(b)) }
	if b, ok := v.Any().([]byte); ok {
		j.Value, j.Encoding = digits(b), "hex"
	} else if b, ok := appendJSON(nil, v); ok {
		j.Value = b
	} else if v.Kind() == core.KindFloat {
		j.Value = strconv.AppendQuote(nil, v.Text()) // NaN, +Inf or -Inf
	} else {
		j.Value, j.Encoding = digits(v.Raw()), "msgpack hex"
	}
	return j
}

// appendJSON appends v in JSON, or returns false if JSON cannot express it. An integer
// has all its digits, a float a point or an exponent. The recursion ends: a Value is
// well-formed, and so of limited depth. All text in it is UTF-8.
func appendJSON(dst []byte, v core.Value) ([]byte, bool) {
	switch x := v.Any().(type) {
	case string:
		return appendText(dst, x), true
	case float64:
		return appendFloat(dst, x)
	case int64, uint64, bool:
		return append(dst, v.Text()...), true
	}
	d := msgpack.NewDecoder(bytes.NewReader(v.Raw()))
	switch v.Kind() {
	case core.KindNil:
		return append(dst, "null"...), true
	case core.KindList:
		return appendList(dst, d)
	case core.KindMap:
		return appendMap(dst, d)
	}
	return nil, false
}

func appendList(dst []byte, d *msgpack.Decoder) ([]byte, bool) {
	n, err := d.DecodeArrayLen()
	dst, ok := append(dst, '['), err == nil
	for i := 0; ok && i < n; i++ {
		dst, ok = appendJSON(comma(dst, i), nextValue(d))
	}
	return append(dst, ']'), ok
}

func appendMap(dst []byte, d *msgpack.Decoder) ([]byte, bool) {
	n, err := d.DecodeMapLen()
	dst, ok := append(dst, '{'), err == nil
	for i := 0; ok && i < n; i++ {
		key := nextValue(d)
		if key.Kind() != core.KindString {
			return nil, false
		}
		dst, _ = appendJSON(comma(dst, i), key)
		dst, ok = appendJSON(append(dst, ':'), nextValue(d))
	}
	return append(dst, '}'), ok
}

// comma appends the separator before item i of a list.
func comma(dst []byte, i int) []byte {
	if i == 0 {
		return dst
	}
	return append(dst, ',')
}

// nextValue returns the next value from d, or the zero Value at the end.
func nextValue(d *msgpack.Decoder) core.Value {
	raw, err := d.DecodeRaw()
	if err != nil {
		return core.Value{}
	}
	v, err := core.RawValue(raw)
	if err != nil {
		return core.Value{}
	}
	return v
}

func appendText(dst []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string has no encoding error
	return append(dst, bytes.TrimSpace(b.Bytes())...)
}

func appendFloat(dst []byte, f float64) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, false
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return append(dst, s...), true
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}

// sanitize replaces control characters, since anybody may have set the value and a
// terminal may take them for commands.
func sanitize(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
