package sim

import (
	"slices"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// crawl is a lookup of the reference.
type crawl struct {
	p       *reference
	target  core.ID
	method  wire.Method
	k       int
	nearest []core.Contact // sorted
	asked   map[core.ID]bool
	last    []core.ID // visible in the round before
	waiting int
	value   []byte
	done    func(*crawl)
}

func (p *reference) crawl(target core.ID, method wire.Method, k int, seeds []core.Contact, done func(*crawl)) {
	c := &crawl{p: p, target: target, method: method, k: k, asked: make(map[core.ID]bool), done: done}
	for _, x := range append(seeds, p.closest(target, k)...) {
		c.add(x)
	}
	c.round()
}

func (c *crawl) add(x core.Contact) {
	i, known := slices.BinarySearchFunc(c.nearest, x.ID, func(a core.Contact, id core.ID) int { return c.target.CompareDistance(a.ID, id) })
	if !known && x.ID != c.p.id {
		c.nearest = slices.Insert(c.nearest, i, x)
	}
}

func (c *crawl) visible() []core.Contact { return c.nearest[:min(len(c.nearest), c.k)] }

// round asks the next alpha of the k nearest, or all of them if those are the same
// as in the round before.
func (c *crawl) round() {
	var ids []core.ID
	var ask []int
	for i, x := range c.visible() {
		ids = append(ids, x.ID)
		if !c.asked[x.ID] {
			ask = append(ask, i)
		}
	}
	if len(ask) == 0 || c.value != nil {
		c.done(c)
		return
	}
	if !slices.Equal(ids, c.last) {
		ask = ask[:min(len(ask), pyAlpha)]
	}
	c.last = ids
	c.waiting = len(ask)
	for _, i := range ask {
		c.asked[c.nearest[i].ID] = true
		c.p.call(c.nearest[i], wire.Request{Method: c.method, Target: c.target}, c)
	}
}

// report takes in an answer, or that there is none.
func (c *crawl) report(call *pyCall, a *wire.Answer) {
	if c == nil {
		return
	}
	switch {
	case a == nil:
		c.nearest = slices.DeleteFunc(c.nearest, func(x core.Contact) bool { return x.ID == call.to.ID })
	case a.Value != nil:
		c.value = slices.Clone(a.Value)
	default:
		for _, x := range a.Contacts {
			c.add(core.Contact{ID: x.ID, Addr: x.Addr})
		}
	}
	if c.waiting--; c.waiting == 0 {
		c.round()
	}
}
