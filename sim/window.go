package sim

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// windows is what one window of time tells the next.
type windows struct {
	side int    // set of each lane's outbound batches that is being filled
	busy bool   // whether the last window had as many events as many
	many uint64 // number of events that is worth a second processor
}

// manyEvents is what makes it worth while to wake another processor.
const manyEvents = 200

// window has all lanes run until just before stop.
func (n *Network) window(stop time.Duration) {
	n.windows.side = 1 - n.windows.side
	workers := min(runtime.GOMAXPROCS(0), len(n.lanes))
	if !n.windows.busy {
		workers = 1
	}
	var turn atomic.Int32
	work := func() {
		for {
			i := int(turn.Add(1)) - 1
			if i >= len(n.lanes) {
				return
			}
			n.lanes[i].run(stop)
		}
	}
	var others sync.WaitGroup
	for range workers - 1 {
		others.Go(work)
	}
	work()
	others.Wait()

	before := n.Events
	n.sum()
	n.windows.busy = n.Events-before >= n.windows.many
	n.progress()
}

// progress calls Config.Progress if enough has happened since it was called last.
func (n *Network) progress() {
	if n.Events-n.shown < progressEvery {
		return
	}
	n.shown = n.Events
	if n.cfg.Progress != nil {
		n.cfg.Progress(Progress{len(n.alive), n.now, n.Events})
	}
}
