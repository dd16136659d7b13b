// Package wire is the datagram format of the Python packages rpcudp and kademlia, below
// called the reference. An extended node, such as this project's, appends a trailer.
//
//	offset 0      1 byte    0 request, 1 answer; every other value is ignored
//	offset 1..20  20 bytes  message id, random, echoed by the answer
//	offset 21..   msgpack   request: [name, [argument, ...]]; answer: the bare result
//	behind it     msgpack   trailer: one map, ignored by older nodes
//
// Bodies are byte for byte as u-msgpack writes them. Parsing allocates nothing, and
// checks every length in a datagram against the bytes that are there. The results of a
// Parser point into the datagram.
package wire

import (
	"errors"
	"net/netip"
)

// ID is a node id or a key, 160 bits, most significant byte first.
type ID = [20]byte

// MsgID ties an answer to its request.
type MsgID = [20]byte

// HeaderLen is the length of the header before the msgpack body, in bytes.
const HeaderLen = 1 + 20

// MaxDatagram is the longest payload of a UDP datagram over IPv4, in bytes.
const MaxDatagram = 65507

// MaxRequest is the longest msgpack body, in bytes, that the reference sends in a
// request (rpcudp refuses more). It answers and accepts longer ones.
const MaxRequest = 8192

// storeOverhead is the size of a STORE body without its value: the outer array, the
// name, the inner array, and two ids of 22 bytes.
const storeOverhead = 1 + 6 + 1 + 22 + 22

// MaxValue is the longest encoded value that the reference can pass on, and so the
// longest that a node sends: a string or byte string of 8,137 bytes.
const MaxValue = MaxRequest - storeOverhead

// Kind is the first byte of a datagram.
type Kind byte

// The two kinds that exist.
const (
	KindRequest Kind = 0
	KindAnswer  Kind = 1
)

// Method names a remote procedure.
type Method uint8

// The five procedures of the reference.
const (
	Ping Method = iota
	Store
	FindNode
	FindValue
	Stun
	Methods // number of procedures
)

var methodNames = [Methods]string{"ping", "store", "find_node", "find_value", "stun"}

// String returns the procedure's name on the wire.
func (m Method) String() string {
	if m < Methods {
		return methodNames[m]
	}
	return "unknown"
}

// Contact is a node in an answer.
type Contact struct {
	ID   ID
	Addr netip.AddrPort
}

// Request is a parsed request.
type Request struct {
	Msg    MsgID
	Method Method
	// Sender is the id claimed by the sender; zero in a stun request.
	Sender ID
	// Target is the id to look for, or the key to store under.
	Target ID
	// Value is the encoded value of a store request, part of the datagram.
	Value   []byte
	Trailer Trailer
}

// Answer is a parsed answer. The method of the request decides which fields are set.
type Answer struct {
	// ID is the answer to ping.
	ID ID
	// Stored is the answer to store. The reference answers true or not at all.
	Stored bool
	// Contacts is the answer to find_node, and to find_value without a value. The next
	// parse reuses it.
	Contacts []Contact
	// Skipped counts contacts left out for an unusable address or id.
	Skipped int
	// Value is the answer to find_value: the encoded value, part of the datagram; nil
	// if the answer is Contacts.
	Value []byte
	// Addr is the answer to stun.
	Addr    netip.AddrPort
	Trailer Trailer
}

// Errors of parsing. They are reasons to drop a datagram; none is wrapped.
var (
	ErrShort  = errors.New("datagram too short")
	ErrKind   = errors.New("unknown kind of datagram")
	ErrMethod = errors.New("unknown procedure")
	ErrBody   = errors.New("malformed body")
	ErrArgs   = errors.New("wrong arguments")
	ErrValue  = errors.New("malformed value")
)

// Header splits a datagram into its kind, its message id and its body.
func Header(p []byte) (Kind, MsgID, []byte, error) {
	if len(p) < HeaderLen+1 {
		return 0, MsgID{}, nil, ErrShort
	}
	k := Kind(p[0])
	if k != KindRequest && k != KindAnswer {
		return 0, MsgID{}, nil, ErrKind
	}
	return k, MsgID(p[1:HeaderLen]), p[HeaderLen:], nil
}
