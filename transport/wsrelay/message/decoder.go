package message

import (
	"encoding/binary"
	"net/netip"
)

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

// decoder takes values off the front of b. A missing value makes the decoder bad, and
// reads as zero.
type decoder struct {
	b   []byte
	bad bool
}

// end returns ErrMalformed if a value was missing or not allowed, or bytes are left.
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

// addr reads an address. An IPv4 address must not be written as one of IPv6.
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
