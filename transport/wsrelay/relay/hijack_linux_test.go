package relay

import (
	"syscall"
	"testing"

	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// The system keeps little for a client that does not read: room for the longest
// message, and not megabytes.
func TestKernelBuffers(t *testing.T) {
	r := startRelay(t, Config{})
	dialReal(t, wsrelay.Config{Relays: []string{r.url}})
	r.server.connections.mu.Lock()
	defer r.server.connections.mu.Unlock()
	for c := range r.server.connections.sessions {
		raw, err := bottom(c.conn).(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for name, option := range map[string]int{"send": syscall.SO_SNDBUF, "receive": syscall.SO_RCVBUF} {
			var size int
			var got error
			if err := raw.Control(func(fd uintptr) {
				size, got = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option)
			}); err != nil || got != nil {
				t.Fatal(err, got)
			}
			size /= 2 // Linux counts its own structures as well, and doubles what it is told
			if size < 64<<10 || size > 128<<10 {
				t.Errorf("%s buffer of %d bytes, want 64 to 128 KiB", name, size)
			}
		}
	}
}
