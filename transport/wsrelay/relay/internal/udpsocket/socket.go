package udpsocket

import (
	"errors"
	"net"
	"net/netip"
	"sync"
)

// lent is a UDP socket that a client was lent.
type Socket interface {
	// port is the port that it is bound to.
	Port() uint16

	// send sends bufs[i] to to[i] for all i, and returns how many the system
	// took, and how many bytes that is. It never waits.
	Send(bufs [][]byte, to []netip.AddrPort) (n, size int)

	// close releases the port. It may wait for a delivery that is under way.
	Close()
}

// arrivals gets what comes in over a lent socket: one datagram at a time, which is
// its own until it returns. It does not wait for anything.
type Receiver interface {
	Receive(from netip.AddrPort, p []byte)
}

// network opens sockets to lend. The tests have one without sockets.
type Network interface {
	Open(bind netip.AddrPort, to Receiver) (Socket, error)

	// close waits until nothing is delivered any more. All sockets are closed
	// before.
	Close()
}

// portable is the network of systems that have nothing better: a goroutine for
// each socket.
type goSockets struct{ readers sync.WaitGroup }

func (n *goSockets) Open(bind netip.AddrPort, to Receiver) (Socket, error) {
	c, err := net.ListenUDP(udpNetwork(bind.Addr()), net.UDPAddrFromAddrPort(bind))
	if err != nil {
		return nil, err
	}
	s := &goSocket{c}
	n.readers.Go(func() { s.read(to) })
	return s, nil
}

// udpNetwork is the name of UDP over the IP version of ip in package net.
func udpNetwork(ip netip.Addr) string {
	if ip.Is4() {
		return "udp4"
	}
	return "udp6"
}

func (n *goSockets) Close() { n.readers.Wait() }

type goSocket struct{ c *net.UDPConn }

func (s *goSocket) Port() uint16 { return s.c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (s *goSocket) Close() { s.c.Close() }

// read delivers until the socket is closed. Most of the buffer is never touched,
// and so takes no memory.
func (s *goSocket) read(to Receiver) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.c.ReadFromUDPAddrPort(buf)
		if err == nil {
			to.Receive(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n])
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
