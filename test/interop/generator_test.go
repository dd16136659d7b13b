//go:build interop

package interop

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// generator makes values of all types in all encodings, many of them equal in Python,
// and some that no decoder takes.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

// mutated returns a value; two of five are broken a little.
func (g generator) mutated() []byte {
	v := g.value(3)
	if g.IntN(500) == 0 {
		v = g.deep()
	}
	if g.IntN(5) >= 2 {
		return v
	}
	at := g.IntN(len(v))
	switch g.IntN(4) {
	case 0:
		v[at] = byte(g.Uint32())
	case 1:
		v = v[:at]
	case 2:
		v = append(v[:at:at], append([]byte{byte(g.Uint32())}, v[at:]...)...)
	case 3:
		v = append(v, g.value(0)...)
	}
	return v
}

// deep returns lists, or lists as a key. Their depth is less than the deepest that
// Python can decode, which depends on its version.
func (g generator) deep() []byte {
	v := bytes.Repeat([]byte{0x91}, 1+g.IntN(300))
	v = append(v, g.value(0)...)
	if g.IntN(2) == 0 {
		return append(append([]byte{0x81}, v...), 0)
	}
	return v
}

// value returns a value with lists and maps of the given depth at most.
func (g generator) value(depth int) []byte {
	switch n := g.IntN(10); {
	case depth == 0 || n < 4:
		return g.scalar()
	case n < 6:
		n := g.IntN(4)
		v := g.header(n, 0x90, 0xdc)
		for range n {
			v = append(v, g.value(depth-1)...)
		}
		return v
	}
	n := g.IntN(6)
	v := g.header(n, 0x80, 0xde)
	for range n {
		v = append(v, g.key(depth-1)...)
		v = append(v, g.value(depth-1)...)
	}
	return v
}

// key returns a value that is rarely a map, and holds one rarely.
func (g generator) key(depth int) []byte {
	switch g.IntN(20) {
	case 0:
		return g.value(depth)
	case 1, 2:
		n := g.IntN(3)
		v := g.header(n, 0x90, 0xdc)
		for range n {
			v = append(v, g.key(0)...)
		}
		return v
	}
	return g.scalar()
}

// header returns the header of a list or map of n.
func (g generator) header(n int, fixed, code16 byte) []byte {
	switch g.IntN(8) {
	case 0:
		return []byte{code16, 0, byte(n)}
	case 1:
		return []byte{code16 + 1, 0, 0, 0, byte(n)}
	}
	return []byte{fixed + byte(n)}
}

func (g generator) scalar() []byte {
	switch g.IntN(12) {
	case 0:
		if g.IntN(20) == 0 {
			return []byte{0xc1} // no value
		}
		return []byte{[]byte{0xc0, 0xc2, 0xc3}[g.IntN(3)]}
	case 1, 2, 3:
		return g.integer()
	case 4, 5, 6:
		return g.float()
	case 7:
		return g.ext(g.timestamp())
	case 8:
		kinds := []byte{0xff, 0xfe, 0xfe, 0x80, 0x80, 0, 0, 5, 5, 5, 127}
		lengths := []int{0, 1, 1, 1, 2, 3, 4, 8, 12, 16, 17}
		data := append([]byte{kinds[g.IntN(len(kinds))]}, make([]byte, lengths[g.IntN(len(lengths))])...)
		data[len(data)-1] ^= byte(g.IntN(2))
		return g.ext(data)
	}
	return g.text()
}

// near are numbers at which types and encodings end.
var near = []float64{0, 0, 0, 1 << 7, 1 << 8, 1 << 15, 1 << 16, 1 << 24, 1 << 31, 1 << 32, 1 << 53, 1 << 63, 1 << 64}

func (g generator) integer() []byte {
	n := uint64(near[g.IntN(len(near)-1)]) + uint64(g.IntN(5)) - 2
	if g.IntN(3) == 0 {
		n = -n
	}
	if s := int64(n); s >= -32 && s < 128 && g.IntN(2) == 0 {
		return []byte{byte(n)}
	}
	// Some encodings are too short for n, and cut it.
	size := g.IntN(4)
	b := binary.BigEndian.AppendUint64(nil, n)
	return append([]byte{0xcc + byte(4*g.IntN(2)+size)}, b[8-1<<size:]...)
}

func (g generator) float() []byte {
	f := near[g.IntN(len(near))] + float64(g.IntN(5)-2)/float64(1+g.IntN(2))
	switch g.IntN(12) {
	case 0:
		f = math.NaN()
	case 1:
		f = math.Inf(1)
	case 2:
		f = math.Copysign(0, -1)
	case 3:
		f = 0.1
	case 4, 5:
		f = -f
	case 6:
		f = math.Nextafter(f, 0)
	}
	if g.IntN(3) == 0 {
		return binary.BigEndian.AppendUint32([]byte{0xca}, math.Float32bits(float32(f)))
	}
	return binary.BigEndian.AppendUint64([]byte{0xcb}, math.Float64bits(f))
}

// timestamp returns the type and the data of a time: of few different ones, or near the
// first or the last that Python has.
func (g generator) timestamp() []byte {
	seconds := int64(g.IntN(2))
	nanos := uint64(g.IntN(3) * 500)
	switch g.IntN(6) {
	case 0:
		return binary.BigEndian.AppendUint32([]byte{0xff}, uint32(seconds))
	case 1, 2:
		return binary.BigEndian.AppendUint64([]byte{0xff}, nanos<<34|uint64(seconds))
	case 3:
		if g.IntN(2) == 0 {
			break
		}
		edges := []int64{-62_135_596_800, 253_402_300_800, math.MinInt64, math.MaxInt64, 1 << 34}
		seconds = edges[g.IntN(len(edges))] + int64(g.IntN(11)-5)
		nanos = []uint64{0, 999, 999_999_999, 1e9, 4e9, math.MaxUint32}[g.IntN(6)]
	case 4:
		nanos += 1e9
		seconds--
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32([]byte{0xff}, uint32(nanos)), uint64(seconds))
}

// ext returns an extension of a type and data.
func (g generator) ext(b []byte) []byte {
	n := len(b) - 1
	for i := range 5 {
		if n == 1<<i && g.IntN(2) == 0 {
			return append([]byte{0xd4 + byte(i)}, b...)
		}
	}
	return append(g.length(n, 0xc7), b...)
}

// text returns a string, rarely one that is no UTF-8, or bytes.
func (g generator) text() []byte {
	texts := []string{"", "a", "a", "b", "b", "c", "ab", "é", "日", "😀", "value", "\x00"}
	if g.IntN(20) == 0 {
		texts = []string{"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}
	}
	b := texts[g.IntN(len(texts))]
	switch g.IntN(3) {
	case 0:
		return append(g.length(len(b), 0xc4), b...)
	case 1:
		return append(g.length(len(b), 0xd9), b...)
	}
	return append([]byte{0xa0 + byte(len(b))}, b...)
}

// length returns a code with a length n of 1, 2 or 4 bytes behind it.
func (g generator) length(n int, code byte) []byte {
	switch g.IntN(4) {
	case 0:
		return []byte{code + 1, 0, byte(n)}
	case 1:
		return []byte{code + 2, 0, 0, 0, byte(n)}
	}
	return []byte{code, byte(n)}
}
