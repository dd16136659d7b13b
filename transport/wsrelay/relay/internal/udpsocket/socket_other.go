//go:build !linux

package udpsocket

// newNetwork picks how lent sockets are read here; the twin for Linux is in
// lent_linux.go.
func New() (Network, error) { return new(goSockets), nil }
