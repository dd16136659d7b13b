package core

import "time"

// This file is what a value's original publisher does: a value ends 24 hours
// after it was published, unless whoever published it does so again (paper,
// sections 2.3 and 2.5).

// Set stores v under key on the k nodes nearest to it, itself perhaps among them
// (paper, section 2.3), and calls done with the number of nodes that acknowledged.
// It does not wait for a node that is much slower than usual if another one, not
// itself, has acknowledged. done gets ErrNotStored if there is none.
//
// It refuses, by the error it returns, values that the network cannot carry, and
// then does nothing. The function that it returns gives up waiting, and leaves
// alone what has been stored.
func (e *Engine) Set(now time.Time, key ID, v Value, done func(nodes int, err error)) (cancel func(), err error) {
	if err := v.checkSettable(); err != nil {
		return nil, err
	}
	e.unpublish(e.upkeep.published[key])
	r := Record{Value: v, Published: now, TTL: e.cfg.TTL}
	return e.publish(e.at(now), key, r, ForSet, func(_ time.Duration, nodes int) {
		if nodes == 0 {
			done(0, ErrNotStored)
			return
		}
		done(nodes, nil)
	}), nil
}

// publication is a value that the node's user keeps published.
type publication struct {
	key  ID
	v    Value
	due  time.Duration // when it is published next
	over bool
}

// publishRetry is after how long a publisher tries again that has found nobody.
const publishRetry = 5 * time.Minute

// Publish stores v under key as Set does, and tells done of it in the same way.
// If somebody has acknowledged the value, the node goes on to publish it, each
// Config.PublishInterval, until it is told to stop by the function returned, or to
// Set or Publish something else under key. Each time is a new publication: it
// replaces what others have set under key meanwhile.
//
// What has been stored lives on until its time is up. A node that starts again has
// to be told again what to publish.
func (e *Engine) Publish(now time.Time, key ID, v Value, done func(nodes int, err error)) (stop func(), err error) {
	p := &publication{key: key, v: v}
	cancel, err := e.Set(now, key, v, func(nodes int, err error) {
		if err != nil {
			e.unpublish(p)
		}
		done(nodes, err)
	})
	if err != nil {
		return nil, err
	}
	if e.upkeep.published == nil {
		e.upkeep.published = make(map[ID]*publication)
	}
	e.upkeep.published[key] = p
	p.plan(e, e.at(now)+e.jitter(e.cfg.PublishInterval))
	return func() {
		cancel()
		e.unpublish(p)
	}, nil
}

// unpublish ends a publication; nil stands for none.
func (e *Engine) unpublish(p *publication) {
	if p == nil || p.over {
		return
	}
	p.over = true
	delete(e.upkeep.published, p.key)
}

func (p *publication) plan(e *Engine, at time.Duration) {
	p.due = at
	e.timers.add(at, p)
}

// wake publishes the value when its time has come.
func (p *publication) wake(e *Engine, now time.Duration) {
	if p.waits(now) {
		e.enqueue(now, p)
	}
}

func (p *publication) waits(at time.Duration) bool { return !p.over && p.due <= at }

// take publishes the value anew.
func (p *publication) run(e *Engine, now time.Duration) {
	if p.over {
		return
	}
	e.upkeep.republishing++
	r := Record{Value: p.v, Published: e.epoch.Add(now), TTL: e.cfg.TTL}
	e.publish(now, p.key, r, ForSet, func(now time.Duration, nodes int) {
		e.cfg.Log.Debug("value published", "key", p.key, "nodes", nodes)
		next := e.jitter(e.cfg.PublishInterval)
		if nodes == 0 {
			next = publishRetry
		}
		p.plan(e, now+next)
		e.jobDone(now)
	})
}
