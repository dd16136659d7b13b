package core

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// IDBits is the length of an ID in bits.
const IDBits = 160

// ID names a node or a value: a number of 160 bits, most significant byte first
// (paper, section 2). The zero ID is valid.
type ID [IDBits / 8]byte

// Key returns the ID under which the value with the given name is stored: the SHA-1
// of name.
// Python's kademlia gives a str and the bytes of its UTF-8 the same key, and the
// int 1 that of "1"; names are not normalised.
func Key(name string) ID {
	return sha1Sum([]byte(name))
}

// ParseID reads the 40 hexadecimal digits that String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("id %q: want %d hexadecimal digits, got %d characters", s, 2*len(id), len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("id %q: want %d hexadecimal digits, not all of these are", s, 2*len(id))
	}
	return id, nil
}

// String returns the id as 40 hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText returns the digits that String returns.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads the digits that MarshalText returns.
func (id *ID) UnmarshalText(text []byte) error {
	got, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = got
	return nil
}

// Distance returns the distance between id and o: their bitwise exclusive or,
// read as a number (paper, section 2.1).
func (id ID) Distance(o ID) ID {
	for i := range id {
		id[i] ^= o[i]
	}
	return id
}

// Compare returns -1, 0 or 1 as id is less than, equal to or greater than o.
func (id ID) Compare(o ID) int { return bytes.Compare(id[:], o[:]) }

// CompareDistance returns -1 if a is nearer to id than b, 0 if a equals b, and 1 if a
// is farther.
func (id ID) CompareDistance(a, b ID) int {
	// Eight bytes nearly always decide.
	t := binary.BigEndian.Uint64(id[:])
	x := binary.BigEndian.Uint64(a[:]) ^ t
	y := binary.BigEndian.Uint64(b[:]) ^ t
	if x != y {
		if x < y {
			return -1
		}
		return 1
	}
	return id.Distance(a).Compare(id.Distance(b))
}

// PrefixLen returns how many leading bits a and b have in common, 0 to 160.
func PrefixLen(a, b ID) int {
	for i := 0; i < len(a); i += 4 {
		x := binary.BigEndian.Uint32(a[i:]) ^ binary.BigEndian.Uint32(b[i:])
		if x != 0 {
			return 8*i + bits.LeadingZeros32(x)
		}
	}
	return IDBits
}

// bit returns bit i of id, where bit 0 is the most significant.
func (id *ID) bit(i int) byte { return id[i/8] >> (7 - i%8) & 1 }

// flip inverts bit i of id.
func (id *ID) flip(i int) { id[i/8] ^= 0x80 >> (i % 8) }

// keepPrefix copies all bits of o from bit n on to id.
func (id *ID) keepPrefix(n int, o ID) {
	for i := range id {
		switch keep := n - 8*i; {
		case keep <= 0:
			id[i] = o[i]
		case keep < 8:
			mask := byte(0xff) >> keep
			id[i] = id[i]&^mask | o[i]&mask
		}
	}
}

func sortIDs(list []ID) { slices.SortFunc(list, ID.Compare) }

// RandomID draws an id from src.
func RandomID(src rand.Source) ID {
	var id ID
	binary.BigEndian.PutUint64(id[0:], src.Uint64())
	binary.BigEndian.PutUint64(id[8:], src.Uint64())
	binary.BigEndian.PutUint32(id[16:], uint32(src.Uint64()))
	return id
}
