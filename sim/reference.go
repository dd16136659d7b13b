package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// reference is a small model of a node of the Python package kademlia, true to its
// effects on a network. It asks in rounds and waits up to five seconds for the slowest
// answer of each. It forgets a contact after one missing answer, and takes every sender
// of a request for a contact. It keeps a value for a week after the last STORE, and
// republishes each hour the values without a STORE in the last hour. Its routing table
// has a bucket of k contacts for each length of the prefix shared with its id.
type reference struct {
	lane    *lane
	slot    int
	id      core.ID
	buckets [core.IDBits + 1][]core.Contact
	values  map[core.ID]heldValue
	calls   map[wire.MsgID]*pyCall
	sent    []*pyCall     // in order of end
	hourly  time.Duration // time of the next refresh
}

// heldValue is a stored value: its encoding, and the time of the last STORE.
type heldValue struct {
	at  time.Duration
	raw []byte
}

// pyCall is a request waiting for its answer.
type pyCall struct {
	to     core.Contact
	method wire.Method
	end    time.Duration // time-out
	over   bool          // answered or timed out
	crawl  *crawl        // gets the result; nil if nothing does
}

// Constants of the Python package.
const (
	pyAlpha   = 3
	pyTimeout = 5 * time.Second
	pyTTL     = 7 * 24 * time.Hour
	pyRefresh = time.Hour
)

// addReference puts a reference into the next slot and makes it join through seeds.
func (n *Network) addReference(k int, seeds ...int) (slot int) {
	p := &reference{
		lane: n.laneOf(len(n.nodes)), id: core.RandomID(n.ids), hourly: n.now + pyRefresh,
		values: make(map[core.ID]heldValue), calls: make(map[wire.MsgID]*pyCall),
	}
	p.slot = n.add(p.id, p)
	var list []core.Contact
	for _, s := range seeds {
		list = append(list, core.Contact{ID: n.nodes[s].id, Addr: addrOf(s)})
	}
	p.crawl(p.id, wire.FindNode, k, list, func(*crawl) {})
	p.lane.rearm(p.slot)
	return p.slot
}

// Flush implements peer. The outbox is empty: a reference sends at once.
func (p *reference) Flush(o *core.Outbox) { *o = core.Outbox{} }

// Next implements peer.
func (p *reference) Next() time.Time {
	for len(p.sent) > 0 && p.sent[0].over {
		p.sent = p.sent[1:]
	}
	if len(p.sent) > 0 {
		return epoch.Add(min(p.hourly, p.sent[0].end))
	}
	return epoch.Add(p.hourly)
}

// Advance implements peer.
func (p *reference) Advance(time.Time) {
	for len(p.sent) > 0 && (p.sent[0].over || p.sent[0].end <= p.lane.now) {
		c := p.sent[0]
		p.sent = p.sent[1:]
		if !c.over {
			c.over = true
			p.forget(c.to.ID)
			c.crawl.report(c, nil)
		}
	}
	if p.hourly <= p.lane.now {
		p.hourly += pyRefresh
		p.refresh()
	}
}

// refresh looks up a random id, drops values older than a week and republishes the
// values that are due.
func (p *reference) refresh() {
	p.crawl(core.RandomID(p.lane.core.Rand), wire.FindNode, p.lane.net.k(), nil, func(*crawl) {})
	var due []core.ID
	for key, v := range p.values {
		switch age := p.lane.now - v.at; {
		case age >= pyTTL:
			delete(p.values, key)
		case age >= pyRefresh:
			due = append(due, key)
		}
	}
	slices.SortFunc(due, core.ID.Compare)
	p.republish(due)
}

// republish stores values anew, one key after the other.
func (p *reference) republish(keys []core.ID) {
	if len(keys) == 0 {
		return
	}
	key := keys[0]
	p.crawl(key, wire.FindNode, p.lane.net.k(), nil, func(c *crawl) {
		v := p.values[key]
		v.at = p.lane.now
		p.values[key] = v
		for _, x := range c.visible() {
			p.call(x, wire.Request{Method: wire.Store, Target: key, Value: v.raw}, nil)
		}
		p.republish(keys[1:])
	})
}

