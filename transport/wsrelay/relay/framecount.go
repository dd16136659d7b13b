package relay

import "encoding/binary"

// frameCounter counts the frames of a WebSocket in the bytes of a client (RFC 6455,
// section 5.2). Pings and fragments are work for the relay that package websocket does
// not report. The zero value waits for the first frame.
type frameCounter struct {
	header [maxClientHeaderLen]byte // the first n bytes have come
	n      int
	skip   uint64 // bytes of payload still to come
}

// maxClientHeaderLen is the length of the longest header of a frame from a client.
const maxClientHeaderLen = maxHeaderLen + 4

// count returns how many frames begin their payload in b, the next bytes of the
// stream.
func (f *frameCounter) count(b []byte) (begun int) {
	for len(b) > 0 {
		if f.skip > 0 {
			n := min(f.skip, uint64(len(b)))
			f.skip -= n
			b = b[n:]
			continue
		}
		f.header[f.n] = b[0]
		f.n++
		b = b[1:]
		if f.n >= 2 && f.n == f.headerLen() {
			f.skip = f.payloadLen()
			f.n = 0
			begun++
		}
	}
	return begun
}

// headerLen is the length of the header. At least two bytes of it must have come.
func (f *frameCounter) headerLen() int {
	n := 2
	switch f.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.header[1]&0x80 != 0 {
		n += 4 // the mask
	}
	return n
}

// payloadLen is the length of the payload, according to a complete header.
func (f *frameCounter) payloadLen() uint64 {
	switch n := f.header[1] & 0x7f; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.header[2:])
	default:
		return uint64(n)
	}
}
