package relay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// listInterval is for how long what a machine is known to have counts.
const listInterval = time.Minute

// machine knows the addresses of the relay's machine, of which some come and go
// while the relay runs: behind them are services that clients must not reach.
type hostAddrs struct {
	fixed []netip.Addr                 // those that it is told of
	list  func() ([]netip.Addr, error) // those that it has now

	found    atomic.Pointer[[]netip.Addr]
	nextList atomic.Int64 // when to list them again, as a time.Duration since the relay's start
}

// init sets the addresses that never change, and those found now.
func (h *hostAddrs) init(fixed, found []netip.Addr) {
	h.fixed, h.list = fixed, localAddrs
	h.found.Store(&found)
	h.nextList.Store(int64(listInterval))
}

// has reports whether ip is one of theh. It is called for each datagram: one of the
// calls in a minute lists them again, and the others do not wait for it. While that
// fails, those from before count.
func (h *hostAddrs) has(now time.Duration, ip netip.Addr) bool {
	if due := h.nextList.Load(); int64(now) >= due && h.nextList.CompareAndSwap(due, int64(now+listInterval)) {
		if list, err := h.list(); err == nil {
			h.found.Store(&list)
		}
	}
	return slices.Contains(h.fixed, ip) || slices.Contains(*h.found.Load(), ip)
}

// localAddrs are the addresses of this machine.
func localAddrs() ([]netip.Addr, error) {
	nets, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of this machine: %w", err)
	}
	var list []netip.Addr
	for _, n := range nets {
		if p, err := netip.ParsePrefix(n.String()); err == nil {
			list = append(list, p.Addr().Unmap().WithZone(""))
		}
	}
	return list, nil
}
