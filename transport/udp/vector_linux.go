//go:build !js

package udp

import (
	"syscall"
	"unsafe"
)

// mmsghdr is the kernel's struct mmsghdr (recvmmsg(2)): one message and, as a
// result, its bytes.
type mmsghdr struct {
	hdr syscall.Msghdr
	len uint32
}

// vector is the argument of a recvmmsg or sendmmsg, and its result. It is meant
// to be used again and again: it grows to the largest batch and never shrinks,
// at about 110 bytes per datagram. The zero vector is ready to use.
type vector struct {
	msgs  []mmsghdr
	iovs  []syscall.Iovec            // iovs[i] is the buffer of msgs[i]
	names []syscall.RawSockaddrInet6 // names[i] is its address, of either family

	count  int           // messages loaded
	done   int           // messages received, or messages sent and skipped
	sent   int           // messages sent
	failed int           // the first message skipped; meaningful if errno is not 0
	errno  syscall.Errno // error of the message skipped, or of the receive call
}

// load points the first messages at bufs, with room for any address, and forgets
// earlier results.
func (v *vector) load(bufs [][]byte) {
	v.grow(len(bufs))
	v.count, v.done, v.sent, v.errno = len(bufs), 0, 0, 0
	for i, b := range bufs {
		v.iovs[i].Base = unsafe.SliceData(b)
		v.iovs[i].SetLen(len(b))
		v.msgs[i].hdr.Namelen = syscall.SizeofSockaddrInet6
	}
}

// grow makes room for n messages. The pointers between the parts of a message
// are set here once and for all.
func (v *vector) grow(n int) {
	if n <= len(v.msgs) {
		return
	}
	v.msgs = make([]mmsghdr, n)
	v.iovs = make([]syscall.Iovec, n)
	v.names = make([]syscall.RawSockaddrInet6, n)
	for i := range v.msgs {
		hdr := &v.msgs[i].hdr
		hdr.Name = (*byte)(unsafe.Pointer(&v.names[i]))
		hdr.Iov = &v.iovs[i]
		hdr.Iovlen = 1
	}
}

// unload lets go of the buffers; results and addresses stay.
func (v *vector) unload() { clear(v.iovs[:v.count]) }

// size returns the length in bytes of received message i. whole is false if the
// datagram did not fit into its buffer.
func (v *vector) size(i int) (bytes int, whole bool) {
	return int(v.msgs[i].len), v.msgs[i].hdr.Flags&syscall.MSG_TRUNC == 0
}

// recv receives the messages that are there. It returns false if there is none, as
// syscall.RawConn.Read expects.
func (v *vector) recv(fd uintptr) bool {
	for {
		n, errno := mmsg(syscall.SYS_RECVMMSG, fd, v.msgs[:v.count])
		switch errno {
		case 0:
			v.done = n
			return true
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			v.errno = errno
			return true
		}
	}
}

// send sends every message that can be sent. It returns false if the kernel's
// buffer is full, as syscall.RawConn.Write expects, and goes on from there when
// called again.
//
// sendmmsg stops at a message that fails, and tells why only if that message is
// the first of the call.
func (v *vector) send(fd uintptr) bool {
	for v.done < v.count {
		n, errno := mmsg(sysSendmmsg, fd, v.msgs[v.done:v.count])
		switch errno {
		case 0:
			v.done += n
			v.sent += n
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			if v.errno == 0 {
				v.failed, v.errno = v.done, errno
			}
			v.done++
		}
	}
	return true
}

// mmsg makes the system call trap, which is recvmmsg or sendmmsg, without flags or
// time-out. It returns the number of msgs moved. The kernel takes at most 1024 at once.
func mmsg(trap, fd uintptr, msgs []mmsghdr) (int, syscall.Errno) {
	first := unsafe.Pointer(unsafe.SliceData(msgs))
	n, _, errno := syscall.Syscall6(trap, fd, uintptr(first), uintptr(len(msgs)), 0, 0, 0)
	return int(n), errno
}
