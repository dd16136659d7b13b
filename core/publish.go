package core

import "time"

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
	ttl   time.Duration
	due   time.Duration // when it is published next
	over  bool
}

// publishRetry is the time until a publisher that has reached no node tries again.
const publishRetry = 5 * time.Minute

// Publish stores v under key in the way of Set, and calls done in the same way.
// After the first success the node publishes v again every Config.PublishInterval,
// until stop is called, or Set, Delete or Publish is called for the same key. Each time is
// a new publication: it replaces a value that another node has set meanwhile.
//
// Copies that have been stored live on until their time is up. A node does not
// remember over a restart the values that it publishes.
func (e *Engine) Publish(now time.Time, key ID, v Value, o SetOptions, done func(SetResult, error)) (stop func(), err error) {
	p := &publication{key: key, value: v, ttl: e.cfg.ttl(o.TTL)}
	cancel, err := e.Set(now, key, v, SetOptions{TTL: o.TTL}, func(r SetResult, err error) {
		if err != nil {
			e.publish.end(p)
		}
		done(r, err)
	})
	if err != nil {
		return nil, err
	}
	e.publish.add(p)
	p.plan(e, e.clock.at(now)+e.jitter(e.cfg.publishInterval(p.ttl)))
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
	e.republish.jobStarted()
	e.sets.add(now, &setting{key: p.key, record: Record{Value: p.value, TTL: p.ttl}, done: func(now time.Duration, r SetResult, err error) {
		e.cfg.Log.Debug("value published", "key", p.key, "nodes", r.Nodes)
		next := e.jitter(e.cfg.publishInterval(p.ttl))
		if err != nil {
			next = publishRetry
		}
		p.plan(e, now+next)
		e.republish.jobDone(now)
	}})
}

// publishInterval returns how often a value with that life is published.
func (c *Config) publishInterval(ttl time.Duration) time.Duration {
	return min(c.PublishInterval, max(ttl/4*3, time.Second))
}
