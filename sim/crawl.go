package sim

import (
	"slices"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// crawl is a lookup by a reference node, as the classes of the Python package's
// crawling.py do it: in rounds.
type crawl struct {
	p       *reference
	target  core.ID
	method  wire.Method
	k       int
	nearest []core.Contact // sorted by distance to target
	asked   map[core.ID]bool
	last    []core.ID    // visible ids in the previous round
	waiting int          // requests of this round without a result
	value   []byte       // found; nil until then
	done    func(*crawl) // called once at the end
}

// crawl starts a lookup from seeds and the contacts in the table.
func (p *reference) crawl(target core.ID, method wire.Method, k int, seeds []core.Contact, done func(*crawl)) {
	c := &crawl{p: p, target: target, method: method, k: k, asked: make(map[core.ID]bool), done: done}
	for _, x := range append(seeds, p.closest(target, k)...) {
		c.add(x)
	}
	c.round()
}

// add inserts a contact unless its id is known.
func (c *crawl) add(x core.Contact) {
	i, known := slices.BinarySearchFunc(c.nearest, x.ID, func(a core.Contact, id core.ID) int {
		return c.target.CompareDistance(a.ID, id)
	})
	if !known && x.ID != c.p.id {
		c.nearest = slices.Insert(c.nearest, i, x)
	}
}

// visible returns the k nearest contacts so far.
func (c *crawl) visible() []core.Contact { return c.nearest[:min(len(c.nearest), c.k)] }

// round asks the next alpha of the k nearest contacts, or all that remain if the k
// nearest did not change since the round before. If none remain or there is a value,
// the crawl is done.
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

// report takes the result of a request: an answer, or nil if there was none. A nil
// crawl ignores it.
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
