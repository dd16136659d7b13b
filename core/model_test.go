package core

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// model says who should hold what, by brute force: of each key, its latest value is
// held by the k living nodes nearest to it, until its life is over.
type model struct {
	*testNet
	r      *rand.Rand
	k      int
	values map[ID]Record
	keys   []ID
	// past are the values that were replaced, for which a copy may still stand.
	past            map[ID][]Value
	found, outdated int
	extra           int // nodes that hold a record and need not
}

// P13, P14, P16, E1, E2, E4: nodes join and leave, values are set and replaced,
// and hours go by. What is set can be found by everybody all the time, though now
// and then as a copy of what was there before (P19). When nobody
// has come or gone for some hours, exactly those hold the values that should, with
// the age and the life that they should have, and nobody else takes one for its own.
func TestEngineAgainstModel(t *testing.T) {
	t.Parallel()
	seeds := 8
	if short() {
		seeds = 2
	}
	found, outdated := 0, 0
	for seed := range seeds {
		m := &model{testNet: newTestNet(t, 140), values: make(map[ID]Record), past: make(map[ID][]Value)}
		m.r = rand.New(rand.NewChaCha8([32]byte{140, byte(seed)}))
		m.delay = func(_, _ netip.AddrPort) time.Duration {
			return time.Duration(10+m.r.IntN(70)) * time.Millisecond
		}
		m.k = []int{4, 5, 8, 20}[seed%4]
		cfg := Config{K: m.k, B: []int{5, 1}[seed/4%2]}
		m.grow(2+m.r.IntN(5*m.k), cfg)
		for era := range 3 {
			for range 30 {
				m.act(cfg)
				m.run(time.Duration(m.r.IntN(10)) * time.Minute)
				m.find(seed)
			}
			m.run(2*time.Hour + 40*time.Minute)
			m.compare(fmt.Sprintf("seed %d, k %d, b %d, era %d, %d nodes", seed, m.k, cfg.B, era, len(m.nodes)))
		}
		found, outdated = found+m.found, outdated+m.outdated
	}
	t.Logf("%d of %d values found were copies of older ones", outdated, found)
	if outdated*100 > found {
		t.Errorf("%d of %d values found were outdated, want 1 %% at most", outdated, found)
	}
}

// act lets a node come, go, or set something.
func (m *model) act(cfg Config) {
	switch m.r.IntN(6) {
	case 0, 1:
		m.join(m.add(cfg), m.nodes[m.r.IntN(len(m.nodes)-1)].addr)
	case 2:
		if len(m.nodes) > 3 {
			m.stop(m.any())
		}
	case 3, 4:
		m.put(Key(fmt.Sprint(len(m.keys))), []time.Duration{2 * time.Hour, 6 * time.Hour, 24 * time.Hour}[m.r.IntN(3)])
	case 5:
		if len(m.keys) > 0 {
			m.put(m.keys[m.r.IntN(len(m.keys))], 24*time.Hour)
		}
	}
}

func (m *model) any() *Engine { return m.nodes[m.r.IntN(len(m.nodes))].Engine }

// put sets a value at a node, with that life.
func (m *model) put(key ID, ttl time.Duration) {
	e, v := m.any(), Int(m.r.Int64())
	e.cfg.TTL = ttl
	published := m.now
	if _, _, err := m.set(e, key, v); err != nil {
		m.t.Errorf("Set: %v", err)
	}
	e.cfg.TTL = 24 * time.Hour
	if _, known := m.values[key]; !known {
		m.keys = append(m.keys, key)
	}
	m.past[key] = append(m.past[key], m.values[key].Value)
	m.values[key] = Record{Value: v, Published: published, TTL: ttl}
}

// find lets somebody look for something that there is, or was.
func (m *model) find(seed int) {
	if len(m.keys) == 0 {
		return
	}
	key := m.keys[m.r.IntN(len(m.keys))]
	want := m.values[key]
	left := want.Expires().Sub(m.now)
	f, _, err := m.get(m.any(), key)
	m.found++
	if err == nil && f.Value != want.Value && slices.Contains(m.past[key], f.Value) {
		m.outdated++
		return
	}
	if left > 3*time.Second && (err != nil || f.Value != want.Value) || left < -3*time.Second && err == nil {
		m.t.Errorf("seed %d: with %v to live, Get = %v, %v, want %v", seed, left, f.Value.Text(), err, want.Value.Text())
	}
}

// compare holds what the nodes have against what they should.
func (m *model) compare(when string) {
	wrong := 0
	report := func(what string, key ID, e *Engine) {
		if wrong++; wrong < 500 {
			m.t.Errorf("%s: %x %s %x", when, e.id[:4], what, key[:4])
		}
	}
	for _, key := range m.keys {
		want := m.values[key]
		lives := want.Expires().After(m.now)
		should := make(map[*Engine]bool)
		for _, e := range m.nearestTo(key, m.k) {
			should[e] = lives
		}
		for _, x := range m.nodes {
			r, held := x.records.get(m.now.Sub(x.clock.epoch), key)
			switch early := want.Published.Sub(r.Published); {
			case !held && should[x.Engine]:
				report("lacks", key, x.Engine)
			case !held:
			case !lives:
				report("still has", key, x.Engine)
			case r.Cached && should[x.Engine]:
				report("takes for a copy", key, x.Engine)
			case !r.Cached && !should[x.Engine]:
				// A repair may have given it one too many, until it is next republished.
				if m.extra++; m.extra > 3 {
					report("takes for its own", key, x.Engine)
				}
			case r.Cached && r.Expires().After(want.Expires().Add(sameMoment)):
				report("has for too long a copy of", key, x.Engine)
			case !r.Cached && (r.Value != want.Value || r.TTL != want.TTL || early < -sameMoment || early > 10*time.Second):
				report(fmt.Sprintf("has %v for %v instead of %v for %v, set %v too early, under", r.Value.Text(), r.TTL, want.Value.Text(), want.TTL, early), key, x.Engine)
			}
		}
	}
	if wrong > 0 {
		m.t.Errorf("%s: %d differences", when, wrong)
	}
}
