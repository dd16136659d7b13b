package webrtc

import (
	"bytes"
	"errors"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// ID is a node id.
type ID = wire.ID

// offerPrefix is what follows the header of an offer: [name, [id, nonce,
// description]] up to the id's bytes. There is one way to write it, and no other
// is read, so that a look at these bytes tells an offer from all else.
const offerPrefix = "\x92\xa6direct\x93\xc4\x14"

const bin8 = 0xc4

// nonce tells offers of a peer apart.
type nonce [8]byte

// offer is the request by which a channel begins.
type offer struct {
	msg         wire.MsgID
	from        ID
	nonce       nonce
	description description
}

var errOffer = errors.New("malformed offer")

// isOffer reports whether a datagram is an offer, be it well-formed or not.
func isOffer(p []byte) bool {
	return len(p) > wire.HeaderLen+len(offerPrefix) && wire.Kind(p[0]) == wire.KindRequest &&
		string(p[wire.HeaderLen:wire.HeaderLen+len(offerPrefix)]) == offerPrefix
}

// append appends the datagram.
func (o *offer) append(b []byte) []byte {
	b = append(append(b, byte(wire.KindRequest)), o.msg[:]...)
	b = append(append(b, offerPrefix...), o.from[:]...)
	b = append(append(b, bin8, byte(len(o.nonce))), o.nonce[:]...)
	return appendDescription(b, &o.description)
}

// parseOffer reads a datagram that isOffer. Behind the offer there may be a
// trailer, which is not looked at.
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

// parseAnswer reads the description from an answer, of which the header is known
// to be there.
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

// Messages on a channel are datagrams of the DHT, whose first byte is 0 or 1, or
// these, which have four bytes more. All others are ignored.
const (
	probe byte = 2 // please echo
	echo  byte = 3 // the bytes of a probe
)

// controlLen is the length of probes and echoes.
const controlLen = 5

// sameMsg reports whether b is the answer to the request a.
func sameMsg(a, b []byte) bool {
	return wire.Kind(a[0]) == wire.KindRequest && bytes.Equal(a[1:wire.HeaderLen], b[1:wire.HeaderLen])
}
