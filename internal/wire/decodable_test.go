package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"time"
)

// decodable must agree with Parser.Valid. It is written by recursion and without the
// msgpack package, and compares keys as text, for the tests to compare with.
func decodable(v []byte) bool {
	rest, ok := skip(v, 0)
	if !ok || len(rest) > 0 {
		return false
	}
	_, _, ok = decode(v)
	return ok
}

// decode reads a well-formed value as Python does: values of the same text are equal as
// keys. It returns "list" for a list, "map" for a map, "list of map" for a list that
// holds a map at any depth, and the bytes behind the value.
func decode(b []byte) (text string, rest []byte, ok bool) {
	rest, _ = skip(b, 0)
	whole, c := b[:len(b)-len(rest)], b[0]
	switch {
	case isMap(c):
		text, ok = "map", decodeMap(whole)
	case isArray(c):
		text, ok = decodeList(whole)
	default:
		text, ok = decodeScalar(whole)
	}
	return text, rest, ok
}

// itemsOf returns the number of items or entries of a list or map, and their bytes.
func itemsOf(b []byte) (n uint64, rest []byte) {
	c := b[0]
	if c < 0xa0 {
		return uint64(c & 15), b[1:]
	}
	n, rest, _ = number(b[1:], 2<<(c&1))
	return n, rest
}

func decodeMap(b []byte) bool {
	n, b := itemsOf(b)
	seen := make(map[string]bool)
	for ; n > 0; n-- {
		key, rest, ok := decode(b)
		if !ok || key == "map" || key == "list of map" || seen[key] {
			return false
		}
		if key != "list" && key != "NaN" {
			seen[key] = true
		}
		if _, b, ok = decode(rest); !ok {
			return false
		}
	}
	return true
}

func decodeList(b []byte) (text string, ok bool) {
	n, b := itemsOf(b)
	text = "list"
	for ; n > 0; n-- {
		var item string
		if item, b, ok = decode(b); !ok {
			return "", false
		}
		if item == "map" || item == "list of map" {
			text = "list of map"
		}
	}
	return text, true
}

func decodeScalar(b []byte) (text string, ok bool) {
	c, body := b[0], b[1:]
	switch {
	case isStr(c), isBin(c):
		head := 1
		if isBin(c) {
			head = 1 + 1<<(c-0xc4)
		} else if c >= 0xd9 {
			head = 1 + 1<<(c-0xd9)
		}
		return fmt.Sprintf("%v %x", isStr(c), b[head:]), true
	case c == 0xc0:
		return "nil", true
	case c == 0xc2, c == 0xc3:
		return fmt.Sprint(c - 0xc2), true
	case c == 0xca:
		return floatText(float64(math.Float32frombits(binary.BigEndian.Uint32(body)))), true
	case c == 0xcb:
		return floatText(math.Float64frombits(binary.BigEndian.Uint64(body))), true
	case c >= 0xc7 && c <= 0xc9:
		return decodeExt(body[1<<(c-0xc7):])
	case c >= 0xd4 && c <= 0xd8:
		return decodeExt(body)
	case c < 0x80, c >= 0xe0:
		return fmt.Sprint(int8(c)), true
	}
	n := new(big.Int).SetBytes(body)
	if c >= 0xd0 && body[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(body))))
	}
	return n.String(), true
}

// floatText writes a whole number as an integer.
func floatText(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	if math.IsInf(f, 0) {
		return fmt.Sprint(f)
	}
	return new(big.Rat).SetFloat64(f).RatString()
}

// decodeExt reads an extension that begins with its type.
func decodeExt(b []byte) (string, bool) {
	if b[0] != 0xff {
		return "ext " + hex.EncodeToString(b), true
	}
	var seconds, nanos int64
	switch b = b[1:]; len(b) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(b))
	case 8:
		n := binary.BigEndian.Uint64(b)
		seconds, nanos = int64(n%(1<<34)), int64(n>>34)
	case 12:
		seconds, nanos = int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint32(b))
	}
	if seconds > 1e12 || seconds < -1e12 {
		return "", false
	}
	t := time.Unix(seconds, nanos).UTC()
	return t.Truncate(time.Microsecond).Format("time 2006-01-02T15:04:05.000000"), t.Year() >= 1 && t.Year() <= 9999
}
