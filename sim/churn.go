package sim

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// leaveLater lets a node leave without a farewell when its time is up, and another one
// come in its place, and so on.
func (r *run) leaveLater(slot int, life Weibull) {
	r.After(life.draw(r.rand.Uint64()), func() {
		tick := r.nodes[slot].tick
		r.Kill(slot)
		r.Left++
		r.addMortal(life, tick)
	})
}

// addMortal adds a node that joins, and stays for as long as it may.
func (r *run) addMortal(life Weibull, tick time.Duration) {
	slot := r.Add()
	r.nodes[slot].tick = tick
	r.Join(slot, r.seeds(slot), nil)
	r.leaveLater(slot, life)
}

// churn lets all nodes that are there come and go.
func (r *run) churn(life Weibull) {
	for _, slot := range append([]int32(nil), r.alive...) {
		r.leaveLater(int(slot), life)
	}
}

// holders returns how many nodes hold each key as one of the nearest to it, and how
// many keys nobody holds at all.
func (r *run) holders() (mean float64, lost int) {
	holders := make(map[core.ID]int)
	sum := 0
	for _, slot := range r.alive {
		if e := r.engine(int(slot)); e != nil {
			e.Records(r.time(), func(key core.ID, rec core.Record) bool {
				holders[key]++
				if !rec.Cached {
					sum++
				}
				return true
			})
		}
	}
	for i, key := range r.keys {
		if holders[key] == 0 && !slices.Contains(r.unstored, i) {
			lost++
		}
	}
	return float64(sum) / float64(len(r.keys)), lost
}

// storeCounter counts how often somebody stores a value on at least half of k nodes
// within burstTime: who hands it to newcomers takes longer.
type storeCounter struct {
	n           *Network
	parse       *wire.Parser
	bursts      map[storeKey]burst
	republished int
}

const burstTime = 30 * time.Second

type burst struct {
	from time.Duration
	sent int
}

type storeKey struct {
	from int
	key  core.ID
}

func (s *storeCounter) count(from, _ int, datagram []byte) {
	const name = "\x92\xa5store" // what a STORE's body begins with
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

// countStores begins to count who republishes.
func (r *run) countStores() *storeCounter {
	s := &storeCounter{n: r.Network, parse: wire.NewParser(), bursts: make(map[storeKey]burst)}
	if len(r.lanes) > 1 {
		panic("what is sent can be watched in one lane only")
	}
	r.tap = s.count
	return s
}
