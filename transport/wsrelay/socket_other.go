//go:build !js && !linux

package wsrelay

// newNetwork picks how lent sockets are read here; the twin for Linux is in
// lent_linux.go.
func newNetwork() (network, error) { return new(portable), nil }
