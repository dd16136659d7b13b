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
		{"list as key, as deep as can be", "81" + strings.Repeat("91", maxDepth-1) + "c0c0", true},
		{"list as key, too deep", "81" + strings.Repeat("91", maxDepth) + "c0c0", false},
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

		{"map as key", "8180c0", false},
		{"map as key, in a list", "918180c0", false},
		{"list of a map as key", "819180c0", false},
		{"list of lists as key", "81 9290919101 c0", true},
		{"list that holds a map as key", "81 9201919180 c0", false},
		{"map as value of a list's key", "81 9101 81 01 02", true},
		{"map as key behind a list as key", "82 9101 01 80 02", false},
		{"a list as key twice", "82 9101 01 9101 02", true},
		{"empty list as key, twice", "82 90 01 90 02", true},
		{"list and text of the same bytes as keys", "82 9161 01 a161 02", true},

		{"nil twice", "82 c001 c002", false},
		{"nil and false", "82 c001 c202", true},
		{"1 and true", "82 0101 c302", false},
		{"0 and false", "82 0001 c202", false},
		{"2 and true", "82 0201 c302", true},
		{"1 and 1.0", "82 0101 cb3ff000000000000002", false},
		{"1 and 1.0, 32 bits", "82 0101 ca3f80000002", false},
		{"1.5 in 32 and in 64 bits", "82 ca3fc0000001 cb3ff800000000000002", false},
		{"0.1 in 32 and in 64 bits", "82 ca3dcccccd01 cb3fb999999999999a02", true},
		{"1 in each length", "84 cc0100 cd000200 ce0000000300 cf000000000000000400", true},
		{"1 in two lengths", "82 cc0100 cf000000000000000100", false},
		{"1 as signed and unsigned", "82 0100 d3000000000000000100", false},
		{"-1 in two lengths", "82 ff00 d1ffff00", false},
		{"-1 and -1.0", "82 d0ff00 cbbff000000000000000", false},
		{"-1 and 2^64-1", "82 ff00 cfffffffffffffffff00", true},
		{"-1 and 255", "82 ff00 ccff00", true},
		{"0.0 and -0.0", "82 cb000000000000000000 cb800000000000000000", false},
		{"0 and -0.0", "82 0000 cb800000000000000000", false},
		{"infinity in 32 and in 64 bits", "82 ca7f80000000 cb7ff000000000000000", false},
		{"infinity of both signs", "82 ca7f80000000 caff80000000", true},
		{"NaN twice", "82 cb7ff800000000000000 cb7ff800000000000000", true},
		{"2^63 and its float", "82 cf800000000000000000 cb43e000000000000000", false},
		{"2^63-1 and the float of 2^63", "82 cf7fffffffffffffff00 cb43e000000000000000", true},
		{"-2^63 and its float", "82 d3800000000000000000 cbc3e000000000000000", false},
		{"2^64-1 and the float of 2^64", "82 cfffffffffffffffff00 cb43f000000000000000", true},
		{"2^63 and the float of 2^64", "82 cf800000000000000000 cb43f000000000000000", true},
		{"2^53+1 and the float of 2^53", "82 cf002000000000000100 cb434000000000000000", true},
		{"the float of 2^64, twice", "82 cb43f000000000000000 cb43f000000000000000", false},

		{"text twice", "82 a16101 a16102", false},
		{"text twice, in two forms", "82 a16101 db000000016102", false},
		{"text and bytes", "82 a16101 c4016102", true},
		{"text and bytes, empty", "82 a001 c40002", true},
		{"empty text twice", "82 a001 d90002", false},
		{"bytes twice, in two forms", "82 c4016101 c600000001 6102", false},
		{"text that begins alike", "82 a16101 a2616102", true},
		{"text twice, in two maps", "92 81a16101 81a16102", true},
		{"text twice, in a map and in one inside", "82 a161 82 a16101 a16202 a162 82 a16101 a16202", true},
		{"text twice, a map between", "82 a161 82 a16101 a16202 a16102", false},
		{"text twice, inside", "82 a161 82 a16101 a16102 a16202", false},

		{"ext twice", "82 d4050001 d4050002", false},
		{"ext twice, in two forms", "82 d4050001 c701050002", false},
		{"ext32 and ext16", "82 c900000001050001 c80001050002", false},
		{"ext of two types", "82 d4050001 d4060002", true},
		{"ext of type -2 and 127", "82 d4fe0001 d47f0002", true},
		{"ext and bytes", "82 d4050001 c4010002", true},
		{"timestamps that are equal", "82 d6ff0000000101 c70cff 00000000 0000000000000001 02", false},
		{"timestamp and its seconds", "82 d6ff0000000101 0102", true},
		{"timestamps less than a microsecond apart", "82 d7ff 00000f9c00000001 01 d7ff 0000000000000001 02", false},
		{"timestamps of more than a microsecond apart", "82 d7ff 00000fa000000001 01 d7ff 0000000000000001 02", true},
		{"timestamps, a second as nanoseconds", "82 c70cff 3b9aca00 0000000000000000 01 d6ff0000000102", false},

		{"timestamp of year 1", "c70cff 00000000 fffffff1886e0900", true},
		{"timestamp of year 0", "c70cff 00000000 fffffff1886e08ff", false},
		{"timestamp of year 0, but for its nanoseconds", "c70cff 3b9aca00 fffffff1886e08ff", true},
		{"timestamp of year 9999", "c70cff 3b9ac9ff 0000003afff4417f", true},
		{"timestamp of year 10000", "c70cff 00000000 0000003afff44180", false},
		{"timestamp of year 10000, by its nanoseconds", "c70cff 3b9aca00 0000003afff4417f", false},
		{"timestamp of 2^63-1", "c70cff ffffffff 7fffffffffffffff", false},
		{"timestamp of -2^63", "c70cff 00000000 8000000000000000", false},
		{"timestamp of 8, the latest", "d7ff ffffffffffffffff", true},
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
			if got := decodable(v); got != tt.want {
				t.Errorf("decodable = %v, want %v", got, tt.want)
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
				if got, want := p.Valid(v), decodable(v); got != want {
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

// skip passes over the well-formed value at the start of b, which is inside depth others.
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
