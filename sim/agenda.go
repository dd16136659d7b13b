package sim

import "time"

// agenda is the calls planned by a scenario. Calls planned for the same time are made
// in the order of planning.
type agenda struct {
	queue queue
	calls []func() // by event.from; nil once made
	free  []int32  // indices in calls that may be used again
}

// add plans a call of f.
func (a *agenda) add(at time.Duration, f func()) {
	i := int32(len(a.calls))
	if last := len(a.free) - 1; last >= 0 {
		i, a.free = a.free[last], a.free[:last]
		a.calls[i] = f
	} else {
		a.calls = append(a.calls, f)
	}
	a.queue.push(event{at: at, from: i})
}

// pop removes the first call, which the caller is to make. There must be one.
func (a *agenda) pop() func() {
	i := a.queue.pop().from
	f := a.calls[i]
	a.calls[i] = nil
	a.free = append(a.free, i)
	return f
}
