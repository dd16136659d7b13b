package sim

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// corruptShare makes adversaries of a share p of the nodes. Each has k others for
// accomplices.
func (r *run) corruptShare(b behavior, p float64) {
	slots := slices.Clone(r.alive)
	r.rand.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	slots = slots[:int(p*float64(len(slots)))]
	var known []wire.Contact
	for _, s := range slots {
		known = append(known, wire.Contact{ID: r.nodes[s].id, Addr: addrOf(int(s))})
	}
	for i, s := range slots {
		a := r.corrupt(int(s), b)
		for j := range min(r.k(), len(known)) {
			a.accomplices = append(a.accomplices, known[(i+1+j)%len(known)])
		}
	}
}

func playAdversaries(r *run, b behavior, p float64) {
	r.grow(r.Nodes)
	r.corruptShare(b, p)
	r.publish(r.Ops)
	gets := r.gets(r.Ops)
	if b == forging {
		r.report.note("gets that find the value", gets.success(), "")
		r.report.note("gets that find a forged one", share(uint64(gets.wrong), uint64(len(gets.ops))), "")
	} else {
		r.report.atLeast("gets that find the value", gets.success(), "", 0.99)
	}
	r.noteTimes("get", gets)
	lookups := r.noteLookups(r.Ops/2, "true k nearest found")
	r.report.note("requests of a full lookup, mean", mean(lookups.requests()), "")
	r.Run(time.Hour)
	later := r.gets(r.Ops)
	if b == forging {
		r.report.note("gets that find the value, an hour later", later.success(), "")
	} else {
		r.report.atLeast("gets that find the value, an hour later", later.success(), "", 0.99)
	}
	r.chartTimes(gets, lookups)
}

func playSybil(r *run) {
	const victims = 4
	r.grow(r.Nodes)
	r.publish(victims)
	var sybils []int
	for _, key := range r.keys {
		for range 2 * r.k() {
			id := core.RandomID(r.ids)
			copy(id[:8], key[:8])
			slot := r.addEngine(id)
			r.Join(slot, r.seeds(slot), nil)
			sybils = append(sybils, slot)
			r.Run(joinPause)
		}
	}
	r.Run(settle)
	for i, slot := range sybils {
		a := r.corrupt(slot, colluding)
		first := i / (2 * r.k()) * 2 * r.k()
		for _, other := range sybils[first : first+r.k()] {
			a.accomplices = append(a.accomplices, wire.Contact{ID: r.nodes[other].id, Addr: addrOf(other)})
		}
	}
	r.report.note("gets of values set before", r.gets(r.Ops).success(), "")
	for i, key := range r.keys {
		r.set(r.randomEngine(), key, valueOf(i))
		r.Run(opPause)
	}
	r.Run(settle)
	r.report.note("gets of values set again since", r.gets(r.Ops).success(), "")
	r.Run(2 * time.Hour)
	r.report.note("gets two hours later", r.gets(r.Ops).success(), "")
}
