// Package metrics shows counters of a program to Prometheus.
package metrics

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler serves metrics at /metrics: the samples from each of collect, called at each
// request, and metrics of the process and of the Go runtime.
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

// collector makes a prometheus.Collector of a function.
type collector func(Samples)

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) { c(ch) }

// Prefix is the beginning of the names of a program's metrics, such as "kadmesh_node_".
type Prefix string

// Desc describes a metric: its name without the prefix, its help text and the names of
// its labels.
func (p Prefix) Desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(string(p)+name, help, labels, nil)
}

// Samples receives the values of metrics.
type Samples chan<- prometheus.Metric

// Gauge adds a value that can go down. labels are the values of the labels in d.
func (s Samples) Gauge(d *prometheus.Desc, v int, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

// Count adds a value that only grows. labels are the values of the labels in d.
func (s Samples) Count(d *prometheus.Desc, v uint64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

// Label replaces spaces by underscores, for the value of a label.
func Label(text string) string { return strings.ReplaceAll(text, " ", "_") }
