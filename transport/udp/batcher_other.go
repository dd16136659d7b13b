//go:build !js && !linux

package udp

// newBatcher picks how batches move here; the twin for Linux is in
// batcher_linux.go.
func newBatcher(s *single) (batcher, error) { return s, nil }
