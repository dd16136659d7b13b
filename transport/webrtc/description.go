package webrtc

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// maxCandidates is the maximum number of candidates in a description.
const maxCandidates = 8

// Lengths of ICE user name fragments and passwords, in bytes. RFC 8839, section 5.4, has
// the lower bounds. Browsers and pion keep within the upper ones.
const (
	minUfrag, maxUfrag = 4, 16
	minPwd, maxPwd     = 22, 32
)

// maxDescription is the longest description, in bytes.
const maxDescription = 1 + 1 + maxUfrag + 1 + maxPwd + 32 + maxCandidates*(1+16+2)

// version is the upper half of a description's first byte.
const version = 1 << 4

// role is a side's part in the DTLS handshake (RFC 8842, section 5).
type role uint8

const (
	actpass role = iota // either, in offers
	active
	passive
	roles
)

// description is the variable part of an SDP offer or answer. docs/webrtc.md specifies
// its encoding.
type description struct {
	role        role
	ufrag, pwd  string // of ICE
	fingerprint [32]byte
	candidates  []candidate
}

// candidate is an address of one end of a channel.
type candidate struct {
	kind candidateKind
	ip   netip.Addr // for mdns the 16 bytes of the UUID; not valid for portOnly
	port uint16
}

// candidateKind is the first byte of a candidate.
type candidateKind byte

const (
	portOnly candidateKind = 0  // the port, at the IP address of the description's sender
	ipv4     candidateKind = 4  // IPv4 address and port
	ipv6     candidateKind = 6  // IPv6 address and port
	mdns     candidateKind = 16 // UUID.local, a multicast DNS name, and port
)

// candidateAt returns the candidate candidateAt an address.
func candidateAt(a netip.AddrPort) candidate {
	ip := a.Addr().Unmap().WithZone("")
	if ip.Is4() {
		return candidate{ipv4, ip, a.Port()}
	}
	return candidate{ipv6, ip, a.Port()}
}

var errDescription = errors.New("malformed description")

// append appends the encoding of d.
func (d *description) append(b []byte) []byte {
	b = append(b, version|byte(d.role))
	b = append(append(b, byte(len(d.ufrag))), d.ufrag...)
	b = append(append(b, byte(len(d.pwd))), d.pwd...)
	b = append(b, d.fingerprint[:]...)
	for _, c := range d.candidates {
		b = append(b, byte(c.kind))
		switch c.kind {
		case ipv4:
			ip := c.ip.As4()
			b = append(b, ip[:]...)
		case ipv6, mdns:
			ip := c.ip.As16()
			b = append(b, ip[:]...)
		}
		b = binary.BigEndian.AppendUint16(b, c.port)
	}
	return b
}

// parseDescription decodes a description. It accepts exactly the outputs of append. The
// result shares no memory with b.
func parseDescription(b []byte) (description, error) {
	var d description
	if len(b) == 0 || len(b) > maxDescription || b[0]&^0x0f != version || role(b[0]&0x0f) >= roles {
		return d, errDescription
	}
	d.role = role(b[0] & 0x0f)
	b = b[1:]
	var ok bool
	if d.ufrag, b, ok = cutText(b, minUfrag, maxUfrag); !ok {
		return d, errDescription
	}
	if d.pwd, b, ok = cutText(b, minPwd, maxPwd); !ok || len(b) < len(d.fingerprint) {
		return d, errDescription
	}
	b = b[copy(d.fingerprint[:], b):]
	for len(b) > 0 {
		var c candidate
		if c, b, ok = cutCandidate(b); !ok || len(d.candidates) == maxCandidates {
			return d, errDescription
		}
		d.candidates = append(d.candidates, c)
	}
	return d, nil
}

// cutText cuts a length and a text of ICE characters off b.
func cutText(b []byte, least, most int) (string, []byte, bool) {
	if len(b) == 0 {
		return "", nil, false
	}
	n := int(b[0])
	if n < least || n > most || n > len(b)-1 {
		return "", nil, false
	}
	s := string(b[1 : 1+n])
	return s, b[1+n:], isICE(s)
}

// isICE reports whether s consists of ICE characters (RFC 8839, section 5.4). Others
// could end a line of SDP.
func isICE(s string) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !(c >= '0' && c <= '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// cutCandidate cuts a candidate off b, which is not empty.
func cutCandidate(b []byte) (candidate, []byte, bool) {
	c := candidate{kind: candidateKind(b[0])}
	b = b[1:]
	size := 0
	switch c.kind {
	case portOnly:
	case ipv4:
		size = 4
	case ipv6, mdns:
		size = 16
	default:
		return c, nil, false
	}
	if len(b) < size+2 {
		return c, nil, false
	}
	if size > 0 {
		c.ip, _ = netip.AddrFromSlice(b[:size])
	}
	c.port = binary.BigEndian.Uint16(b[size:])
	return c, b[size+2:], c.port != 0 && !(c.kind == ipv6 && c.ip.Is4In6())
}
