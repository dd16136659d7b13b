package core

import "time"

// nodeClock is the clock of a Node. Unlike the monotonic clock of most systems it
// counts the time for which the machine was suspended, and unlike the wall clock it
// does not follow when somebody sets the time.
type nodeClock struct {
	read      func() reading
	suspended func() time.Duration // as suspended, the function
	last      reading
	before    time.Duration // suspended before the first reading
	slept     time.Duration // suspended since then
	checked   time.Time     // when suspended was last called
	jumped    bool          // set by a jump; the Node resets it
	wakeAt    time.Time     // when the Node's timer fires, on this clock
}

// reading is what the clocks of a system show at one moment.
type reading struct {
	mono time.Time // with a monotonic reading
	wall time.Time // without
}

// readClocks reads the clocks of this system.
func readClocks() reading {
	t := time.Now()
	return reading{mono: t, wall: t.Round(0)}
}

func newNodeClock(read func() reading, suspended func() time.Duration) nodeClock {
	r := read()
	return nodeClock{read: read, suspended: suspended, last: r, before: suspended(), checked: r.mono}
}

// maxAsleep is how long a Node leaves its clock unread. The timers of most systems
// stand still during a sleep as well: without other events, a Node notices the end
// of a sleep at most so long after it.
const maxAsleep = 30 * time.Second

// A jump is a sleep or a step of the wall clock by more than jumpTolerance. Where a
// system does not tell how long it was suspended, such as in a browser, the two look
// alike.
const jumpTolerance = time.Minute

// maxPause is the longest time between two readings of a process that is running: a
// browser may hold back the timers of a hidden tab for a minute. A process that was
// stopped has slept, too, although all clocks went on.
const maxPause = jumpTolerance + 5*time.Second

// minSleep is the shortest sleep that counts. It is longer than the time between the
// readings of two clocks.
const minSleep = time.Second

// now returns the time, and sets jumped if there was a jump since the last reading.
func (c *nodeClock) now() time.Time {
	r := c.read()
	passed := r.mono.Sub(c.last.mono)
	step := r.wall.Sub(c.last.wall) - passed
	c.last = r
	// To ask the system takes longer than everything else here. After a sleep, the
	// wall clock of most systems is ahead.
	if step.Abs() >= minSleep || r.mono.Sub(c.checked) >= maxAsleep {
		c.checked = r.mono
		if slept := c.suspended() - c.before - c.slept; slept >= minSleep {
			c.slept += slept
			step -= slept
			c.jumped = c.jumped || slept > jumpTolerance
		}
	}
	c.jumped = c.jumped || step.Abs() > jumpTolerance || passed > maxPause
	return r.mono.Add(c.slept)
}
