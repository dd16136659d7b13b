package limit

import (
	"sync"
	"time"
)

// A proof holds for one to two of provenTime, and not as long if there are more than
// maxProven, at 20 bytes each.
const (
	provenTime = time.Hour
	maxProven  = 1 << 17

	// maxProvenPerNetwork bounds the proofs for the ports of one IPv4 address, or the
	// hosts of one IPv6 /48. Without it one host could push out all other proofs.
	maxProvenPerNetwork = 2048
)

// provenAddrs holds the keys of addresses that have answered a client, for all
// clients, in two generations. A proof in use does not move to the young generation:
// the address must answer again.
type provenAddrs struct {
	mu         sync.Mutex // guards all
	young, old map[uint64]struct{}
	perNetwork [1 << 14]uint16 // young proofs by network; networks may share a place
	rotated    time.Duration
}

func (p *provenAddrs) has(now time.Duration, key uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rotate(now)
	if _, ok := p.young[key]; ok {
		return true
	}
	_, ok := p.old[key]
	return ok
}

// add notes that the address of a key has answered, unless its network has too many
// proofs. network is the network's key.
func (p *provenAddrs) add(now time.Duration, key, network uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rotate(now)
	if p.young == nil {
		p.young = make(map[uint64]struct{})
	}
	n := &p.perNetwork[network%uint64(len(p.perNetwork))]
	if _, known := p.young[key]; known || *n >= maxProvenPerNetwork {
		return
	}
	*n++
	p.young[key] = struct{}{}
	if len(p.young) >= maxProven {
		p.age()
	}
}

// rotate begins a new generation when it is time. The caller holds p.mu.
func (p *provenAddrs) rotate(now time.Duration) {
	if now-p.rotated < provenTime {
		return
	}
	if now-p.rotated >= 2*provenTime {
		p.young = nil
	}
	p.age()
	p.rotated = now
}

// age makes the young generation the old one.
func (p *provenAddrs) age() {
	p.old, p.young = p.young, nil
	clear(p.perNetwork[:])
}
