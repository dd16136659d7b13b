package sim

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// leaveLater kills a node when its lifetime, drawn from life, is over. A new node with
// a lifetime of its own replaces it.
func (r *run) leaveLater(slot int, life Weibull) {
	r.After(life.draw(r.rand.Uint64()), func() {
		tick := r.nodes[slot].tick
		r.Kill(slot)
		r.Left++
		r.addMortal(life, tick)
	})
}

// addMortal adds a node that joins and leaves later. tick is its node.tick.
func (r *run) addMortal(life Weibull, tick time.Duration) {
	slot := r.Add()
	r.nodes[slot].tick = tick
	r.Join(slot, r.seeds(slot), nil)
	r.leaveLater(slot, life)
}

// churn gives each present node a lifetime.
func (r *run) churn(life Weibull) {
	for _, slot := range append([]int32(nil), r.alive...) {
		r.leaveLater(int(slot), life)
	}
}

// holders returns the mean number of nodes that hold a key, cached copies aside, and
// how many keys no node holds at all.
func (r *run) holders() (mean float64, lost int) {
	copies := make(map[core.ID]int)
	sum := 0
	for _, slot := range r.alive {
		if e := r.engine(int(slot)); e != nil {
			e.Records(r.time(), func(key core.ID, rec core.Record) bool {
				copies[key]++
				if !rec.Cached {
					sum++
				}
				return true
			})
		}
	}
	for i, key := range r.keys {
		if copies[key] == 0 && !slices.Contains(r.unstored, i) {
			lost++
		}
	}
	return float64(sum) / float64(len(r.keys)), lost
}

// storeCounter counts republications: a node that sends STOREs of one key to at least
// k/2 nodes within burstTime. Transfers of a record to newcomers are slower and do not
// count.
type storeCounter struct {
	n           *Network
	parse       *wire.Parser
	bursts      map[storeKey]burst
	republished int
}

// burstTime is the time in which a republication sends its STOREs.
const burstTime = 30 * time.Second

// burst is the STOREs of one node for one key since a time.
type burst struct {
	from time.Duration
	sent int
}

// storeKey is a node, by slot, and a key.
type storeKey struct {
	from int
	key  core.ID
}

// count looks at one datagram sent.
func (s *storeCounter) count(from, _ int, datagram []byte) {
	const name = "\x92\xa5store" // beginning of a STORE's body
	if len(datagram) < wire.HeaderLen+len(name) || string(datagram[wire.HeaderLen:][:len(name)]) != name {
		return
	}
	var q wire.Request
	if s.parse.Request(datagram[wire.HeaderLen:], &q) != nil {
		return
	}
	key := storeKey{from, q.Target}
	b := s.bursts[key]
	now := s.n.laneOf(from).now
	if b.sent == 0 || now > b.from+burstTime {
		b = burst{from: now}
	}
	if b.sent++; b.sent == s.n.k()/2 {
		s.republished++
	}
	s.bursts[key] = b
}

// countStores starts to count republications. The network must have one lane.
func (r *run) countStores() *storeCounter {
	s := &storeCounter{n: r.Network, parse: wire.NewParser(), bursts: make(map[storeKey]burst)}
	if len(r.lanes) > 1 {
		panic("sim: republications are counted in a network of one lane only")
	}
	r.tap = s.count
	return s
}