// Receive implements peer.
func (p *reference) Receive(_ time.Time, from netip.AddrPort, datagram []byte) {
	kind, msg, body, err := wire.Header(datagram)
	if err != nil {
		return
	}
	if kind == wire.KindAnswer {
		p.reply(from, msg, body)
		return
	}
	r := wire.Request{Msg: msg}
	if p.lane.codec.parse.Request(body, &r) != nil {
		return
	}
	p.learn(core.Contact{ID: r.Sender, Addr: from})
	w, none := p.lane.codec.write, &wire.Trailer{}
	var answer []byte
	switch r.Method {
	case wire.Ping:
		answer = w.Pong(nil, &msg, (*wire.ID)(&p.id), none)
	case wire.Store:
		p.values[r.Target] = heldValue{p.lane.now, slices.Clone(r.Value)}
		answer = w.Stored(nil, &msg, true, none)
	case wire.FindNode, wire.FindValue:
		if v, ok := p.values[r.Target]; ok && r.Method == wire.FindValue {
			answer = w.Value(nil, &msg, v.raw, none)
			break
		}
		var list []wire.Contact
		for _, c := range p.closest(r.Target, p.lane.net.k()+1) {
			if c.Addr != from && len(list) < p.lane.net.k() {
				list = append(list, wire.Contact{ID: c.ID, Addr: c.Addr})
			}
		}
		answer = w.Contacts(nil, &msg, list, none)
	default:
		return
	}
	p.lane.send(p.slot, from, answer)
}

// reply takes an answer.
func (p *reference) reply(from netip.AddrPort, msg wire.MsgID, body []byte) {
	c := p.calls[msg]
	if c == nil {
		return
	}
	delete(p.calls, msg)
	if c.over {
		return
	}
	c.over = true
	var a wire.Answer
	if p.lane.codec.parse.Answer(body, c.method, p.lane.net.k(), &a) != nil {
		c.crawl.report(c, nil)
		return
	}
	p.learn(core.Contact{ID: c.to.ID, Addr: from})
	c.crawl.report(c, &a)
}

// learn adds a contact to its bucket if there is room.
func (p *reference) learn(c core.Contact) {
	b := &p.buckets[core.PrefixLen(p.id, c.ID)]
	known := slices.ContainsFunc(*b, func(x core.Contact) bool { return x.ID == c.ID })
	if !known && c.ID != p.id && len(*b) < p.lane.net.k() {
		*b = append(*b, c)
	}
}

// forget removes a contact.
func (p *reference) forget(id core.ID) {
	b := &p.buckets[core.PrefixLen(p.id, id)]
	*b = slices.DeleteFunc(*b, func(x core.Contact) bool { return x.ID == id })
}

// closest returns the nearest contacts to target, at most count.
func (p *reference) closest(target core.ID, count int) []core.Contact {
	var all []core.Contact
	for _, b := range p.buckets {
		all = append(all, b...)
	}
	slices.SortFunc(all, func(a, b core.Contact) int { return target.CompareDistance(a.ID, b.ID) })
	return all[:min(len(all), count)]
}

// call sends a request. c, if not nil, gets the result.
func (p *reference) call(to core.Contact, r wire.Request, c *crawl) {
	r.Msg, r.Sender = core.RandomID(p.lane.core.Rand), p.id
	call := &pyCall{to: to, method: r.Method, end: p.lane.now + pyTimeout, crawl: c}
	p.calls[r.Msg] = call
	p.sent = append(p.sent, call)
	p.lane.send(p.slot, to.Addr, p.lane.codec.write.Request(nil, &r))
}

// get starts a get.
func (p *reference) get(key core.ID) *op {
	o := &op{started: p.lane.now, local: true}
	if own, ok := p.values[key]; ok {
		v, _ := core.RawValue(own.raw)
		o.found.Value = v
		p.lane.end(o, nil)
		return o
	}
	o.local = false
	p.crawl(key, wire.FindValue, p.lane.net.k(), nil, func(c *crawl) {
		o.err = core.ErrNotFound
		if c.value != nil {
			v, _ := core.RawValue(c.value)
			o.found.Value, o.err = v, nil
		}
		p.lane.end(o, o.err)
	})
	p.lane.rearm(p.slot)
	return o
}
