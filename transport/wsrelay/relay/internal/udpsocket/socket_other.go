//go:build !linux

package udpsocket

// New returns the Network of this system. The twin for Linux is in epoll_linux.go.
func New() (Network, error) { return new(goSockets), nil }
