package core

import (
	"encoding/binary"
	"math/bits"
)

// sha1Sum is SHA-1 (FIPS 180-4, section 6.1). The package crypto/sha1 depends on the
// whole FIPS 140 module, which tests itself at each start and makes the browser's
// binary about 4 % larger. Names are no secrets.
func sha1Sum(b []byte) ID {
	n := len(b)
	b = append(b[:n:n], 0x80)
	for len(b)%64 != 56 {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(n)*8)
	h := [5]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}
	for ; len(b) > 0; b = b[64:] {
		sha1Block(&h, b)
	}
	var id ID
	for i, word := range h {
		binary.BigEndian.PutUint32(id[4*i:], word)
	}
	return id
}

func sha1Block(h *[5]uint32, b []byte) {
	var w [80]uint32
	for i := range w {
		if i < 16 {
			w[i] = binary.BigEndian.Uint32(b[4*i:])
		} else {
			w[i] = bits.RotateLeft32(w[i-3]^w[i-8]^w[i-14]^w[i-16], 1)
		}
	}
	v, x, y, z, e := h[0], h[1], h[2], h[3], h[4]
	for i := range w {
		var f uint32
		switch i / 20 {
		case 0:
			f = (x&y | ^x&z) + 0x5a827999
		case 1:
			f = x ^ y ^ z + 0x6ed9eba1
		case 2:
			f = (x&y | x&z | y&z) + 0x8f1bbcdc
		default:
			f = x ^ y ^ z + 0xca62c1d6
		}
		t := bits.RotateLeft32(v, 5) + f + e + w[i]
		v, x, y, z, e = t, v, bits.RotateLeft32(x, 30), y, z
	}
	h[0] += v
	h[1] += x
	h[2] += y
	h[3] += z
	h[4] += e
}
