package wsrelay

import (
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// A relay whose clients are quiet uses no processor, also after datagrams came in.
func TestIdleNetworkSleeps(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n network) {
		in := make(arrived, 1)
		s := openLent(t, n, "127.0.0.1:0", in)
		defer s.close()
		s.send([][]byte{{1}}, []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), s.port())})
		in.next(t)
		var least time.Duration
		for range 20 { // something else may be busy in this process for a moment
			before := processorTime(t)
			<-time.After(50 * time.Millisecond)
			used := processorTime(t) - before
			if used < 5*time.Millisecond {
				return
			}
			if least == 0 || used < least {
				least = used
			}
		}
		t.Errorf("an idle network used the processor for %v of 50ms at least, want next to nothing", least)
	})
}

// processorTime is how long this process has used processors.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The system keeps little for a client that does not read: room for the longest
// message, and not megabytes.
func TestKernelBuffers(t *testing.T) {
	r := startRelay(t, ServerConfig{})
	dialReal(t, Config{Relays: []string{r.url}})
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	for c := range r.server.sessions {
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
