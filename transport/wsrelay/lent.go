//go:build !js

package wsrelay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// lent is a UDP socket that a client was lent.
type lent interface {
	// port is the port that it is bound to.
	port() uint16

	// send sends bufs[i] to to[i] for all i, and returns how many the system
	// took, and how many bytes that is. It never waits.
	send(bufs [][]byte, to []netip.AddrPort) (n, size int)

	// close releases the port. It may wait for a delivery that is under way.
	close()
}

// arrivals gets what comes in over a lent socket: one datagram at a time, which is
// its own until it returns. It does not wait for anything.
type arrivals interface {
	arrive(from netip.AddrPort, p []byte)
}

// network opens sockets to lend. The tests have one without sockets.
type network interface {
	open(bind netip.AddrPort, to arrivals) (lent, error)

	// close waits until nothing is delivered any more. All sockets are closed
	// before.
	close()
}

// portable is the network of systems that have nothing better: a goroutine for
// each socket.
type portable struct{ readers sync.WaitGroup }

func (n *portable) open(bind netip.AddrPort, to arrivals) (lent, error) {
	c, err := net.ListenUDP(fmt.Sprintf("udp%d", netaddr.Family(bind.Addr())), net.UDPAddrFromAddrPort(bind))
	if err != nil {
		return nil, err
	}
	s := &portableSocket{c}
	n.readers.Go(func() { s.read(to) })
	return s, nil
}

func (n *portable) close() { n.readers.Wait() }

type portableSocket struct{ c *net.UDPConn }

func (s *portableSocket) port() uint16 { return s.c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func (s *portableSocket) close() { s.c.Close() }

// read delivers until the socket is closed. Most of the buffer is never touched,
// and so takes no memory.
func (s *portableSocket) read(to arrivals) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := s.c.ReadFromUDPAddrPort(buf)
		if err == nil {
			to.arrive(netaddr.Unmap(from), buf[:n])
		} else if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (s *portableSocket) send(bufs [][]byte, to []netip.AddrPort) (n, size int) {
	for i, b := range bufs {
		if _, err := s.c.WriteToUDPAddrPort(b, to[i]); err == nil {
			n++
			size += len(b)
		}
	}
	return n, size
}
