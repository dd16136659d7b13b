package wire

import (
	"io"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is the deepest nesting of lists in a value that the reference can read on
// Python 3.9 to 3.11. Deeper nesting overflows its stack: it does not answer such a
// STORE, and cannot read such an answer.
const maxDepth = 326

// neverUsed is the one code that msgpack leaves undefined.
const neverUsed = 0xc1

// extTime is the extension type of timestamps. They have 4, 8 or 12 bytes.
const extTime = -1

// Valid reports whether v is exactly one encoded value that the reference can decode. The
// reference refuses malformed text, times outside the years 1 to 9999, and some keys of
// maps: maps, lists that hold a map, and a second key that is equal in Python, as 1, 1.0
// and true are. It compares no keys that are lists.
func (p *Parser) Valid(v []byte) bool {
	p.reset(v)
	got, ok := p.value()
	return ok && len(got) == len(v)
}

// value skips one value of any type that the reference can decode, and returns its bytes.
func (p *Parser) value() ([]byte, bool) {
	start := p.in.pos
	ok := p.items(container{left: 1})
	return p.in.b[start:p.in.pos:p.in.pos], ok
}

// container is a list or a map that is being read.
type container struct {
	left  int  // items still to read; a map has two for each entry
	inKey bool // it is a list, and part of a key
	owner int  // of a map: the position of its first key; of a list: 0
}

// items skips the items left in c. Its keys are checked once all are read.
func (p *Parser) items(c container) bool {
	p.keys.reset()
	depth := 0
	p.open[0] = c
	for {
		in := &p.open[depth]
		if in.left == 0 {
			if depth == 0 {
				return p.keys.distinct(p.in.b)
			}
			depth--
			continue
		}
		isKey := in.inKey || in.owner > 0 && in.left%2 == 0
		in.left--
		start, code := p.in.pos, p.in.peek()
		inside, ok := p.item()
		switch {
		case !ok, isKey && isMap(code):
			return false
		case inside > 0:
			if depth++; depth > maxDepth {
				return false
			}
			p.open[depth] = container{left: inside, inKey: isKey}
			if isMap(code) {
				p.open[depth].owner = p.in.pos
			}
		case isKey && in.owner > 0 && !isArray(code):
			p.keys.add(p.in.b, in.owner, start, p.in.pos)
		}
	}
}

// item skips one value, but not the values inside it. It returns their number.
func (p *Parser) item() (inside int, ok bool) {
	c := p.in.peek()
	switch {
	case isStr(c):
		s, ok := p.str()
		return 0, ok && utf8.Valid(s)
	case isBin(c):
		_, ok := p.bin()
		return 0, ok
	case isArray(c):
		return p.arrayLen()
	case isMap(c):
		n, ok := p.mapLen()
		return 2 * n, ok
	case msgpcode.IsExt(c):
		kind, n, err := p.dec.DecodeExtHeader()
		if err != nil {
			return 0, false
		}
		data, ok := p.in.take(n)
		if ok && kind == extTime {
			_, ok = timestamp(data)
		}
		return 0, ok
	default:
		// Skip would allocate an error for neverUsed.
		return 0, c != neverUsed && p.dec.Skip() == nil
	}
}

func (p *Parser) id(id *ID) bool {
	b, ok := p.bin()
	if !ok || len(b) != len(id) {
		return false
	}
	*id = ID(b)
	return true
}

func (p *Parser) bin() ([]byte, bool) { return p.bytes(isBin) }
func (p *Parser) str() ([]byte, bool) { return p.bytes(isStr) }

func (p *Parser) bytes(is func(byte) bool) ([]byte, bool) {
	if !is(p.in.peek()) {
		return nil, false
	}
	n, err := p.dec.DecodeBytesLen()
	if err != nil {
		return nil, false
	}
	return p.in.take(n)
}

// arrayLen and mapLen refuse lengths that exceed the bytes left, and lengths that
// become negative in an int of 32 bits.
func (p *Parser) arrayLen() (int, bool) {
	if !isArray(p.in.peek()) {
		return 0, false
	}
	n, err := p.dec.DecodeArrayLen()
	return n, err == nil && n >= 0 && n <= p.in.len()
}

func (p *Parser) mapLen() (int, bool) {
	if !isMap(p.in.peek()) {
		return 0, false
	}
	n, err := p.dec.DecodeMapLen()
	return n, err == nil && n >= 0 && n <= p.in.len()/2
}

// uint reads an integer of zero or more.
func (p *Parser) uint() (uint64, bool) {
	switch c := p.in.peek(); {
	case c <= msgpcode.PosFixedNumHigh, c >= msgpcode.Uint8 && c <= msgpcode.Uint64:
		n, err := p.dec.DecodeUint64()
		return n, err == nil
	case c >= msgpcode.Int8 && c <= msgpcode.Int64:
		n, err := p.dec.DecodeInt64()
		return uint64(n), err == nil && n >= 0
	}
	return 0, false
}

func isStr(c byte) bool {
	return msgpcode.IsFixedString(c) || c >= msgpcode.Str8 && c <= msgpcode.Str32
}
func isBin(c byte) bool { return c >= msgpcode.Bin8 && c <= msgpcode.Bin32 }
func isArray(c byte) bool {
	return msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32
}
func isMap(c byte) bool {
	return msgpcode.IsFixedMap(c) || c == msgpcode.Map16 || c == msgpcode.Map32
}

// reader gives the bytes of one datagram to the msgpack decoder, and slices of them to
// the parser.
type reader struct {
	b   []byte
	pos int
}

func (r *reader) len() int { return len(r.b) - r.pos }

// peek returns the next byte, or neverUsed at the end.
func (r *reader) peek() byte {
	if r.pos < len(r.b) {
		return r.b[r.pos]
	}
	return neverUsed
}

func (r *reader) take(n int) ([]byte, bool) {
	if n < 0 || n > r.len() {
		return nil, false
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos], true
}

func (r *reader) Read(p []byte) (int, error) {
	if r.len() == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b[r.pos:])
	r.pos += n
	return n, nil
}

func (r *reader) ReadByte() (byte, error) {
	if r.len() == 0 {
		return 0, io.EOF
	}
	r.pos++
	return r.b[r.pos-1], nil
}

func (r *reader) UnreadByte() error {
	r.pos--
	return nil
}
