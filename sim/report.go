package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is the result of a scenario.
type Report struct {
	Scenario string        `json:"scenario"`
	Nodes    int           `json:"nodes"`
	Seed     uint64        `json:"seed"`
	Virtual  time.Duration `json:"virtual"` // nanoseconds
	Events   uint64        `json:"events"`
	Sent     uint64        `json:"datagrams"`
	Digest   string        `json:"digest"`
	Metrics  []Metric      `json:"metrics"`
	Charts   []Chart       `json:"charts,omitempty"`
}

// Metric is one measured number.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	// AtMost or AtLeast is the limit for Value; nil if there is none.
	AtMost  *float64 `json:"at_most,omitempty"`
	AtLeast *float64 `json:"at_least,omitempty"`
}

// Met reports whether the number keeps its limits.
func (m *Metric) Met() bool {
	return (m.AtMost == nil || m.Value <= *m.AtMost) && (m.AtLeast == nil || m.Value >= *m.AtLeast)
}

// Chart is a histogram.
type Chart struct {
	Title string    `json:"title"`
	Axis  string    `json:"axis"` // unit of the labels
	Bars  []float64 `json:"bars"`
	// Labels has a label for each bar. Empty labels are not drawn.
	Labels []string `json:"labels"`
}

// Missed returns the numbers outside their limits.
func (r *Report) Missed() []Metric {
	return slices.DeleteFunc(slices.Clone(r.Metrics), func(m Metric) bool { return m.Met() })
}

// note adds a number without a limit.
func (r *Report) note(name string, value float64, unit string) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit})
}

// atMost adds a number with an upper limit.
func (r *Report) atMost(name string, value float64, unit string, limit float64) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit, AtMost: &limit})
}

// atLeast adds a number with a lower limit.
func (r *Report) atLeast(name string, value float64, unit string, limit float64) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit, AtLeast: &limit})
}

// String formats the report as a table.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "scenario %s, %d nodes, seed %d: %v of virtual time, %d events, %d datagrams, digest %s\n",
		r.Scenario, r.Nodes, r.Seed, r.Virtual.Round(time.Second), r.Events, r.Sent, r.Digest)
	for _, m := range r.Metrics {
		line := fmt.Sprintf("  %-44s %12s %-6s", m.Name, number(m.Value), m.Unit)
		word := "ok"
		if !m.Met() {
			word = "MISSED"
		}
		switch {
		case m.AtMost != nil:
			line += fmt.Sprintf("  at most  %-8s %s", number(*m.AtMost), word)
		case m.AtLeast != nil:
			line += fmt.Sprintf("  at least %-8s %s", number(*m.AtLeast), word)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// number formats v with up to four decimals.
func number(v float64) string {
	text := fmt.Sprintf("%.4f", v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
