package core

import (
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// Set stores v under key on the k nodes nearest to it, possibly this one among them
// (paper, section 2.3), and calls done with the number of nodes that acknowledged.
// It does not wait for a node that is much slower than usual once another node has
// acknowledged. done gets ErrNotStored if no node has.
//
// Set returns an error, and does nothing, for a value that the network cannot
// carry. cancel stops waiting; copies that have been stored stay.
func (e *Engine) Set(now time.Time, key ID, v Value, done func(nodes int, err error)) (cancel func(), err error) {
	if err := v.checkSettable(); err != nil {
		return nil, err
	}
	e.publish.end(e.publish.byKey[key])
	r := Record{Value: v, Published: now, TTL: e.cfg.TTL}
	return e.storeOnNearest(e.clock.at(now), key, r, trace.ForSet, func(_ time.Duration, nodes int) {
		if nodes == 0 {
			done(0, ErrNotStored)
			return
		}
		done(nodes, nil)
	}), nil
}

// publications are the values that the node's user keeps published. A value ends 24
// hours after it was published, unless its original publisher publishes it again
// (paper, sections 2.3 and 2.5).
type publications struct {
	e     *Engine
	byKey map[ID]*publication
}

type publication struct {
	key   ID
	value Value
	due   time.Duration // when it is published next
	over  bool
}

// publishRetry is the time until a publisher that has reached no node tries again.
const publishRetry = 5 * time.Minute

// Publish stores v under key in the way of Set, and calls done in the same way.
// After the first success the node publishes v again every Config.PublishInterval,
// until stop is called, or Set or Publish is called for the same key. Each time is
// a new publication: it replaces a value that another node has set meanwhile.
//
// Copies that have been stored live on until their time is up. A node does not
// remember over a restart the values that it publishes.
func (e *Engine) Publish(now time.Time, key ID, v Value, done func(nodes int, err error)) (stop func(), err error) {
	p := &publication{key: key, value: v}
	cancel, err := e.Set(now, key, v, func(nodes int, err error) {
		if err != nil {
			e.publish.end(p)
		}
		done(nodes, err)
	})
	if err != nil {
		return nil, err
	}
	e.publish.add(p)
	p.plan(e, e.clock.at(now)+e.jitter(e.cfg.PublishInterval))
	return func() {
		cancel()
		e.publish.end(p)
	}, nil
}

func (s *publications) add(p *publication) {
	if s.byKey == nil {
		s.byKey = make(map[ID]*publication)
	}
	s.byKey[p.key] = p
}

// end ends a publication; nil stands for none.
func (s *publications) end(p *publication) {
	if p == nil || p.over {
		return
	}
	p.over = true
	delete(s.byKey, p.key)
}

func (p *publication) plan(e *Engine, at time.Duration) {
	p.due = at
	e.timers.add(at, p)
}

// wake publishes the value when its time has come.
func (p *publication) wake(e *Engine, now time.Duration) {
	if p.waits(now) {
		e.republish.enqueue(now, p)
	}
}

func (p *publication) waits(at time.Duration) bool { return !p.over && p.due <= at }

// run publishes the value again.
func (p *publication) run(e *Engine, now time.Duration) {
	if p.over {
		return
	}
	e.republish.active++
	r := Record{Value: p.value, Published: e.clock.time(now), TTL: e.cfg.TTL}
	e.storeOnNearest(now, p.key, r, trace.ForSet, func(now time.Duration, nodes int) {
		e.cfg.Log.Debug("value published", "key", p.key, "nodes", nodes)
		next := e.jitter(e.cfg.PublishInterval)
		if nodes == 0 {
			next = publishRetry
		}
		p.plan(e, now+next)
		e.republish.jobDone(now)
	})
}
