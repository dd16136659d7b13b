package sim

import (
	"fmt"
	"slices"
	"time"
)

// safetyScenarios judge every get of their users by all operations.
var safetyScenarios = []Scenario{
	{Name: "restarts", play: playRestarts,
		About: "one node after the other is restarted without its records; half of them leave in order, half are killed"},
	{Name: "overwrite", play: func(r *run) { playOverwrite(r, 0, 0) },
		About: "60 nodes read each key, one sets it anew, and the 60 read it again"},
	{Name: "overwriteloss", play: func(r *run) { playOverwrite(r, 0.1, 0.001) },
		About: "overwrite while 10 % of all datagrams are lost"},
	{Name: "writers", play: playWriters,
		About: "four nodes set each key at once, three times; reads then, 5 s later, and after an hour or DURATION"},
	{Name: "leaving", play: playLeaving,
		About: "a third of the nodes leave in order within a minute"},
}

// safetyReaders is how many nodes read each key.
const safetyReaders = 60

// safetyKeys returns the names of the keys of a run.
func (r *run) safetyKeys() []string {
	keys := make([]string, max(1, r.Ops/20))
	for i := range keys {
		keys[i] = fmt.Sprintf("%d of %d", i, r.Seed)
	}
	return keys
}

// some returns up to count present nodes, chosen at random.
func (r *run) some(count int) []int32 {
	slots := slices.Clone(r.alive)
	r.rand.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	return slots[:min(count, len(slots))]
}

// setAll sets all keys, each at a random node of slots, and waits.
func (r *run) setAll(j *judge, keys []string, value string, slots []int32) {
	r.each(len(keys), opPause, func(i int) *op { return j.set(r.oneOf(slots), keys[i], value) })
}

// getAll gets all keys, each at count random nodes of slots, and waits. It returns for
// how many keys the nodes have found different values.
func (r *run) getAll(j *judge, keys []string, count int, slots []int32) (split int) {
	ops := r.each(count*len(keys), opPause/4, func(i int) *op { return j.get(r.oneOf(slots), keys[i/count]) })
	for gets := range slices.Chunk(ops, count) {
		if slices.ContainsFunc(gets, func(o *op) bool { return o.found.Value != gets[0].found.Value }) {
			split++
		}
	}
	return split
}

func (r *run) oneOf(slots []int32) int { return int(slots[r.rand.IntN(len(slots))]) }

// A node that is restarted is away for restartDown. The next one follows restartPause
// after it has come back.
const (
	restartDown  = 500 * time.Millisecond
	restartPause = time.Second
)

func playRestarts(r *run) {
	r.grow(r.Nodes)
	j, keys := &judge{net: r.Network}, r.safetyKeys()
	r.setAll(j, keys, "first", r.alive)
	for i, slot := range slices.Clone(r.alive) {
		if i%2 == 0 {
			r.leave(int(slot))
		} else {
			r.Kill(int(slot))
		}
		r.Run(restartDown)
		r.restart(int(slot))
		r.Join(int(slot), r.seeds(int(slot)), nil)
		r.Run(restartPause)
		j.get(r.Random(), keys[i%len(keys)])
	}
	r.getAll(j, keys, 3, r.alive)
	r.Run(settle)
	r.getAll(j, keys, 3, r.alive)
	j.conclude(r.report, 0)
}

func playOverwrite(r *run, loss, stale float64) {
	r.grow(r.Nodes)
	r.cfg.Link.Loss = loss
	j, keys := &judge{net: r.Network}, r.safetyKeys()
	readers := r.some(safetyReaders)
	r.setAll(j, keys, "first", r.alive)
	readAll := func(key string) {
		r.each(len(readers), opPause/4, func(i int) *op { return j.get(int(readers[i]), key) })
	}
	for _, key := range keys {
		readAll(key)
		r.finish(j.set(r.Random(), key, "second"))
		readAll(key)
	}
	for _, key := range keys {
		readAll(key)
	}
	r.Run(2 * time.Minute)
	j.conclude(r.report, stale)
	const old = "records with the older value, 2 min later"
	if held := float64(r.records("first")); loss == 0 {
		r.report.atMost(old, held, "", 0)
	} else {
		r.report.note(old, held, "")
	}
}

// writersPerKey is how many nodes set a key at the same time.
const writersPerKey = 4

func playWriters(r *run) {
	r.grow(r.Nodes)
	j, keys := &judge{net: r.Network}, r.safetyKeys()
	r.setAll(j, keys, "first", r.alive)
	for round := range 3 {
		r.each(len(keys)*writersPerKey, 0, func(i int) *op {
			r.Run(opPause / 4 * time.Duration(i%2))
			return j.set(r.Random(), keys[i/writersPerKey], fmt.Sprintf("%d of writer %d", round, i%writersPerKey))
		})
		r.getAll(j, keys, 3, r.alive)
	}
	r.Run(agreement)
	split := r.getAll(j, keys, 20, r.alive)
	r.report.atMost("keys with two values, 5 s later", float64(split), "", 0)
	r.Run(r.until(time.Hour)) // values are republished
	split = r.getAll(j, keys, 20, r.alive)
	r.report.atMost("keys with two values, in the end", float64(split), "", 0)
	j.conclude(r.report, 0)
}

func playLeaving(r *run) {
	r.grow(r.Nodes)
	j, keys := &judge{net: r.Network}, r.safetyKeys()
	r.setAll(j, keys, "first", r.alive)
	slots := r.some(r.Size())
	leavers, stayers := slots[:len(slots)/3], slots[len(slots)/3:]
	for i, slot := range leavers {
		r.After(time.Minute/time.Duration(len(leavers))*time.Duration(i), func() { r.startLeaving(int(slot)) })
	}
	for end := r.now + time.Minute; r.now < end; {
		j.get(r.oneOf(stayers), keys[r.rand.IntN(len(keys))])
		r.Run(5 * opPause)
	}
	r.Run(leaveTime)
	r.getAll(j, keys, 10, stayers)
	r.report.note("nodes that have left", float64(r.Nodes-r.Size()), "")
	j.conclude(r.report, 0)
}
