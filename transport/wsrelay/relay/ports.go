package relay

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
)

// PortRange is a range of UDP ports, both ends included. The zero range leaves
// it to the system to choose ports.
type PortRange struct{ First, Last uint16 }

// Len is how many ports there are, or 0 if the system chooses.
func (r PortRange) Len() int {
	if r == (PortRange{}) {
		return 0
	}
	return int(r.Last) - int(r.First) + 1
}

func (r PortRange) contains(port uint16) bool { return r.First <= port && port <= r.Last }

// String is FROM-TO.
func (r PortRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// ports are the ports of one public address. A port that was given back goes to the end
// of the queue, so that datagrams for its former client reach another one as late as
// possible.
type ports struct {
	public netip.Addr
	bind   netip.Addr
	pool   PortRange
	free   []uint16 // the next one to lend first; empty if the system chooses
}

func newPorts(public, bind netip.Addr, all PortRange) *ports {
	p := &ports{public: public, bind: bind, pool: all}
	for i := range all.Len() {
		p.free = append(p.free, all.First+uint16(i))
	}
	rand.Shuffle(len(p.free), func(i, j int) { p.free[i], p.free[j] = p.free[j], p.free[i] })
	return p
}

// next takes a free port: 0 if the system chooses. It returns false if no port is free.
func (p *ports) next() (uint16, bool) {
	if p.pool.Len() == 0 {
		return 0, true
	}
	if len(p.free) == 0 {
		return 0, false
	}
	port := p.free[0]
	p.free = p.free[1:]
	return port, true
}

// take takes a certain port, and returns false if it is not free. It returns true if
// the system chooses ports, since only the system knows.
func (p *ports) take(port uint16) bool {
	if p.pool.Len() == 0 {
		return true
	}
	for i, f := range p.free {
		if f == port {
			p.free = append(p.free[:i], p.free[i+1:]...)
			return true
		}
	}
	return false
}

// giveBack makes a port free.
func (p *ports) giveBack(port uint16) {
	if p.pool.Len() > 0 && p.pool.contains(port) {
		p.free = append(p.free, port)
	}
}
