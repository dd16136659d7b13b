package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/history"
)

// judge knows every operation of a run's users, and judges each get in the end.
type judge struct {
	net *Network
	ops []judged
}

// judged is an operation, running or done.
type judged struct {
	history.Op // without the outcome
	*op
}

// set sets a key at a node.
func (j *judge) set(slot int, key, value string) *op {
	return j.add(slot, history.Op{Kind: history.Set, Key: key, Value: value},
		j.net.set(slot, core.Key(key), core.String(value)))
}

// get gets a key at a node.
func (j *judge) get(slot int, key string) *op {
	return j.add(slot, history.Op{Kind: history.Get, Key: key}, j.net.get(slot, core.Key(key)))
}

func (j *judge) add(slot int, h history.Op, o *op) *op {
	h.By = fmt.Sprint("node ", slot)
	j.ops = append(j.ops, judged{h, o})
	return o
}

// history returns the operations with their outcomes so far.
func (j *judge) history() []history.Op {
	var list []history.Op
	for _, x := range j.ops {
		h := x.Op
		h.Start, h.End = x.started, x.started+x.took
		switch {
		case !x.done: // the outcome is unknown
			h.End = j.net.now
		case x.err == nil:
			h.Outcome = history.OK
			if h.Kind == history.Get {
				h.Value = x.found.Value.Text()
			}
		case h.Kind == history.Get && errors.Is(x.err, core.ErrNotFound):
			h.Outcome, h.Missing = history.OK, true
		default:
			h.Outcome, h.Note = history.Failed, x.err.Error()
		}
		list = append(list, h)
	}
	return list
}

// All readers of a key agree when agreement has passed since its last set. A set that
// failed may take effect for linger after its end.
const (
	agreement = 5 * time.Second
	linger    = 30 * time.Second
)

// conclude adds the verdict to the report. stale is the share of gets that may return an
// older value than the last one acknowledged.
func (j *judge) conclude(r *Report, stale float64) {
	s := history.Rules{Linger: linger, Settle: agreement}.Summarize(j.history())
	gets := max(s.Gets.OK, 1)
	r.note("sets acknowledged", float64(s.Sets.OK), "")
	r.note("sets not acknowledged", float64(s.Sets.Failed+s.Sets.Unknown), "")
	r.note("gets judged", float64(s.Gets.OK), "")
	r.note("gets without an answer", float64(s.Gets.Failed+s.Gets.Unknown), "")
	r.atMost("gets that miss an acknowledged value", float64(s.Lost), "", 0)
	r.atMost("gets that find an older value", float64(s.Stale)/float64(gets), "", stale)
	r.atMost("gets that find what nobody has set", float64(s.Invented), "", 0)
	r.atMost("gets that disagree after 5 s", float64(s.Split)/float64(gets), "", stale)
	r.note("set p50", s.Sets.P50.Seconds(), "s")
	r.note("get p50", s.Gets.P50.Seconds(), "s")
	r.note("get p99", s.Gets.P99.Seconds(), "s")
}
