package wire

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// keySet holds the keys of all maps in one value, to find two keys of one map that are
// equal in Python. The memory is used again for the next value.
type keySet struct {
	keys []mapKey
	// table finds a key in keys: positions in keys plus one, zero if free. Its length is
	// a power of two, and at least half of it is free.
	table []uint32
	seed  maphash.Seed
}

// mapKey is a key that is no list. Two keys of one map are equal in Python exactly if
// their owner, kind, number and text are.
type mapKey struct {
	number   uint64 // of a text: its hash
	owner    uint32 // position of the map's first key
	kind     keyKind
	from, to uint32 // position of the text
}

// keyKind is a type of keys. In Python, 1, 1.0 and true are equal: numbers are of one
// kind if they are of one value.
type keyKind uint16

const (
	keyNil      keyKind = iota
	keyUint             // integers of zero or more; false and true as 0 and 1
	keyNegative         // integers below zero, in two's complement
	keyFloat            // all other floats, as IEEE 754 bits
	keyNaN              // equal to nothing
	keyTime             // timestamps, in microseconds since 1970, rounded down as Python does
	keyStr
	keyBin
	keyExt // and above: the type of the extension is added, from 0 to 255
)

func (s *keySet) reset() { s.keys = s.keys[:0] }

// add adds the key in b[from:to] to the map whose first key is at the position owner.
func (s *keySet) add(b []byte, owner, from, to int) {
	k := mapKey{owner: uint32(owner), from: uint32(from), to: uint32(to)}
	k.set(b[from:to])
	switch {
	case k.kind == keyNaN:
		return
	case k.kind >= keyStr:
		k.number = maphash.Bytes(s.seed, b[k.from:k.to])
	}
	s.keys = append(s.keys, k)
}

// set sets the kind, and the number or the start of the text, of the key with the encoding b.
func (k *mapKey) set(b []byte) {
	switch c := b[0]; {
	case c == msgpcode.Nil:
	case c == msgpcode.False, c == msgpcode.True:
		k.kind, k.number = keyUint, uint64(c-msgpcode.False)
	case c == msgpcode.Float:
		k.setFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))))
	case c == msgpcode.Double:
		k.setFloat(math.Float64frombits(binary.BigEndian.Uint64(b[1:])))
	case isStr(c):
		k.setText(keyStr, headerLen(c, msgpcode.Str8))
	case isBin(c):
		k.setText(keyBin, headerLen(c, msgpcode.Bin8))
	case msgpcode.IsExt(c):
		k.setExt(b)
	default:
		k.setInt(b)
	}
}

func (k *mapKey) setText(kind keyKind, header int) {
	k.kind = kind
	k.from += uint32(header)
}

// headerLen returns the size of a code c and of the length behind it. The length has
// 1 byte behind the code first, and 2 and 4 bytes behind the next two codes.
func headerLen(c, first byte) int {
	if c < first {
		return 1 // a fixstr
	}
	return 1 + 1<<(c-first)
}

func (k *mapKey) setInt(b []byte) {
	c := b[0]
	if c <= msgpcode.PosFixedNumHigh || c >= msgpcode.NegFixedNumLow {
		k.setSigned(int64(int8(c)))
		return
	}
	for _, d := range b[1:] {
		k.number = k.number<<8 | uint64(d)
	}
	k.kind = keyUint
	if c >= msgpcode.Int8 {
		unused := 64 - 8*(len(b)-1)
		k.setSigned(int64(k.number<<unused) >> unused)
	}
}

func (k *mapKey) setSigned(n int64) {
	k.kind, k.number = keyUint, uint64(n)
	if n < 0 {
		k.kind = keyNegative
	}
}

func (k *mapKey) setFloat(f float64) {
	switch whole := math.Trunc(f) == f; {
	case f != f:
		k.kind = keyNaN
	case whole && f >= 0 && f < 1<<64:
		k.kind, k.number = keyUint, uint64(f)
	case whole && f < 0 && f >= -1<<63:
		k.setSigned(int64(f))
	default:
		k.kind, k.number = keyFloat, math.Float64bits(f)
	}
}

func (k *mapKey) setExt(b []byte) {
	header := 2
	if c := b[0]; c >= msgpcode.Ext8 && c <= msgpcode.Ext32 {
		header = headerLen(c, msgpcode.Ext8) + 1
	}
	kind := b[header-1]
	if int8(kind) == extTime {
		micros, _ := timestamp(b[header:])
		k.kind, k.number = keyTime, uint64(micros)
		return
	}
	k.setText(keyExt+keyKind(kind), header)
}

// distinct reports whether no map has two equal keys; b is as add was given it. It takes time in proportion to the
// number and the length of the keys: no sender knows the seed of the hashes.
func (s *keySet) distinct(b []byte) bool {
	if len(s.keys) < 2 {
		return true
	}
	size := 1 << bits.Len(uint(2*len(s.keys)-1))
	if len(s.table) < size {
		s.table = make([]uint32, size)
	}
	table := s.table[:size]
	clear(table)
	for i := range s.keys {
		k := &s.keys[i]
		at := s.hash(k) % uint64(size)
		for ; table[at] != 0; at = (at + 1) % uint64(size) {
			if k.equal(&s.keys[table[at]-1], b) {
				return false
			}
		}
		table[at] = uint32(i + 1)
	}
	return true
}

func (s *keySet) hash(k *mapKey) uint64 {
	return maphash.Comparable(s.seed, [2]uint64{uint64(k.owner)<<16 | uint64(k.kind), k.number})
}

func (k *mapKey) equal(o *mapKey, b []byte) bool {
	return k.number == o.number && k.owner == o.owner && k.kind == o.kind &&
		(k.kind < keyStr || bytes.Equal(b[k.from:k.to], b[o.from:o.to]))
}

// Seconds since 1970 of the first and behind the last time that Python has: years 1 to
// 9999.
const (
	firstTime = -62_135_596_800
	lastTime  = 253_402_300_800
)

// timestamp returns the time in the data of an extension of type extTime, in microseconds
// since 1970. It refuses lengths that msgpack has not, and years that Python has not.
func timestamp(data []byte) (micros int64, ok bool) {
	var seconds, nanos int64
	switch len(data) {
	case 4:
		seconds = int64(binary.BigEndian.Uint32(data))
	case 8:
		n := binary.BigEndian.Uint64(data)
		seconds, nanos = int64(n&(1<<34-1)), int64(n>>34)
	case 12:
		nanos, seconds = int64(binary.BigEndian.Uint32(data)), int64(binary.BigEndian.Uint64(data[4:]))
	default:
		return 0, false
	}
	// Nanoseconds may be more than a second: up to 2^32-1.
	if seconds < firstTime-4 || seconds >= lastTime {
		return 0, false
	}
	micros = seconds*1e6 + nanos/1000
	return micros, micros >= firstTime*1e6 && micros < lastTime*1e6
}
