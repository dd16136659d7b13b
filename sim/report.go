package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Report is what a scenario has measured.
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

// Metric is one number.
type Metric struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	// AtMost or AtLeast is what it should be, if it is not nil.
	AtMost  *float64 `json:"at_most,omitempty"`
	AtLeast *float64 `json:"at_least,omitempty"`
}

// Met reports whether the number is as it should be.
func (m *Metric) Met() bool {
	return (m.AtMost == nil || m.Value <= *m.AtMost) && (m.AtLeast == nil || m.Value >= *m.AtLeast)
}

// Chart is a histogram.
type Chart struct {
	Title string    `json:"title"`
	Axis  string    `json:"axis"` // what the labels count
	Bars  []float64 `json:"bars"`
	// Labels are those of the bars; an empty one is left out.
	Labels []string `json:"labels"`
}

// Missed returns those numbers that are not as they should be.
func (r *Report) Missed() []Metric {
	return slices.DeleteFunc(slices.Clone(r.Metrics), func(m Metric) bool { return m.Met() })
}

// note adds a number of which nothing is demanded.
func (r *Report) note(name string, value float64, unit string) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit})
}

func (r *Report) atMost(name string, value float64, unit string, limit float64) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit, AtMost: &limit})
}

func (r *Report) atLeast(name string, value float64, unit string, limit float64) {
	r.Metrics = append(r.Metrics, Metric{Name: name, Value: value, Unit: unit, AtLeast: &limit})
}

// String is a table for people to read.
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

func number(v float64) string {
	text := fmt.Sprintf("%.4f", v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
