//go:build chaos && linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// wires are the links of a place whose datagrams can be lost, late, or cut off.
type wires interface {
	setLoss(share float64)
	setDelay(time.Duration)
	cut(seats []int) // from all others; none mends all
}

// nemesis brings the faults of a plan upon a network.
type nemesis struct {
	net   *network
	wires wires // nil on loopback
	rng   *rand.Rand
	say   func(format string, args ...any)
}

// run goes through the plan. The faults are over when it returns, at the end of ctx as
// well. An error means that a node has ended by itself, or does not start.
func (n *nemesis) run(ctx context.Context, begin time.Time, faults []fault) error {
	for _, f := range faults {
		if wait(ctx, time.Until(begin.Add(f.At))) != nil {
			return nil
		}
		n.say("%7.1fs  %v", time.Since(begin).Seconds(), f)
		err := n.begin(f)
		if err == nil {
			wait(ctx, f.Hold)
		}
		if err := errors.Join(err, n.end(f)); err != nil {
			return fmt.Errorf("%v: %w", f, err)
		}
	}
	return nil
}

func (n *nemesis) begin(f fault) error {
	switch f.Kind {
	case faultLoss:
		n.wires.setLoss(f.Loss)
	case faultDelay:
		n.wires.setDelay(f.Delay)
	case faultCut:
		for _, i := range f.Victims {
			n.net.setAside(i, true)
		}
		n.wires.cut(f.Victims)
	case faultPause:
		return n.each(f, func(i int) error {
			n.net.setAside(i, true)
			return n.net.signal(i, syscall.SIGSTOP)
		})
	case faultLeave:
		return n.each(f, func(i int) error { return n.net.end(i, syscall.SIGTERM) })
	case faultKill, faultReplace:
		return n.each(f, func(i int) error { return n.net.end(i, syscall.SIGKILL) })
	}
	return nil
}

func (n *nemesis) end(f fault) error {
	switch f.Kind {
	case faultLoss:
		n.wires.setLoss(0)
	case faultDelay:
		n.wires.setDelay(0)
	case faultCut:
		n.wires.cut(nil)
		for _, i := range f.Victims {
			n.net.setAside(i, false)
		}
	case faultPause:
		return n.each(f, func(i int) error {
			defer n.net.setAside(i, false)
			return n.net.signal(i, syscall.SIGCONT)
		})
	case faultKill, faultLeave, faultReplace:
		return n.each(f, func(i int) error {
			if f.Kind == faultReplace {
				n.net.seats[i].id = randomID(n.rng)
			}
			defer n.net.setAside(i, false)
			return n.net.start(i, doors(n.rng, len(n.net.seats), i))
		})
	}
	return nil
}

func (n *nemesis) each(f fault, do func(seat int) error) (err error) {
	for _, i := range f.Victims {
		err = errors.Join(err, do(i))
	}
	return err
}
