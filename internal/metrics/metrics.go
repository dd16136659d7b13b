// Package metrics is what the programs have in common that show their counters to
// Prometheus.
package metrics

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves at /metrics what each of collect says when it is asked, and what
// the process takes.
func Handler(collect ...func(Samples)) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for i := range collect {
		registry.MustRegister(collector(collect[i]))
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// collector is such a function as Prometheus has them.
type collector func(Samples)

// Describe is that of prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is that of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) { c(ch) }

// Prefix is what the names of a program's metrics begin with.
type Prefix string

// Desc describes a metric.
func (p Prefix) Desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(string(p)+name, help, labels, nil)
}

// Samples takes in the values of metrics.
type Samples chan<- prometheus.Metric

// Gauge takes in a value that goes up and down.
func (s Samples) Gauge(d *prometheus.Desc, v int, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

// Count takes in one that goes up.
func (s Samples) Count(d *prometheus.Desc, v uint64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

// Label is a text as Prometheus has names.
func Label(text string) string { return strings.ReplaceAll(text, " ", "_") }
