package sim

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// windows is the state kept from one window of time to the next.
type windows struct {
	side int    // the set of each lane's outbound batches being filled, 0 or 1
	busy bool   // whether the last window had at least many events
	many uint64 // events per window that make a second processor worth while
}

// manyEvents is the usual windows.many: fewer events take less time than it takes to
// wake a goroutine on another processor.
const manyEvents = 200

// window runs all lanes until just before stop.
func (n *Network) window(stop time.Duration) {
	n.windows.side = 1 - n.windows.side
	workers := min(runtime.GOMAXPROCS(0), len(n.lanes))
	if !n.windows.busy {
		workers = 1
	}
	var next atomic.Int32
	work := func() {
		for {
			i := int(next.Add(1)) - 1
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

// progress calls Config.Progress at most once per progressEvery events.
func (n *Network) progress() {
	if n.Events-n.shown < progressEvery {
		return
	}
	n.shown = n.Events
	if n.cfg.Progress != nil {
		n.cfg.Progress(Progress{len(n.alive), n.now, n.Events})
	}
}
