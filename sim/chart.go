package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kadmesh/kadmesh/core"
)

// chart adds a histogram of list, which is sorted, with so many bars to the report. An
// axis of hops has one bar for each hop. format prints the labels.
func (r *run) chart(title, axis string, list []float64, bars int, format string) {
	if !r.Charts || len(list) == 0 {
		return
	}
	top := percentile(list, 0.995)
	width := top / float64(bars)
	if axis == "hops" || width == 0 {
		bars, width = int(top)+1, 1
	}
	c := Chart{Title: title, Axis: axis, Bars: make([]float64, bars), Labels: make([]string, bars)}
	for _, x := range list {
		c.Bars[min(int(x/width), bars-1)]++
	}
	for i := range c.Labels {
		if step := max(1, bars/8); i%step == 0 {
			c.Labels[i] = strings.TrimSpace(fmt.Sprintf(format, float64(i)*width))
		}
	}
	r.report.Charts = append(r.report.Charts, c)
}

// chartTables charts the mean number of contacts in a table by the length of the prefix
// shared with the node's id, for a sample of 1000 nodes at most.
func (r *run) chartTables() {
	var counts [core.IDBits]float64
	deepest, nodes := 0, 0
	for range min(1000, r.Size()) {
		slot := r.randomEngine()
		nodes++
		for _, c := range r.engine(slot).Contacts() {
			level := core.PrefixLen(c.ID, r.nodes[slot].id)
			counts[level]++
			deepest = max(deepest, level)
		}
	}
	c := Chart{Title: "Contacts in a table, mean", Axis: "bits in common with the node's id"}
	for level := range min(deepest+1, 40) {
		c.Bars = append(c.Bars, counts[level]/float64(nodes))
		label := ""
		if level%4 == 0 {
			label = fmt.Sprint(level)
		}
		c.Labels = append(c.Labels, label)
	}
	r.report.Charts = append(r.report.Charts, c)
}

// chartLoad charts nodes by the number of datagrams received.
func (r *run) chartLoad() {
	var list []float64
	for _, slot := range r.alive {
		if e := r.engine(int(slot)); e != nil {
			list = append(list, float64(e.Stats().Received))
		}
	}
	slices.Sort(list)
	r.chart("Nodes by datagrams received", "datagrams", list, 40, "%.0f")
}

// chartTimes charts the durations of gets and lookups.
func (r *run) chartTimes(gets, lookups *sample) {
	r.chart("Latency of gets", "seconds", gets.seconds(), 40, "%.2f")
	r.chart("Latency of full lookups", "seconds", lookups.seconds(), 40, "%.2f")
}
