//go:build !js

// Package udp carries datagrams over a UDP socket, many per system call where
// the system offers that. Its Conn is the core.Conn of native nodes. A browser
// has no UDP, so importing this package there fails to build.
package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

const (
	// maxDatagram bounds the bytes of a datagram: UDP counts its own 8 bytes of
	// header in a 16-bit length (RFC 768).
	maxDatagram = 1<<16 - 1 - 8

	// Bytes of kernel buffer to ask for in each direction, and the least that is
	// worth asking for. A reader that is busy for a moment loses nothing as long
	// as the buffer lasts.
	maxSocketBuffer = 4 << 20
	minSocketBuffer = 256 << 10
)

// Conn is one bound UDP socket. It has no goroutine of its own.
type Conn struct {
	sock  *net.UDPConn
	local netip.AddrPort
	io    batcher
}

// batcher moves batches over one socket, in the terms of Conn.ReadBatch and
// Conn.WriteBatch. single works everywhere, multi only on Linux.
type batcher interface {
	read(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error)
	write(bufs [][]byte, to []netip.AddrPort) (int, error)
}

// Listen binds a UDP socket to addr; port 0 takes a free one.
//
// [::] takes IPv4 as well, where the system allows it. Every other address takes
// its own family only, 0.0.0.0 too. The kernel buffers are made as large as the
// system grants, up to 4 MiB each.
func Listen(addr netip.AddrPort) (*Conn, error) {
	return listen(addr, newBatcher)
}

// listen is Listen with a choice of how batches are moved.
func listen(addr netip.AddrPort, via func(*single) (batcher, error)) (*Conn, error) {
	if !addr.IsValid() {
		return nil, fmt.Errorf("listen on %v: no IP address", addr)
	}
	addr = netaddr.Unmap(addr)
	if addr.Addr().IsMulticast() {
		// Package net would listen on all addresses instead.
		return nil, fmt.Errorf("listen on %v: a multicast address cannot be a node's own", addr)
	}
	sock, err := net.ListenUDP(network(addr.Addr()), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("listen on %v: %w", addr, cause(err))
	}
	enlarge(sock.SetReadBuffer)
	enlarge(sock.SetWriteBuffer)
	io, err := via(&single{sock: sock})
	if err != nil {
		sock.Close()
		return nil, fmt.Errorf("listen on %v: %w", addr, cause(err))
	}
	local := sock.LocalAddr().(*net.UDPAddr).AddrPort()
	return &Conn{sock: sock, local: local, io: io}, nil
}

// network is the name under which package net binds ip with the right family.
// Its "udp" makes even 0.0.0.0 dual stack, and leaves it to the system whether a
// socket bound to one IPv6 address may try to send IPv4.
func network(ip netip.Addr) string {
	switch {
	case ip.Is4():
		return "udp4"
	case ip.IsUnspecified():
		return "udp"
	default:
		return "udp6"
	}
}

// enlarge sets a kernel buffer to the largest size that is granted. Linux trims
// a request that is too large, other systems refuse it.
func enlarge(set func(bytes int) error) {
	for size := maxSocketBuffer; size >= minSocketBuffer; size /= 2 {
		if set(size) == nil {
			return
		}
	}
}

// ReadBatch waits for at least one datagram and fills in as many as are there:
// bufs[i][:sizes[i]] came from from[i], for each i below the result. The three
// slices have the same length, which is at least one. A datagram longer than its
// buffer is dropped. Addresses are never v4-mapped; link-local ones carry the
// zone that answers need. One goroutine at a time may call it, besides writers.
//
// After Close it returns an error that wraps net.ErrClosed. Every other error is
// temporary.
func (c *Conn) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	n, err := c.io.read(bufs, sizes, from)
	if err != nil {
		return 0, fmt.Errorf("receive on %v: %w", c.local, cause(err))
	}
	return n, nil
}

// WriteBatch sends bufs[i] to to[i] for all i, in no promised order, and returns the
// number of datagrams that the kernel took. It waits while the kernel's buffer is full.
// It skips a datagram that cannot be sent, tries all others, and then returns the first
// such error. It keeps none of the slices and may be called from several goroutines at
// once.
//
// After Close it returns an error that wraps net.ErrClosed.
func (c *Conn) WriteBatch(bufs [][]byte, to []netip.AddrPort) (int, error) {
	return c.io.write(bufs, to)
}

// LocalAddr returns the address that the socket is bound to. Its IP is unspecified for
// a socket that listens on all addresses.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// Close releases the socket and ends calls that wait. A second Close returns an
// error that wraps net.ErrClosed.
func (c *Conn) Close() error {
	if err := c.sock.Close(); err != nil {
		return fmt.Errorf("close %v: %w", c.local, cause(err))
	}
	return nil
}

// sendError says which datagram was not sent, and why.
func sendError(to netip.AddrPort, err error) error {
	return fmt.Errorf("send to %v: %w", to, cause(err))
}

// cause returns the error inside a net.OpError. The operation and the addresses are
// left out: this package's messages already have them.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
