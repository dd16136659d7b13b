package wire

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValid(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("00", n) }
	tests := []struct {
		name  string
		value string
		want  bool
	}{
		{"nothing", "", false},
		{"two values", "0102", false},
		{"never used", "c1", false},
		{"never used, in a list", "91c1", false},
		{"never used, as key", "81c100", false},
		{"never used, as value", "8100c1", false},

		{"lists, 326 deep", strings.Repeat("91", 326) + "c0", true},
		{"lists, 327 deep", strings.Repeat("91", 327) + "c0", false},
		{"lists, as deep as can be", strings.Repeat("91", maxDepth) + "c0", true},
		{"lists, too deep", strings.Repeat("91", maxDepth+1) + "c0", false},
		{"lists, an empty one innermost", strings.Repeat("91", maxDepth) + "90", true},
		{"maps, as deep as can be", strings.Repeat("8100", maxDepth) + "c0", true},
		{"maps, too deep", strings.Repeat("8100", maxDepth+1) + "c0", false},
		{"maps as keys, as deep as can be", strings.Repeat("81", maxDepth) + "c0" + strings.Repeat("c0", maxDepth), true},
		{"maps as keys, too deep", strings.Repeat("81", maxDepth+1) + "c0" + strings.Repeat("c0", maxDepth+1), false},
		{"deep, up again and down again",
			"92" + strings.Repeat("91", maxDepth-1) + "c0" + strings.Repeat("91", maxDepth-1) + "c0", true},
		{"lists without end", strings.Repeat("91", 60_000), false},

		// Lengths that an int of 32 bits has no room for, or whose double has none.
		{"array32 of 2^32-1", "ddffffffff", false},
		{"array32 of 2^32-1, in a list", "91ddffffffff", false},
		{"array32 of 2^31", "dd80000000", false},
		{"map32 of 2^32-1", "dfffffffff", false},
		{"map32 of 2^31", "df80000000", false},
		{"map32 of 2^31-1", "df7fffffff", false},
		{"map32 of 2^30", "df40000000", false},
		{"str32 of 2^32-1", "dbffffffff", false},
		{"str32 of 2^31", "db80000000", false},
		{"bin32 of 2^32-1", "c6ffffffff", false},
		{"ext32 of 2^32-1", "c9ffffffff05", false},
		{"ext32 of 2^31", "c98000000005", false},

		{"timestamp of 0", "c700ff", false},
		{"timestamp of 1", "d4ff00", false},
		{"timestamp of 2", "d5ff0000", false},
		{"timestamp of 4", "d6ff" + zeros(4), true},
		{"timestamp of 4, ext8", "c704ff" + zeros(4), true},
		{"timestamp of 4, ext32", "c900000004ff" + zeros(4), true},
		{"timestamp of 8", "d7ff" + zeros(8), true},
		{"timestamp of 12", "c70cff" + zeros(12), true},
		{"timestamp of 16", "d8ff" + zeros(16), false},
		{"ext of 0", "c70005", true},
		{"ext of type -2", "d4fe00", true},
	}
	p := NewParser()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := fromHex(t, tt.value)
			if got := p.Valid(v); got != tt.want {
				t.Errorf("Valid = %v, want %v", got, tt.want)
			}
			if got := wellFormed(v); got != tt.want {
				t.Errorf("wellFormed = %v, want %v", got, tt.want)
			}
		})
	}
}

// Every code, with each number of bytes behind it.
func TestValidOfEveryCode(t *testing.T) {
	p := NewParser()
	for c := range 256 {
		for n := range 40 {
			for _, fill := range []byte{0, 1, 2, 4, 'a', 0xff} {
				v := append([]byte{byte(c)}, bytes.Repeat([]byte{fill}, n)...)
				if got, want := p.Valid(v), wellFormed(v); got != want {
					t.Errorf("Valid(%x) = %v, want %v", v, got, want)
				}
			}
		}
	}
}

func TestRandomValuesAreValidAndSelfDelimiting(t *testing.T) {
	src := rand.New(rand.NewPCG(2, 0))
	p := NewParser()
	for range 500 {
		v := randomValue(src, 2)
		if !p.Valid(v) {
			t.Fatalf("Valid(%x) = false, want true", v)
		}
		if p.Valid(append(v, 0)) {
			t.Errorf("Valid(%x and a byte) = true, want false", v)
		}
		for range 10 {
			if n := src.IntN(len(v)); p.Valid(v[:n]) {
				t.Errorf("Valid(%x) = true, want false: it is cut", v[:n])
			}
		}
	}
}

// wellFormed must agree with Parser.Valid. It is written by recursion and without the
// msgpack package, for the tests to compare with.
func wellFormed(v []byte) bool {
	rest, ok := skip(v, 0)
	return ok && len(rest) == 0
}

// skip passes over the value at the start of b, which is inside depth others.
func skip(b []byte, depth int) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	c := b[0]
	b = b[1:]
	switch {
	case c < 0x80, c >= 0xe0, c == 0xc0, c == 0xc2, c == 0xc3:
		return b, true
	case c < 0x90:
		return skipItems(b, 2*uint64(c&15), depth)
	case c < 0xa0:
		return skipItems(b, uint64(c&15), depth)
	case c < 0xc0:
		return skipText(b, uint64(c&31))
	case c == 0xc1:
		return nil, false
	case c <= 0xc6:
		n, b, ok := number(b, 1<<(c-0xc4))
		return skipBytes(b, n, ok)
	case c <= 0xc9:
		n, b, ok := number(b, 1<<(c-0xc7))
		return skipExt(b, n, ok)
	case c <= 0xcb:
		return skipBytes(b, 4<<(c-0xca), true)
	case c <= 0xcf:
		return skipBytes(b, 1<<(c-0xcc), true)
	case c <= 0xd3:
		return skipBytes(b, 1<<(c-0xd0), true)
	case c <= 0xd8:
		return skipExt(b, 1<<(c-0xd4), true)
	case c <= 0xdb:
		n, b, ok := number(b, 1<<(c-0xd9))
		if !ok {
			return nil, false
		}
		return skipText(b, n)
	}
	n, b, ok := number(b, 2<<(c&1))
	if !ok {
		return nil, false
	}
	if c >= 0xde {
		n *= 2
	}
	return skipItems(b, n, depth)
}

// number reads a length of so many bytes.
func number(b []byte, width int) (n uint64, rest []byte, ok bool) {
	if len(b) < width {
		return 0, nil, false
	}
	for _, c := range b[:width] {
		n = n<<8 | uint64(c)
	}
	return n, b[width:], true
}

func skipBytes(b []byte, n uint64, ok bool) ([]byte, bool) {
	if !ok || n > uint64(len(b)) {
		return nil, false
	}
	return b[n:], true
}

func skipText(b []byte, n uint64) ([]byte, bool) {
	rest, ok := skipBytes(b, n, true)
	return rest, ok && utf8.Valid(b[:n])
}

func skipExt(b []byte, n uint64, ok bool) ([]byte, bool) {
	if !ok || len(b) == 0 || b[0] == 0xff && n != 4 && n != 8 && n != 12 {
		return nil, false
	}
	return skipBytes(b[1:], n, true)
}

func skipItems(b []byte, n uint64, depth int) ([]byte, bool) {
	if n > 0 && depth == maxDepth {
		return nil, false
	}
	for ; n > 0; n-- {
		var ok bool
		if b, ok = skip(b, depth+1); !ok {
			return nil, false
		}
	}
	return b, true
}
