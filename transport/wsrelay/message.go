// Package wsrelay lends nodes that have no UDP socket of their own, browser tabs
// above all, one that a relay has, over a WebSocket. The protocol is described in
// docs/relay-protocol.md.
//
// The client side is a connection for a node: see Dial. The server side is an
// http.Handler: see Server.
package wsrelay

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Subprotocol is the WebSocket subprotocol that both sides require.
const Subprotocol = "kadmesh-relay.v1"

// version is the protocol's version in hello and welcome.
const version = 1

// MaxDatagram is the longest datagram that a relay passes on, which is the
// longest that UDP over IPv4 carries.
const MaxDatagram = 65507

// maxMessage is the longest WebSocket message: one longest datagram fits.
const maxMessage = 64<<10 + 64

// kind is the first byte of a message.
type kind byte

const (
	kindDatagrams kind = iota
	kindHello
	kindWelcome
	kindRestarting
	kindError
	kindDrops
)

// hello is what a client says first.
type hello struct {
	family byte // 4, 6, or 0 for either
	token  string
	resume string
}

// welcome is what a relay answers.
type welcome struct {
	lent        netip.AddrPort
	grace       time.Duration // whole seconds
	maxDatagram int
	// newPerMinute is how many new destinations the client may have per minute.
	newPerMinute int
	resume       string
	bootstrap    []netip.AddrPort
}

// restarting is what a relay says before it shuts down.
type restarting struct {
	reconnectIn time.Duration // whole milliseconds
	tryFor      time.Duration
}

var errMalformed = errors.New("malformed message")

// appendDatagram appends one datagram to a message of that kind, which it starts
// if b is empty.
func appendDatagram(b []byte, a netip.AddrPort, payload []byte) []byte {
	if len(b) == 0 {
		b = append(b, byte(kindDatagrams))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = appendAddr(b, a)
	return append(b, payload...)
}

// datagramLen is how many bytes appendDatagram adds for a payload of n bytes, at
// most.
func datagramLen(n int) int { return 1 + 2 + 1 + 16 + 2 + n }

// nextDatagram takes the first datagram off b, the rest of a message behind its
// kind. The payload is part of b.
func nextDatagram(b []byte) (a netip.AddrPort, payload, rest []byte, err error) {
	d := decoder{b: b}
	n := int(d.u16())
	a = d.addr()
	payload = d.bytes(n)
	if d.bad {
		return netip.AddrPort{}, nil, nil, errMalformed
	}
	return a, payload, d.b, nil
}

// countDatagrams returns how many datagrams the body of a message holds, or an
// error if it holds anything else.
func countDatagrams(body []byte) (n int, err error) {
	for len(body) > 0 {
		if _, _, body, err = nextDatagram(body); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (h *hello) encode() []byte {
	b := []byte{byte(kindHello), version, h.family}
	b = appendString(b, h.token)
	return appendString(b, h.resume)
}

func decodeHello(b []byte) (h hello, v byte, err error) {
	d := decoder{b: b}
	v = d.u8()
	h.family = d.u8()
	h.token, h.resume = d.string(), d.string()
	if h.family != 0 && h.family != 4 && h.family != 6 {
		d.bad = true
	}
	return h, v, d.end()
}

func (w *welcome) encode() []byte {
	b := []byte{byte(kindWelcome), version}
	b = appendAddr(b, w.lent)
	b = binary.BigEndian.AppendUint16(b, uint16(w.grace/time.Second))
	b = binary.BigEndian.AppendUint16(b, uint16(w.maxDatagram))
	b = binary.BigEndian.AppendUint16(b, uint16(min(w.newPerMinute, 65535)))
	b = appendString(b, w.resume)
	b = append(b, byte(len(w.bootstrap)))
	for _, a := range w.bootstrap {
		b = appendAddr(b, a)
	}
	return b
}

func decodeWelcome(b []byte) (w welcome, v byte, err error) {
	d := decoder{b: b}
	v = d.u8()
	w.lent = d.addr()
	w.grace = time.Duration(d.u16()) * time.Second
	w.maxDatagram = int(d.u16())
	w.newPerMinute = int(d.u16())
	w.resume = d.string()
	for range d.u8() {
		w.bootstrap = append(w.bootstrap, d.addr())
	}
	return w, v, d.end()
}

func (r *restarting) encode() []byte {
	b := []byte{byte(kindRestarting)}
	b = binary.BigEndian.AppendUint32(b, uint32(r.reconnectIn/time.Millisecond))
	return binary.BigEndian.AppendUint32(b, uint32(r.tryFor/time.Millisecond))
}

func decodeRestarting(b []byte) (r restarting, err error) {
	d := decoder{b: b}
	r.reconnectIn = time.Duration(d.u32()) * time.Millisecond
	r.tryFor = time.Duration(d.u32()) * time.Millisecond
	return r, d.end()
}

func (e *RelayError) encode() []byte {
	return append([]byte{byte(kindError), byte(e.Code)}, e.Text...)
}

func decodeError(b []byte) (*RelayError, error) {
	d := decoder{b: b}
	e := &RelayError{Code: Code(d.u8())}
	e.Text = string(d.bytes(len(d.b)))
	return e, d.end()
}

// encodeDrops and decodeDrops carry how many datagrams were dropped, by reason.
func encodeDrops(counts *[DropReasons]uint32) []byte {
	b := []byte{byte(kindDrops)}
	for reason, n := range counts {
		if n > 0 {
			b = append(b, byte(reason))
			b = binary.BigEndian.AppendUint32(b, n)
		}
	}
	return b
}

func decodeDrops(b []byte, counts *[DropReasons]uint64) error {
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
		return errMalformed
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
