package core

import (
	"hash/maphash"
	"slices"
	"time"
)

// replacedValues remembers the values that were replaced or deleted under a key, by a
// hash, for as long as a Python node may republish them: a Python node republishes
// each hour what it holds, for a week, and does not say that it is old.
type replacedValues struct {
	seed  maphash.Seed
	byKey map[ID][]replacedValue
	order []ID // the keys of byKey, the oldest first
}

type replacedValue struct {
	hash uint64
	at   time.Duration
}

// At most maxReplaced values are remembered for each of maxReplacedKeys keys.
const (
	maxReplaced     = 8
	maxReplacedKeys = 4096
)

func newReplacedValues() replacedValues { return replacedValues{seed: maphash.MakeSeed()} }

// add remembers v as a value that was replaced under key.
func (r *replacedValues) add(now time.Duration, key ID, v Value) {
	if r.byKey == nil {
		r.byKey = make(map[ID][]replacedValue)
	}
	list, known := r.byKey[key]
	if !known {
		if len(r.order) == maxReplacedKeys {
			delete(r.byKey, r.order[0])
			r.order = r.order[1:]
		}
		r.order = append(r.order, key)
	}
	h := maphash.String(r.seed, v.raw)
	list = slices.DeleteFunc(list, func(x replacedValue) bool { return x.hash == h || now-x.at > MaxTTL })
	if len(list) == maxReplaced {
		list = list[1:]
	}
	r.byKey[key] = append(list, replacedValue{h, now})
}

// has reports whether v was replaced under key within the last week.
func (r *replacedValues) has(now time.Duration, key ID, v Value) bool {
	h := maphash.String(r.seed, v.raw)
	return slices.ContainsFunc(r.byKey[key], func(x replacedValue) bool { return x.hash == h && now-x.at <= MaxTTL })
}
