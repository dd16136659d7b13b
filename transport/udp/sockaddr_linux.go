//go:build !js

package udp

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"
)

// encode writes addr to sa as the kernel reads it, v4-mapped on a v6 socket, and
// returns the bytes used. The zone is left out. An address that the socket cannot
// reach is written all the same, for the kernel to refuse that one message: no
// bytes for the invalid address, IPv6 for a v4 socket.
func encode(sa *syscall.RawSockaddrInet6, addr netip.AddrPort, v6 bool) uint32 {
	ip := addr.Addr().Unmap()
	if !ip.IsValid() {
		return 0
	}
	if ip.Is4() && !v6 {
		sa4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		*sa4 = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: ip.As4()}
		binary.BigEndian.PutUint16(portBytes(&sa4.Port), addr.Port())
		return syscall.SizeofSockaddrInet4
	}
	*sa = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Addr: ip.As16()}
	binary.BigEndian.PutUint16(portBytes(&sa.Port), addr.Port())
	return syscall.SizeofSockaddrInet6
}

// decode reads an address that the kernel wrote to sa, unmapped. scope is the
// interface index of a link-local address, else 0.
func decode(sa *syscall.RawSockaddrInet6) (addr netip.AddrPort, scope uint32) {
	if sa.Family == syscall.AF_INET {
		sa4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		port := binary.BigEndian.Uint16(portBytes(&sa4.Port))
		return netip.AddrPortFrom(netip.AddrFrom4(sa4.Addr), port), 0
	}
	port := binary.BigEndian.Uint16(portBytes(&sa.Port))
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), port), sa.Scope_id
}

// portBytes is the memory of a port, which is in network order on every machine.
func portBytes(port *uint16) []byte {
	return (*[2]byte)(unsafe.Pointer(port))[:]
}
