package message

import (
	"encoding/binary"
	"net/netip"
)

// AppendDatagram appends one datagram to a message of KindDatagrams, and begins the
// message if b is empty. a is the address of the other end; see the package comment.
func AppendDatagram(b []byte, a netip.AddrPort, payload []byte) []byte {
	if len(b) == 0 {
		b = append(b, byte(KindDatagrams))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = appendAddr(b, a)
	return append(b, payload...)
}

// DatagramLen is how many bytes AppendDatagram adds at most for a payload of n bytes.
func DatagramLen(n int) int { return 1 + 2 + 1 + 16 + 2 + n }

// NextDatagram takes the first datagram off the body of a message. payload and rest
// are parts of body.
func NextDatagram(body []byte) (a netip.AddrPort, payload, rest []byte, err error) {
	d := decoder{b: body}
	n := int(d.u16())
	a = d.addr()
	payload = d.bytes(n)
	if d.bad {
		return netip.AddrPort{}, nil, nil, ErrMalformed
	}
	return a, payload, d.b, nil
}

// CountDatagrams returns how many datagrams the body of a message holds, or an error
// if it holds anything else.
func CountDatagrams(body []byte) (n int, err error) {
	for len(body) > 0 {
		if _, _, body, err = NextDatagram(body); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
