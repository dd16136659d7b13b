// Package netns makes hosts for tests: network namespaces of this machine whose only way
// out is a TUN device. The test holds the other end, and takes packets from host to host
// with any delay or loss. The kernel needs no netem for that.
package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"
)

// Host is a network namespace with one address, or a device of the test's own
// namespace.
type Host struct {
	Name string // of the namespace; empty for the test's own
	Addr netip.Addr
	// TUN gives the IP packets that the host sends, one for each Read, and takes packets
	// for the host.
	TUN *os.File
}

// Available returns nil where there can be hosts, or the reason why not. They take root,
// the program ip, and TUN devices.
func Available() error {
	if os.Geteuid() != 0 {
		return errors.New("namespaces take root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return errors.New("there is no program ip: install iproute2")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("the kernel has no TUN devices: %w", err)
	}
	return nil
}

// New makes a host with the address of p, which reaches the rest of p through the device.
// An empty name stands for the test's own namespace.
func New(name, device string, p netip.Prefix) (h *Host, err error) {
	h = &Host{Name: name, Addr: p.Addr()}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	var in []string // where ip works
	if name != "" {
		if err := run("netns", "add", name); err != nil {
			h.Name = ""
			return nil, err
		}
		in = []string{"-n", name}
	}
	if h.TUN, err = openTUN(device); err != nil {
		return nil, err
	}
	if name != "" {
		if err := run("link", "set", device, "netns", name); err != nil {
			return nil, err
		}
		if err := run("-n", name, "link", "set", "lo", "up"); err != nil {
			return nil, err
		}
	}
	if err := run(append(in, "addr", "add", p.String(), "dev", device)...); err != nil {
		return nil, err
	}
	return h, run(append(in, "link", "set", device, "up")...)
}

// Command returns the command that runs a program on the host. The process is the
// program itself, so that signals reach it.
func (h *Host) Command(program string, args ...string) *exec.Cmd {
	if h.Name == "" {
		return exec.Command(program, args...)
	}
	return exec.Command("ip", append([]string{"netns", "exec", h.Name, program}, args...)...)
}

// Close removes the host. It ends no process on it.
func (h *Host) Close() {
	if h.TUN != nil {
		h.TUN.Close()
	}
	if h.Name != "" {
		run("netns", "del", h.Name)
	}
}

// Destination returns the address that an IPv4 packet goes to.
func Destination(packet []byte) (netip.Addr, bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(packet[16:20])), true
}

// openTUN makes a TUN device, which lasts until it is closed.
func openTUN(device string) (*os.File, error) {
	fd, err := syscall.Open("/dev/net/tun", syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	var request struct { // struct ifreq
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], device)
	request.flags = syscall.IFF_TUN | syscall.IFF_NO_PI
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		syscall.Close(fd)
		return nil, fmt.Errorf("make TUN device %s: %w", device, errno)
	}
	return os.NewFile(uintptr(fd), device), nil
}

func run(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
