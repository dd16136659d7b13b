//go:build chaos && linux

package main

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// The same seed gives the same faults, another seed gives others.
func TestPlanRepeats(t *testing.T) {
	o := options{duration: time.Hour, seed: 7, nodes: 20, k: 8, pace: 5 * time.Second}
	a, b := plan(o, true), plan(o, true)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gives two plans")
	}
	o.seed++
	if reflect.DeepEqual(a, plan(o, true)) {
		t.Error("two seeds give the same plan")
	}
}

// No more holders of a value are away at a time than it can lose, no fault begins before
// the one before is healed, and all are over at the end.
func TestPlanIsBounded(t *testing.T) {
	o := options{duration: time.Hour, seed: 1, nodes: 20, k: 8, pace: 5 * time.Second}
	healed, kinds := time.Duration(0), make(map[string]int)
	for _, f := range plan(o, true) {
		if f.At < healed {
			t.Errorf("%v begins at %v, want %v or later", f, f.At, healed)
		}
		healed = f.At + f.Hold + o.pace
		if len(f.Victims) > o.k/3 {
			t.Errorf("%v has %d victims, want at most %d", f, len(f.Victims), o.k/3)
		}
		if f.At+f.Hold > o.duration {
			t.Errorf("%v ends at %v, after the run", f, f.At+f.Hold)
		}
		kinds[f.Kind]++
	}
	for _, kind := range []string{faultKill, faultLeave, faultReplace, faultPause, faultLoss, faultDelay, faultCut} {
		if kinds[kind] == 0 {
			t.Errorf("an hour has no %s", kind)
		}
	}
}

// Without namespaces no fault needs them.
func TestPlanOnLoopback(t *testing.T) {
	o := options{duration: time.Hour, seed: 1, nodes: 20, k: 8, pace: 5 * time.Second}
	for _, f := range plan(o, false) {
		if slices.Contains([]string{faultLoss, faultDelay, faultCut}, f.Kind) {
			t.Errorf("%v on loopback", f)
		}
	}
}
