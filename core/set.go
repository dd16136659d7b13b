package core

import (
	"errors"
	"fmt"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
)

// SetOptions are the options of a Set, a Delete or a Publish. The zero value is the
// default.
type SetOptions struct {
	// TTL is how long the value lives. Default Config.TTL, at most MaxTTL.
	TTL time.Duration

	// IfVersion makes the operation conditional: it succeeds only if the value under
	// the key has this version (see Found). NoVersion stands for no value. Default: no
	// condition.
	//
	// In a network that is cut in two, two writers can both succeed.
	IfVersion uint64
}

// NoVersion is the SetOptions.IfVersion for a key without a value.
const NoVersion = ^uint64(0)

// SetResult is what a Set has reached.
type SetResult struct {
	// Nodes acknowledged the value, this one included; Asked were sent it.
	Nodes, Asked int
	// Version is the version that the value was given.
	Version uint64
}

// ErrConflict is the error of a conditional Set if the value has another version.
var ErrConflict = errors.New("the value has another version")

// Set stores v under key on the k nodes nearest to it, possibly this one among them
// (paper, section 2.3), and calls done. More than half of k must acknowledge, or of all
// nodes if there are fewer, and one of them must be another node if any is known;
// otherwise done gets an error that wraps ErrNotStored and says the numbers. A node that
// does not answer is replaced by the next nearest one. Set does not wait for a node that
// is much slower than usual once enough others have acknowledged.
//
// The version of v is the time in milliseconds since 1970, or one more than the newest
// version that Set meets. Sets of one key by one node take effect in their order.
//
// Set returns an error, and does nothing, for a value that the network cannot carry.
// cancel stops waiting; copies that have been stored stay.
func (e *Engine) Set(now time.Time, key ID, v Value, o SetOptions, done func(SetResult, error)) (cancel func(), err error) {
	if err := v.checkSettable(); err != nil {
		return nil, err
	}
	return e.sets.change(now, key, Record{Value: v, TTL: e.cfg.ttl(o.TTL)}, o, done), nil
}

// Delete removes the value under key from the k nodes nearest to it, in the way of Set.
// The nodes remember the deletion for MaxTTL, so that an older copy does not bring the
// value back. A Python node cannot delete: it keeps the value for up to a week, and
// returns it to Python readers.
func (e *Engine) Delete(now time.Time, key ID, o SetOptions, done func(SetResult, error)) (cancel func()) {
	return e.sets.change(now, key, Record{Deleted: true, TTL: MaxTTL}, o, done)
}

func (q *settings) change(now time.Time, key ID, r Record, o SetOptions, done func(SetResult, error)) (cancel func()) {
	e := q.e
	t := e.clock.at(now)
	e.publish.end(e.publish.byKey[key])
	s := &setting{key: key, record: r, ifVersion: o.IfVersion, done: func(_ time.Duration, r SetResult, err error) { done(r, err) }}
	q.add(t, s)
	return func() { q.cancel(e.clock.latest, s) }
}

// ttl returns the life of a value for SetOptions.TTL.
func (c *Config) ttl(d time.Duration) time.Duration {
	if d <= 0 {
		d = c.TTL
	}
	return min(d, MaxTTL)
}

// settings are the sets under way and those that wait, by key: sets of one key by one
// node take effect in their order.
type settings struct {
	e     *Engine
	byKey map[ID][]*setting // the first of each list is under way
}

// setting is a Set or a Delete.
type setting struct {
	key       ID
	record    Record
	ifVersion uint64
	stop      func() // gives up the attempt under way; nil before the first
	over      bool
	done      func(now time.Duration, r SetResult, err error)
}

// add starts s, now or when the sets of the same key before it are done.
func (q *settings) add(now time.Duration, s *setting) {
	if q.byKey == nil {
		q.byKey = make(map[ID][]*setting)
	}
	q.byKey[s.key] = append(q.byKey[s.key], s)
	if len(q.byKey[s.key]) == 1 {
		q.try(now, s, q.versionFor(now, s))
	}
}

// versionFor returns the version of a set that starts now: the time, or one more than
// the version of the record here.
func (q *settings) versionFor(now time.Duration, s *setting) uint64 {
	e := q.e
	if s.ifVersion != 0 {
		if s.ifVersion != NoVersion {
			return max(e.clock.millis(now), s.ifVersion+1)
		}
		return e.clock.millis(now)
	}
	v := e.clock.millis(now)
	if own, ok := e.records.get(now, s.key); ok {
		v = max(v, own.Version+1)
	}
	return v
}

// try stores the value of s with the given version on the nodes nearest to its key.
func (q *settings) try(now time.Duration, s *setting, version uint64) {
	s.record.Version, s.record.Published = version, q.e.clock.time(now)
	s.stop = q.e.storeOnNearest(now, s.key, s.record, trace.ForSet, s.ifVersion, func(now time.Duration, t storeTally) {
		q.onStored(now, s, t)
	})
}

// onStored ends s. A node with a newer version counts as one that acknowledged: another
// writer has set the key meanwhile.
func (q *settings) onStored(now time.Duration, s *setting, t storeTally) {
	r := SetResult{Nodes: t.acks, Asked: t.asked + t.own, Version: t.version}
	var err error
	switch {
	case t.newer > 0 && s.ifVersion != 0:
		err = fmt.Errorf("%w: %d of %d nodes refuse", ErrConflict, t.newer, r.Asked)
	case r.Asked == 0:
		err = ErrNotStored
	case !t.majority(q.e.cfg.K):
		err = fmt.Errorf("%w: %d of %d nodes acknowledged", ErrNotStored, t.acks, r.Asked)
	}
	q.end(now, s)
	s.done(now, r, err)
}

// end takes s, the first set of its key, out of the line.
func (q *settings) end(now time.Duration, s *setting) {
	s.over = true
	line := q.byKey[s.key][1:]
	for len(line) > 0 && line[0].over {
		line = line[1:]
	}
	if len(line) == 0 {
		delete(q.byKey, s.key)
		return
	}
	q.byKey[s.key] = line
	next := line[0]
	q.e.soon(now, func(now time.Duration) {
		if !next.over {
			q.try(now, next, q.versionFor(now, next))
		}
	})
}

// cancel gives up s.
func (q *settings) cancel(now time.Duration, s *setting) {
	if s.over {
		return
	}
	s.over = true
	if line := q.byKey[s.key]; len(line) > 0 && line[0] == s {
		if s.stop != nil {
			s.stop()
		}
		q.end(now, s)
	}
}
