// Package message has the messages of the relay protocol, version 1, which a client
// and a relay exchange over a WebSocket. docs/relay-protocol.md describes the protocol.
//
// A message is binary, at most MaxLen bytes long, and begins with its kind. Integers
// are big-endian.
//
//	offset 0  u8  kind
//	offset 1      body, to the end of the message
//
//	0 datagrams   both    one or more datagrams
//	1 hello       client  u8 version, u8 family (4, 6, or 0 for either), string token,
//	                      string resume
//	2 welcome     relay   u8 version, address lent, u16 grace in s, u16 longest datagram,
//	                      u16 new destinations per minute, string resume,
//	                      u8 count, that many addresses of bootstrap nodes
//	3 restarting  relay   u32 reconnect in ms, u32 try for ms
//	4 error       relay   u8 code, text in UTF-8 to the end
//	5 drops       relay   one or more times: u8 reason, u32 count
//
//	datagram  u16 length, address, that many bytes of payload
//	address   u8 family (4 or 6), 4 or 16 bytes of IP, u16 port (not 0)
//	string    u8 length, that many bytes
//
// The client sends hello first, and the relay answers with welcome or error. The address
// of a datagram is the destination from a client, and the source from a relay. A receiver
// ignores kinds that it does not know.
package message

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Subprotocol is the WebSocket subprotocol that both sides require.
const Subprotocol = "kadmesh-relay.v1"

// Version is the protocol's version in Hello and Welcome.
const Version = 1

// MaxDatagram is the longest datagram that a relay passes on, in bytes. UDP over IPv4
// carries no longer one.
const MaxDatagram = 65507

// MaxLen is the longest message in bytes. The longest datagram fits into a message.
const MaxLen = 64<<10 + 64

// Kind is the first byte of a message.
type Kind byte

// The kinds of messages.
const (
	KindDatagrams Kind = iota
	KindHello
	KindWelcome
	KindRestarting
	KindError
	KindDrops
)

// ErrMalformed is the error of a message that is too short, too long, or has a value
// that is not allowed.
var ErrMalformed = errors.New("malformed message")

// Hello is the first message of a client.
type Hello struct {
	Family byte   // of the address to lend: 4, 6, or 0 for either
	Token  string // at most 255 bytes; empty if the client has none
	Resume string // of an earlier Welcome, to get its address back; or empty
}

// Encode returns the message. Strings are cut to 255 bytes.
func (h *Hello) Encode() []byte {
	b := []byte{byte(KindHello), Version, h.Family}
	b = appendString(b, h.Token)
	return appendString(b, h.Resume)
}

// DecodeHello decodes the body of a message. version is right even if the rest of
// the body has the form of another version, and err is not nil.
func DecodeHello(body []byte) (h Hello, version byte, err error) {
	d := decoder{b: body}
	version = d.u8()
	h.Family = d.u8()
	h.Token, h.Resume = d.string(), d.string()
	if h.Family != 0 && h.Family != 4 && h.Family != 6 {
		d.bad = true
	}
	return h, version, d.end()
}

// Welcome is the answer of a relay to Hello.
type Welcome struct {
	Lent         netip.AddrPort // the address lent to the client
	Grace        time.Duration  // for how long it stays lent without a connection; whole seconds
	MaxDatagram  int            // in bytes
	NewPerMinute int            // new destinations that the client may try; 65535 or more means no bound
	Resume       string         // for the next Hello
	Bootstrap    []netip.AddrPort
}

// Encode returns the message.
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

// DecodeWelcome decodes the body of a message. version is right even if the rest of
// the body has the form of another version, and err is not nil.
func DecodeWelcome(body []byte) (w Welcome, version byte, err error) {
	d := decoder{b: body}
	version = d.u8()
	w.Lent = d.addr()
	w.Grace = time.Duration(d.u16()) * time.Second
	w.MaxDatagram = int(d.u16())
	w.NewPerMinute = int(d.u16())
	w.Resume = d.string()
	for range d.u8() {
		w.Bootstrap = append(w.Bootstrap, d.addr())
	}
	return w, version, d.end()
}

// Restarting announces that a relay shuts down. Both times are in whole milliseconds.
type Restarting struct {
	ReconnectIn time.Duration // the client should stay away for so long
	TryFor      time.Duration // and then try for so long, since its address is kept
}

// Encode returns the message.
func (r *Restarting) Encode() []byte {
	b := []byte{byte(KindRestarting)}
	b = binary.BigEndian.AppendUint32(b, uint32(r.ReconnectIn/time.Millisecond))
	return binary.BigEndian.AppendUint32(b, uint32(r.TryFor/time.Millisecond))
}

// DecodeRestarting decodes the body of a message.
func DecodeRestarting(body []byte) (r Restarting, err error) {
	d := decoder{b: body}
	r.ReconnectIn = time.Duration(d.u32()) * time.Millisecond
	r.TryFor = time.Duration(d.u32()) * time.Millisecond
	return r, d.end()
}
