//go:build !js

package udp

import (
	"net"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// single moves one datagram per system call, with package net alone. It is the
// batcher of systems that have nothing better.
type single struct {
	sock *net.UDPConn

	// spare has room for any datagram, so that nothing is cut on the way in:
	// systems report a cut in different ways, or not at all. Made by the first
	// read and used by the one reader only.
	spare []byte
}

// read returns one datagram, always in bufs[0]: package net cannot ask whether
// more are there without waiting for them.
func (s *single) read(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	if s.spare == nil {
		s.spare = make([]byte, maxDatagram)
	}
	for {
		n, addr, err := s.sock.ReadFromUDPAddrPort(s.spare)
		if err != nil {
			return 0, err
		}
		if n <= len(bufs[0]) {
			sizes[0], from[0] = copy(bufs[0], s.spare[:n]), netaddr.Unmap(addr)
			return 1, nil
		}
	}
}

func (s *single) write(bufs [][]byte, to []netip.AddrPort) (int, error) {
	sent := 0
	var first error
	for i, b := range bufs {
		_, err := s.sock.WriteToUDPAddrPort(b, to[i])
		if err == nil {
			sent++
		} else if first == nil {
			first = sendError(to[i], err)
		}
	}
	return sent, first
}
