// Package wire is the datagram format: that of the Python packages rpcudp and
// kademlia, with a trailer of our own behind it.
//
//	offset 0      1 byte    0 request, 1 answer; every other value is ignored
//	offset 1..20  20 bytes  message id, random, echoed by the answer
//	offset 21..   msgpack   request: [name, [argument, ...]]; answer: the bare result
//	behind it     msgpack   trailer: one map, which older nodes do not look at
//
// Bodies are byte for byte what u-msgpack writes. Parsing allocates nothing and
// reads nothing by a length that the datagram claims: lengths are checked
// against the bytes that are there. What a Parser returns points into the datagram.
package wire

import (
	"errors"
	"net/netip"
)

// ID is a node id or a key, 160 bits, most significant byte first.
type ID = [20]byte

// MsgID ties an answer to its request.
type MsgID = [20]byte

// HeaderLen is the length of what stands before the msgpack body.
const HeaderLen = 1 + 20

// MaxDatagram is the longest payload that one UDP datagram over IPv4 carries.
const MaxDatagram = 65507

// MaxRequest is the longest msgpack body that the reference sends in a request
// (rpcudp refuses more). It answers and accepts longer ones.
const MaxRequest = 8192

// storeOverhead is what a STORE body needs around its value: the outer array,
// the name, the inner array, and two ids of 22 bytes.
const storeOverhead = 1 + 6 + 1 + 22 + 22

// MaxValue is the longest encoded value that the reference can pass on, and so
// the longest that we send: a string or byte string of 8,137 bytes.
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
	Methods // how many there are
)

var methodNames = [Methods]string{"ping", "store", "find_node", "find_value", "stun"}

// String is the procedure's name on the wire.
func (m Method) String() string {
	if m < Methods {
		return methodNames[m]
	}
	return "unknown"
}

// Contact is a node as answers list it.
type Contact struct {
	ID   ID
	Addr netip.AddrPort
}

// Request is a parsed request.
type Request struct {
	Msg    MsgID
	Method Method
	// Sender is the id that the sender claims; zero in a stun request.
	Sender ID
	// Target is what is looked for, or the key to store under.
	Target ID
	// Value is the encoded value of a store request, part of the datagram.
	Value   []byte
	Trailer Trailer
}

// Answer is a parsed answer. Which fields hold something depends on the method
// that was asked.
type Answer struct {
	// ID is what ping gives.
	ID ID
	// Stored is what store gives. The reference says true whenever it answers.
	Stored bool
	// Contacts is what find_node and find_value give. Reused by the next parse.
	Contacts []Contact
	// Skipped counts listed contacts that are no usable address or id.
	Skipped int
	// Value is the encoded value that find_value gives, part of the datagram;
	// nil when it gave contacts instead.
	Value []byte
	// Addr is what stun gives.
	Addr    netip.AddrPort
	Trailer Trailer
}

// Errors of parsing. They say why a datagram was dropped; none is wrapped.
var (
	ErrShort  = errors.New("datagram too short")
	ErrKind   = errors.New("unknown kind of datagram")
	ErrMethod = errors.New("unknown procedure")
	ErrBody   = errors.New("malformed body")
	ErrArgs   = errors.New("wrong arguments")
	ErrValue  = errors.New("malformed value")
)

// Header splits a datagram into kind, message id and the rest.
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
