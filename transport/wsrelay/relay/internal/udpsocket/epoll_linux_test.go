package udpsocket

import (
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// A relay whose clients are quiet uses no processor, also after datagrams came in.
func TestIdleNetworkSleeps(t *testing.T) {
	eachNetwork(t, func(t *testing.T, n Network) {
		in := make(arrived, 1)
		s := openLent(t, n, "127.0.0.1:0", in)
		defer s.Close()
		s.Send([][]byte{{1}}, []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), s.Port())})
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
