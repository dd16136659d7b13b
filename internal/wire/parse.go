package wire

import (
	"bytes"
	"io"
	"net/netip"
	"unicode/utf8"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"
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

// Parser parses datagrams. It is scratch space for one goroutine at a time. Its results
// are valid until its next use, and only as long as the datagram.
type Parser struct {
	in   reader
	dec  *msgpack.Decoder
	left [maxDepth + 1]int // items still to read in value, by depth
}

// NewParser returns an empty parser.
func NewParser() *Parser {
	p := new(Parser)
	p.dec = msgpack.NewDecoder(&p.in)
	return p
}

func (p *Parser) reset(b []byte) {
	p.in = reader{b: b}
	p.dec.ResetReader(&p.in)
}

// Request parses the body of a request into r. It leaves r.Msg as it is.
func (p *Parser) Request(body []byte, r *Request) error {
	p.reset(body)
	*r = Request{Msg: r.Msg}
	if n, ok := p.arrayLen(); !ok || n != 2 {
		return ErrBody
	}
	name, ok := p.str()
	if !ok {
		return ErrBody
	}
	var args int
	switch string(name) {
	case "ping":
		r.Method, args = Ping, 1
	case "store":
		r.Method, args = Store, 3
	case "find_node":
		r.Method, args = FindNode, 2
	case "find_value":
		r.Method, args = FindValue, 2
	case "stun":
		r.Method, args = Stun, 0
	default:
		return ErrMethod
	}
	if n, ok := p.arrayLen(); !ok || n != args {
		return ErrArgs
	}
	if args > 0 && !p.id(&r.Sender) || args > 1 && !p.id(&r.Target) {
		return ErrArgs
	}
	if args > 2 {
		if r.Value, ok = p.value(); !ok {
			return ErrValue
		}
	}
	r.Trailer = p.readTrailer()
	return nil
}

// Answer parses the body of an answer to m into a, with at most max contacts. It leaves
// out and counts contacts with an unusable address or id.
func (p *Parser) Answer(body []byte, m Method, max int, a *Answer) error {
	p.reset(body)
	*a = Answer{Contacts: a.Contacts[:0]}
	ok := false
	switch m {
	case Ping:
		ok = p.id(&a.ID)
	case Store:
		var v []byte
		v, ok = p.value()
		a.Stored = ok && v[0] == msgpcode.True
	case FindNode:
		ok = p.contacts(a, max)
	case FindValue:
		if isArray(p.in.peek()) {
			ok = p.contacts(a, max)
		} else {
			ok = p.found(a)
		}
	case Stun:
		ok = p.stun(a)
	}
	if !ok {
		return ErrBody
	}
	a.Trailer = p.readTrailer()
	return nil
}

// contacts reads a list of [id, ip, port].
func (p *Parser) contacts(a *Answer, max int) bool {
	n, ok := p.arrayLen()
	if !ok {
		return false
	}
	for range n {
		start := p.in.pos
		if len(a.Contacts) < max {
			var c Contact
			if p.contact(&c) {
				a.Contacts = append(a.Contacts, c)
				continue
			}
			a.Skipped++
			p.in.pos = start
		}
		if _, ok := p.value(); !ok {
			return false
		}
	}
	return true
}

func (p *Parser) contact(c *Contact) bool {
	if n, ok := p.arrayLen(); !ok || n != 3 || !p.id(&c.ID) {
		return false
	}
	return p.addr(&c.Addr)
}

// addr reads an IP address as text and a port. It refuses addresses that no datagram
// can be sent to: names, zones, port 0. It unmaps v4-mapped addresses.
func (p *Parser) addr(a *netip.AddrPort) bool {
	text, ok := p.str()
	if !ok || len(text) == 0 || len(text) > 45 || bytes.IndexByte(text, '%') >= 0 {
		return false
	}
	port, ok := p.uint()
	if !ok || port == 0 || port > 65535 {
		return false
	}
	// The unsafe string lives no longer than this call: ParseAddr keeps it only in a
	// zone, and there is none, or in an error, which is dropped here.
	ip, err := netip.ParseAddr(unsafe.String(&text[0], len(text)))
	if err != nil {
		return false
	}
	*a = netip.AddrPortFrom(ip.Unmap(), uint16(port))
	return true
}

// found reads the map {"value": v} of find_value and ignores its other keys. A map with
// two values is an error: the reference reads no map with a key twice.
func (p *Parser) found(a *Answer) bool {
	n, ok := p.mapLen()
	if !ok {
		return false
	}
	for range n {
		start := p.in.pos
		name, _ := p.str()
		isValue := string(name) == "value"
		p.in.pos = start
		if _, ok := p.value(); !ok {
			return false
		}
		v, ok := p.value()
		if !ok || isValue && a.Value != nil {
			return false
		}
		if isValue {
			a.Value = v
		}
	}
	return a.Value != nil
}

// stun reads [ip, port, ...]. IPv6 sockets of the reference add two numbers.
func (p *Parser) stun(a *Answer) bool {
	n, ok := p.arrayLen()
	if !ok || n < 2 || !p.addr(&a.Addr) {
		return false
	}
	for range n - 2 {
		if _, ok := p.value(); !ok {
			return false
		}
	}
	return true
}

// Valid reports whether v is exactly one well-formed encoded value.
func (p *Parser) Valid(v []byte) bool {
	p.reset(v)
	got, ok := p.value()
	return ok && len(got) == len(v)
}

// value skips one value of any type and returns its bytes.
func (p *Parser) value() ([]byte, bool) {
	start := p.in.pos
	depth := 0
	p.left[0] = 1
	for {
		for p.left[depth] == 0 {
			if depth == 0 {
				return p.in.b[start:p.in.pos:p.in.pos], true
			}
			depth--
		}
		p.left[depth]--
		inside, ok := p.item()
		if !ok {
			return nil, false
		}
		if inside > 0 {
			if depth++; depth > maxDepth {
				return nil, false
			}
			p.left[depth] = inside
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
		if err != nil || kind == extTime && n != 4 && n != 8 && n != 12 {
			return 0, false
		}
		_, ok := p.in.take(n)
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
