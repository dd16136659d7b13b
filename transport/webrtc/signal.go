package webrtc

import (
	"bytes"
	"errors"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// ID is a node id.
type ID = wire.ID

// offerPrefix follows the header of each offer. It is the msgpack of [name, [id, nonce,
// description]] up to the bytes of id. No other encoding is read, so that these bytes
// tell offers from all other datagrams.
const offerPrefix = "\x92\xa6direct\x93\xc4\x14"

const bin8 = 0xc4

// nonce is a random number that distinguishes the offers of a peer.
type nonce [8]byte

// offer is the request that begins a channel.
type offer struct {
	msg         wire.MsgID
	from        ID
	nonce       nonce
	description description
}

var errOffer = errors.New("malformed offer")

// isOffer reports whether a datagram is an offer, well-formed or not.
func isOffer(p []byte) bool {
	return len(p) > wire.HeaderLen+len(offerPrefix) && wire.Kind(p[0]) == wire.KindRequest &&
		string(p[wire.HeaderLen:wire.HeaderLen+len(offerPrefix)]) == offerPrefix
}

// append appends the datagram of o.
func (o *offer) append(b []byte) []byte {
	b = append(append(b, byte(wire.KindRequest)), o.msg[:]...)
	b = append(append(b, offerPrefix...), o.from[:]...)
	b = append(append(b, bin8, byte(len(o.nonce))), o.nonce[:]...)
	return appendDescription(b, &o.description)
}

// parseOffer parses a datagram for which isOffer is true. It ignores bytes behind the
// offer, such as a trailer.
func parseOffer(p []byte) (offer, error) {
	o := offer{msg: wire.MsgID(p[1:wire.HeaderLen])}
	p = p[wire.HeaderLen+len(offerPrefix):]
	if len(p) < len(o.from)+2+len(o.nonce) {
		return o, errOffer
	}
	p = p[copy(o.from[:], p):]
	if p[0] != bin8 || int(p[1]) != len(o.nonce) {
		return o, errOffer
	}
	p = p[2+copy(o.nonce[:], p[2:]):]
	var err error
	o.description, err = cutDescription(p)
	if o.description.role != actpass {
		return o, errOffer
	}
	return o, err
}

// appendAnswer appends the datagram that answers an offer.
func appendAnswer(b []byte, msg wire.MsgID, d *description) []byte {
	b = append(append(b, byte(wire.KindAnswer)), msg[:]...)
	return appendDescription(b, d)
}

// parseAnswer parses the description of an answer that has a complete header.
func parseAnswer(p []byte) (description, error) {
	d, err := cutDescription(p[wire.HeaderLen:])
	if err == nil && d.role == actpass {
		err = errDescription
	}
	return d, err
}

func appendDescription(b []byte, d *description) []byte {
	b = append(b, bin8, 0)
	start := len(b)
	b = d.append(b)
	b[start-1] = byte(len(b) - start)
	return b
}

func cutDescription(p []byte) (description, error) {
	if len(p) < 2 || p[0] != bin8 || int(p[1]) > len(p)-2 {
		return description{}, errDescription
	}
	return parseDescription(p[2 : 2+int(p[1])])
}

// First bytes of the control messages on a channel, which have four bytes more. The
// first byte of a datagram of the DHT is 0 or 1. All other messages are ignored.
const (
	probe byte = 2 // to be echoed
	echo  byte = 3 // with the four bytes of a probe
)

// controlLen is the length of probes and echoes.
const controlLen = 5

// sameMsg reports whether b is the answer to the request a.
func sameMsg(a, b []byte) bool {
	return wire.Kind(a[0]) == wire.KindRequest && bytes.Equal(a[1:wire.HeaderLen], b[1:wire.HeaderLen])
}
