//go:build !js

package webrtc

import "testing"

// A channel that is stopped does not wait for the end of its gathering, which may never
// come. To stop it twice does no harm.
func TestStopEndsTheWaitForGathering(t *testing.T) {
	l := &link{gone: make(chan struct{})}
	d := &pion{links: map[chanID]*link{7: l}}
	d.stop(7)
	d.stop(7)
	select {
	case <-l.gone:
	default:
		t.Error("the channel is stopped, and still waits")
	}
}
