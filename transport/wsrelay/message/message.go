// Package wsrelay lends nodes that have no UDP socket of their own, browser tabs
// above all, one that a relay has, over a WebSocket. The protocol is described in
// docs/relay-protocol.md.
//
// The client side is a connection for a node: see Dial. The server side is an
// http.Handler: see Server.
package message

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Subprotocol is the WebSocket subprotocol that both sides require.
const Subprotocol = "kadmesh-relay.v1"

// version is the protocol's version in hello and welcome.
const Version = 1

// MaxDatagram is the longest datagram that a relay passes on, which is the
// longest that UDP over IPv4 carries.
const MaxDatagram = 65507

// maxMessage is the longest WebSocket message: one longest datagram fits.
const MaxLen = 64<<10 + 64

// kind is the first byte of a message.
type Kind byte

const (
	KindDatagrams Kind = iota
	KindHello
	KindWelcome
	KindRestarting
	KindError
	KindDrops
)

// hello is what a client says first.
type Hello struct {
	Family byte // 4, 6, or 0 for either
	Token  string
	Resume string
}

// welcome is what a relay answers.
type Welcome struct {
	Lent        netip.AddrPort
	Grace       time.Duration // whole seconds
	MaxDatagram int
	// newPerMinute is how many new destinations the client may have per minute.
	NewPerMinute int
	Resume       string
	Bootstrap    []netip.AddrPort
}

// restarting is what a relay says before it shuts down.
type Restarting struct {
	ReconnectIn time.Duration // whole milliseconds
	TryFor      time.Duration
}

var ErrMalformed = errors.New("malformed message")

// appendDatagram appends one datagram to a message of that kind, which it starts
// if b is empty.
func AppendDatagram(b []byte, a netip.AddrPort, payload []byte) []byte {
	if len(b) == 0 {
		b = append(b, byte(KindDatagrams))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = appendAddr(b, a)
	return append(b, payload...)
}

// datagramLen is how many bytes appendDatagram adds for a payload of n bytes, at
// most.
func DatagramLen(n int) int { return 1 + 2 + 1 + 16 + 2 + n }

// nextDatagram takes the first datagram off b, the rest of a message behind its
// kind. The payload is part of b.
func NextDatagram(b []byte) (a netip.AddrPort, payload, rest []byte, err error) {
	d := decoder{b: b}
	n := int(d.u16())
	a = d.addr()
	payload = d.bytes(n)
	if d.bad {
		return netip.AddrPort{}, nil, nil, ErrMalformed
	}
	return a, payload, d.b, nil
}

// countDatagrams returns how many datagrams the body of a message holds, or an
// error if it holds anything else.
func CountDatagrams(body []byte) (n int, err error) {
	for len(body) > 0 {
		if _, _, body, err = NextDatagram(body); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (h *Hello) Encode() []byte {
	b := []byte{byte(KindHello), Version, h.Family}
	b = appendString(b, h.Token)
	return appendString(b, h.Resume)
}

func DecodeHello(b []byte) (h Hello, v byte, err error) {
	d := decoder{b: b}
	v = d.u8()
	h.Family = d.u8()
	h.Token, h.Resume = d.string(), d.string()
	if h.Family != 0 && h.Family != 4 && h.Family != 6 {
		d.bad = true
	}
	return h, v, d.end()
}

func (w *Welcome) Encode() []byte {
	b := []byte{byte(KindWelcome), Version}
	b = appendAddr(b, w.Lent)
	b = binary.BigEndian.AppendUint16(b, uint16(w.Grace/time.Second))
	b = binary.BigEndian.AppendUint16(b, uint16(w.MaxDatagram))
	b = binary.BigEndian.AppendUint16(b, uint16(min(w.NewPerMinute, 65535)))
	b = appendString(b, w.Resume)
	b = append(b, byte(len(w.Bootstrap)))
	for _, a := range w.Bootstrap {
		b = appendAddr(b, a)
	}
	return b
}

func DecodeWelcome(b []byte) (w Welcome, v byte, err error) {
	d := decoder{b: b}
	v = d.u8()
	w.Lent = d.addr()
	w.Grace = time.Duration(d.u16()) * time.Second
	w.MaxDatagram = int(d.u16())
	w.NewPerMinute = int(d.u16())
	w.Resume = d.string()
	for range d.u8() {
		w.Bootstrap = append(w.Bootstrap, d.addr())
	}
	return w, v, d.end()
}

func (r *Restarting) Encode() []byte {
	b := []byte{byte(KindRestarting)}
	b = binary.BigEndian.AppendUint32(b, uint32(r.ReconnectIn/time.Millisecond))
	return binary.BigEndian.AppendUint32(b, uint32(r.TryFor/time.Millisecond))
}

func DecodeRestarting(b []byte) (r Restarting, err error) {
	d := decoder{b: b}
	r.ReconnectIn = time.Duration(d.u32()) * time.Millisecond
	r.TryFor = time.Duration(d.u32()) * time.Millisecond
	return r, d.end()
}

func (e *Error) Encode() []byte {
	return append([]byte{byte(KindError), byte(e.Code)}, e.Text...)
}

func DecodeError(b []byte) (*Error, error) {
	d := decoder{b: b}
	e := &Error{Code: Code(d.u8())}
	e.Text = string(d.bytes(len(d.b)))
	return e, d.end()
}

// encodeDrops and decodeDrops carry how many datagrams were dropped, by reason.
func EncodeDrops(counts *[DropReasons]uint32) []byte {
	b := []byte{byte(KindDrops)}
	for reason, n := range counts {
		if n > 0 {
			b = append(b, byte(reason))
			b = binary.BigEndian.AppendUint32(b, n)
		}
	}
	return b
}

func DecodeDrops(b []byte, counts *[DropReasons]uint64) error {
	d := decoder{b: b}
	for len(d.b) > 0 && !d.bad {
		reason, n := d.u8(), d.u32()
		if reason < byte(DropReasons) {
			counts[reason] += uint64(n)
		}
	}
	return d.end()
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	if ip := a.Addr().Unmap(); ip.Is4() {
		v4 := ip.As4()
		b = append(append(b, 4), v4[:]...)
	} else {
		v6 := ip.As16()
		b = append(append(b, 6), v6[:]...)
	}
	return binary.BigEndian.AppendUint16(b, a.Port())
}

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), 255)]
	return append(append(b, byte(len(s))), s...)
}

// decoder takes values off the front of b. What is not there makes it bad, and
// reads as zero.
type decoder struct {
	b   []byte
	bad bool
}

// end returns an error if the message was too short, too long, or wrong.
func (d *decoder) end() error {
	if d.bad || len(d.b) > 0 {
		return ErrMalformed
	}
	return nil
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u8() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) string() string { return string(d.bytes(int(d.u8()))) }

// addr reads an address. Mapped IPv4 ones have no place here.
func (d *decoder) addr() netip.AddrPort {
	var ip netip.Addr
	switch d.u8() {
	case 4:
		if b := d.bytes(4); b != nil {
			ip = netip.AddrFrom4([4]byte(b))
		}
	case 6:
		if b := d.bytes(16); b != nil {
			ip = netip.AddrFrom16([16]byte(b))
		}
	}
	port := d.u16()
	if !ip.IsValid() || ip.Is4In6() || port == 0 {
		d.bad = true
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, port)
}

// Family is what hello calls the IP version of ip: 4 or 6.
func Family(ip netip.Addr) byte {
	if ip.Is4() {
		return 4
	}
	return 6
}
