//go:build !js

package udp

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// newBatcher returns the batcher of this system. The twin for other systems is in
// batcher_other.go.
func newBatcher(s *single) (batcher, error) {
	raw, err := s.sock.SyscallConn()
	if err != nil {
		return nil, err
	}
	m := &multi{
		single: s,
		raw:    raw,
		v6:     s.sock.LocalAddr().(*net.UDPAddr).IP.To4() == nil,
		zones:  make(map[uint32]string),
	}
	m.recv, m.send = m.in.recv, m.out.send
	return m, nil
}

// multi moves many datagrams per system call: recvmmsg and sendmmsg, waiting in
// Go's poller. Once its vectors have grown to the caller's batches, it allocates
// nothing.
type multi struct {
	single *single
	raw    syscall.RawConn
	v6     bool // the socket's family, which destinations must be written in

	in    vector            // of the one reader
	zones map[uint32]string // interface names by index, of the one reader

	mu  sync.Mutex // guards out
	out vector

	// in.recv and out.send, bound once: to bind at each call would allocate.
	recv, send func(fd uintptr) bool
}

func (m *multi) read(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	v := &m.in
	for {
		v.load(bufs)
		err := m.raw.Read(m.recv)
		v.unload()
		if err != nil {
			return 0, err
		}
		if v.errno != 0 {
			return 0, os.NewSyscallError("recvmmsg", v.errno)
		}
		if n := m.deliver(bufs, sizes, from); n > 0 {
			return n, nil
		}
	}
}

// deliver reports the datagrams that in has received and returns their number. It
// leaves out cut datagrams, and moves the contents of later ones forward: the order of
// the caller's buffers stays as it is.
func (m *multi) deliver(bufs [][]byte, sizes []int, from []netip.AddrPort) int {
	n := 0
	for i := range m.in.done {
		size, whole := m.in.size(i)
		if !whole || size > len(bufs[n]) {
			continue
		}
		if n < i {
			copy(bufs[n], bufs[i][:size])
		}
		addr, scope := decode(&m.in.names[i])
		if scope != 0 {
			addr = netip.AddrPortFrom(addr.Addr().WithZone(m.zone(scope)), addr.Port())
		}
		sizes[n], from[n] = size, addr
		n++
	}
	return n
}

// zone is the name of the interface with the given index, or the index in
// decimal once the interface is gone. Both work as a zone on the way out.
func (m *multi) zone(index uint32) string {
	if name, ok := m.zones[index]; ok {
		return name
	}
	ifi, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return strconv.FormatUint(uint64(index), 10)
	}
	m.zones[index] = ifi.Name
	return ifi.Name
}

// write leaves two cases to single: one datagram alone, since sendmmsg saves nothing
// then, and addresses with a zone, since package net knows its interface index.
func (m *multi) write(bufs [][]byte, to []netip.AddrPort) (int, error) {
	if len(bufs) < 2 || slices.ContainsFunc(to, zoned) {
		return m.single.write(bufs, to)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v := &m.out
	v.load(bufs)
	for i := range bufs {
		v.msgs[i].hdr.Namelen = encode(&v.names[i], to[i], m.v6)
	}
	err := m.raw.Write(m.send)
	v.unload()
	switch {
	case err != nil:
		return v.sent, sendError(to[v.done], err)
	case v.errno != 0:
		return v.sent, sendError(to[v.failed], os.NewSyscallError("sendmmsg", v.errno))
	}
	return v.sent, nil
}

// zoned reports whether addr names an interface.
func zoned(addr netip.AddrPort) bool { return addr.Addr().Zone() != "" }
