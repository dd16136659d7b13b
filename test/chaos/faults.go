//go:build chaos && linux

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The kinds of faults. The last three need namespaces.
const (
	faultKill    = "kill"    // SIGKILL, and a start with the same id
	faultLeave   = "leave"   // SIGTERM, and a start with the same id
	faultReplace = "replace" // SIGKILL, and another node at the same address
	faultPause   = "pause"   // SIGSTOP, and SIGCONT
	faultLoss    = "loss"    // a share of all datagrams is lost
	faultDelay   = "delay"   // all datagrams take a while
	faultCut     = "cut"     // no datagram passes between the victims and all others
)

// kinds has all faults, as often as they shall come in relation to each other.
var kinds = []string{
	faultKill, faultKill, faultKill, faultLeave, faultLeave, faultReplace, faultReplace, faultPause, faultPause,
	faultLoss, faultDelay, faultCut, faultCut,
}

// needsWires reports whether there can be such a fault in namespaces only.
func needsWires(kind string) bool { return kind == faultLoss || kind == faultDelay || kind == faultCut }

// fault is something bad that happens to a network, and is over after a while.
type fault struct {
	At      time.Duration `json:"at"` // since the begin of the run
	Kind    string        `json:"kind"`
	Victims []int         `json:"victims,omitempty"` // seats
	Hold    time.Duration `json:"hold"`
	Loss    float64       `json:"loss,omitempty"`  // 0 to 1
	Delay   time.Duration `json:"delay,omitempty"` // in each direction
}

// String describes the fault in one line.
func (f fault) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s", f.Kind)
	if len(f.Victims) > 0 {
		fmt.Fprintf(&b, " nodes %v", f.Victims)
	}
	if f.Loss > 0 {
		fmt.Fprintf(&b, " %.0f %%", 100*f.Loss)
	}
	if f.Delay > 0 {
		fmt.Fprintf(&b, " %v", f.Delay.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, " for %v", f.Hold.Round(10*time.Millisecond))
	return b.String()
}

// plan draws the faults of a run. One fault begins a time pace after the one before is
// over, so that the network can heal. No fault takes more than a third of k nodes: more
// than half of the holders of a value remain.
func plan(o options, wires bool) (faults []fault) {
	rng := rand.New(rand.NewPCG(o.seed, 1))
	kinds := slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool {
		return needsWires(kind) && !wires || len(o.faults) > 0 && !slices.Contains(o.faults, kind)
	})
	if len(kinds) == 0 {
		return nil
	}
	for at := o.pace; ; {
		f := draw(rng, kinds[rng.IntN(len(kinds))], o.nodes, max(1, min(o.k, o.nodes)/3))
		if f.At = at; f.At+f.Hold > o.duration {
			return faults
		}
		faults = append(faults, f)
		at += f.Hold + o.pace
	}
}

// draw draws the victims of a fault, at most so many, and its time and strength.
func draw(rng *rand.Rand, kind string, nodes, most int) fault {
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(rng.Int64N(int64(high-low)))
	}
	f := fault{Kind: kind}
	count := 0
	switch kind {
	case faultKill, faultLeave, faultReplace:
		f.Hold, count = between(100*time.Millisecond, 2*time.Second), 1
		if rng.IntN(6) == 0 {
			count = min(2, most)
		}
	case faultPause:
		f.Hold, count = between(time.Second, 15*time.Second), 1+rng.IntN(most)
	case faultLoss:
		f.Hold, f.Loss = between(5*time.Second, 20*time.Second), .01+.09*rng.Float64()
	case faultDelay:
		f.Hold, f.Delay = between(5*time.Second, 20*time.Second), between(time.Millisecond, 100*time.Millisecond)
	case faultCut:
		f.Hold, count = between(2*time.Second, 30*time.Second), 1+rng.IntN(most)
	}
	if count > 0 {
		f.Victims = rng.Perm(nodes)[:count]
	}
	return f
}
