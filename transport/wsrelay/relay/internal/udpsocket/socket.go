// Package udpsocket opens the UDP sockets that a relay lends: one for each client, at
// as little memory as the system allows for a socket that waits.
package udpsocket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Socket is a UDP socket.
type Socket interface {
	// Port is the port that the socket is bound to.
	Port() uint16

	// Send sends bufs[i] to to[i] for all i, without waiting. It returns how many
	// datagrams the system took, and their bytes.
	Send(bufs [][]byte, to []netip.AddrPort) (n, size int)

	// Close frees the port. It waits for a call of Receive that is under way.
	Close()
}

// Receiver receives the datagrams of one socket, one at a time. It may use p until it
// returns, and must not wait for anything.
type Receiver interface {
	Receive(from netip.AddrPort, p []byte)
}

// Network opens sockets. Tests have a Network in memory.
type Network interface {
	Open(bind netip.AddrPort, to Receiver) (Socket, error)

	// Close waits until no datagram is delivered any more. All sockets must be
	// closed before.
	Close()
}

// goSockets is a Network of package net's sockets, with a goroutine for each. It is
// for systems without a better way.
type goSockets struct{ readers sync.WaitGroup }

func (n *goSockets) Open(bind netip.AddrPort, to Receiver) (Socket, error) {
	c, err := net.ListenUDP(fmt.Sprintf("udp%d", netaddr.Family(bind.Addr())), net.UDPAddrFromAddrPort(bind))
	if err != nil {
		return nil, err
	}
	s := &goSocket{c}
	n.readers.Go(func() { s.read(to) })
	return s, nil
}

func (n *goSockets) Close() { n.readers.Wait() }

type goSocket struct{ c *net.UDPConn }

func (s *goSocket) Port() uint16 { return s.c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (s *goSocket) Close() { s.c.Close() }

// read delivers datagrams until the socket is closed. The system gives memory only
// to the part of the buffer that is used.
func (s *goSocket) read(to Receiver) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.c.ReadFromUDPAddrPort(buf)
		if err == nil {
			to.Receive(netaddr.Unmap(from), buf[:n])
		} else if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (s *goSocket) Send(bufs [][]byte, to []netip.AddrPort) (n, size int) {
	for i, b := range bufs {
		if _, err := s.c.WriteToUDPAddrPort(b, to[i]); err == nil {
			n++
			size += len(b)
		}
	}
	return n, size
}
