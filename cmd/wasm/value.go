//go:build js

package main

import (
	"fmt"
	"strconv"

	"github.com/kadmesh/kadmesh/core"
)

// Between host and program a value is the name of a type and some bytes: the text of
// str, the bytes of bytes, the digits or words of int, float and bool, and the msgpack
// encoding of other types.

// value reads a value to set.
func value(kind string, b []byte) (core.Value, error) {
	text := string(b)
	switch kind {
	case "str":
		return core.String(text), nil
	case "bytes":
		return core.Bytes(b), nil
	case "int":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return core.Int(n), nil
		}
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return core.Value{}, fmt.Errorf("int %s: %w: from -2^63 to 2^64-1 can be set", text, errInput)
		}
		return core.Uint(n), nil
	case "float":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return core.Value{}, fmt.Errorf("float %s: %w", text, errInput)
		}
		return core.Float(f), nil
	case "bool":
		return core.Bool(text == "true"), nil
	}
	return core.Value{}, fmt.Errorf("type %q: %w: %w", kind, errInput, core.ErrValueType)
}

// export returns the type and the bytes of a value.
func export(v core.Value) (kind string, b []byte) {
	kind = v.Kind().String()
	switch v.Kind() {
	case core.KindBytes:
		return kind, v.Any().([]byte)
	case core.KindString, core.KindInt, core.KindUint, core.KindFloat, core.KindBool:
		return kind, []byte(v.Text())
	}
	return kind, v.Raw()
}
