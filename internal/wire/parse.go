package wire

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Parser parses datagrams. It is scratch space for one goroutine at a time. Its results
// are valid until its next use, and only as long as the datagram.
type Parser struct {
	in   reader
	dec  *msgpack.Decoder
	open [maxDepth + 1]container // by depth
	keys keySet
}

// NewParser returns an empty parser.
func NewParser() *Parser {
	p := &Parser{keys: keySet{seed: maphash.MakeSeed()}}
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

// found reads the map {"value": v} of find_value and ignores its other keys.
func (p *Parser) found(a *Answer) bool {
	n, ok := p.mapLen()
	if !ok || n == 0 {
		return false
	}
	if start := p.in.pos; n > 1 {
		// The reference decodes the map as a whole.
		if !p.items(container{left: 2 * n, owner: start}) {
			return false
		}
		p.in.pos = start
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
		if !ok {
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
