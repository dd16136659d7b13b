package relay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// listInterval is how often the addresses of the machine are listed.
const listInterval = time.Minute

// hostAddrs has the addresses of the relay's machine. Some come and go while the relay
// runs. Clients must not reach the services behind them.
type hostAddrs struct {
	fixed []netip.Addr                 // public and bind addresses, known from the start
	list  func() ([]netip.Addr, error) // lists the present addresses

	found    atomic.Pointer[[]netip.Addr]
	nextList atomic.Int64 // when to list again, as a time.Duration since the relay's start
}

// init sets the addresses that never change, and the first list of the others.
func (h *hostAddrs) init(fixed, found []netip.Addr) {
	h.fixed, h.list = fixed, localAddrs
	h.found.Store(&found)
	h.nextList.Store(int64(listInterval))
}

// has reports whether ip is an address of the machine. It is called for each datagram.
// One call in a minute lists the addresses again, and other calls do not wait for it. If
// the listing fails, the last list stays valid.
func (h *hostAddrs) has(now time.Duration, ip netip.Addr) bool {
	if due := h.nextList.Load(); int64(now) >= due && h.nextList.CompareAndSwap(due, int64(now+listInterval)) {
		if list, err := h.list(); err == nil {
			h.found.Store(&list)
		}
	}
	return slices.Contains(h.fixed, ip) || slices.Contains(*h.found.Load(), ip)
}

// localAddrs lists the addresses of this machine.
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
