package udpsocket

import (
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// New returns the Network of this system. The twin for other systems is in
// socket_other.go.
func New() (Network, error) { return newEpoll() }

// perTurn is how many datagrams of one socket are read before another socket has its
// turn, so that a flooded socket does not hold up the others.
const perTurn = 64

// epoll reads all sockets with one goroutine. A socket that waits takes the memory of
// a struct and of a place in a map. Go's poller waits for the epoll instance, a file,
// and knows nothing of the sockets.
type epoll struct {
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu      sync.RWMutex // guards sockets
	sockets map[int32]*epollSocket
}

func newEpoll() (*epoll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	n := &epoll{
		file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{}),
		sockets: make(map[int32]*epollSocket),
	}
	if n.raw, err = n.file.SyscallConn(); err != nil {
		n.file.Close()
		return nil, err
	}
	go n.run()
	return n, nil
}

func (n *epoll) Close() {
	n.file.Close()
	<-n.done
}

// run delivers datagrams until the epoll instance is closed.
func (n *epoll) run() {
	defer close(n.done)
	var events [128]syscall.EpollEvent
	buf := make([]byte, 64<<10)
	for {
		var ready int
		err := n.raw.Read(func(fd uintptr) bool {
			var err error
			ready, err = syscall.EpollWait(int(fd), events[:], 0)
			return ready > 0 || err == syscall.EINTR
		})
		if err != nil {
			return
		}
		for _, e := range events[:max(ready, 0)] {
			n.mu.RLock()
			s := n.sockets[e.Fd]
			n.mu.RUnlock()
			if s != nil {
				s.read(buf)
			}
		}
	}
}

func (n *epoll) Open(bind netip.AddrPort, to Receiver) (Socket, error) {
	s, err := openEpollSocket(bind)
	if err != nil {
		return nil, err
	}
	s.net, s.to = n, to
	n.mu.Lock()
	n.sockets[int32(s.fd)] = s
	n.mu.Unlock()
	var added error
	err = n.raw.Control(func(epfd uintptr) {
		e := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(s.fd)}
		added = os.NewSyscallError("epoll_ctl", syscall.EpollCtl(int(epfd), syscall.EPOLL_CTL_ADD, s.fd, &e))
	})
	if err == nil {
		err = added
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// epollSocket is a Socket of an epoll.
type epollSocket struct {
	net   *epoll
	to    Receiver
	local uint16

	// mu is held for reading while fd is in use. A descriptor closed in between might
	// at once be the number of another file.
	mu sync.RWMutex
	fd int // -1 when closed
}

func openEpollSocket(bind netip.AddrPort) (*epollSocket, error) {
	var sa syscall.Sockaddr
	domain := syscall.AF_INET
	if ip := bind.Addr(); ip.Is4() {
		sa = &syscall.SockaddrInet4{Port: int(bind.Port()), Addr: ip.As4()}
	} else {
		domain = syscall.AF_INET6
		sa = &syscall.SockaddrInet6{Port: int(bind.Port()), Addr: ip.As16()}
	}
	fd, err := syscall.Socket(domain, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if domain == syscall.AF_INET6 {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1))
	}
	if err == nil {
		err = os.NewSyscallError("bind", syscall.Bind(fd, sa))
	}
	if err == nil {
		sa, err = syscall.Getsockname(fd)
		err = os.NewSyscallError("getsockname", err)
	}
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return &epollSocket{local: addrPort(sa).Port(), fd: fd}, nil
}

func (s *epollSocket) Port() uint16 { return s.local }

func (s *epollSocket) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.net.mu.Lock()
	delete(s.net.sockets, int32(s.fd))
	s.net.mu.Unlock()
	syscall.Close(s.fd) // the system also takes it out of the epoll instance
	s.fd = -1
}

// read delivers at most perTurn datagrams.
func (s *epollSocket) read(buf []byte) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return
	}
	for range perTurn {
		n, from, err := syscall.Recvfrom(s.fd, buf, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return // no more datagrams, or an ICMP error, which is of no interest
		}
		s.to.Receive(addrPort(from), buf[:n])
	}
}

func (s *epollSocket) Send(bufs [][]byte, to []netip.AddrPort) (n, size int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, 0
	}
	for i, b := range bufs {
		var sa syscall.Sockaddr
		if ip := to[i].Addr(); ip.Is4() {
			sa = &syscall.SockaddrInet4{Port: int(to[i].Port()), Addr: ip.As4()}
		} else {
			sa = &syscall.SockaddrInet6{Port: int(to[i].Port()), Addr: ip.As16()}
		}
		if syscall.Sendto(s.fd, b, 0, sa) == nil {
			n++
			size += len(b)
		}
	}
	return n, size
}

func addrPort(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}
