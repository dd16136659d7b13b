package main

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// exposition serves the metrics of a relay at /metrics.
func exposition(stats func() wsrelay.ServerStats, refused func() uint64, capacity int, version string) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{stats, refused, capacity, version},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

// collector turns what the relay has counted into metrics.
type collector struct {
	stats    func() wsrelay.ServerStats
	refused  func() uint64 // visitors
	capacity int
	version  string
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kadmesh_relay_"+name, help, labels, nil)
}

var (
	descInfo        = describe("info", "What the relay was built from; always 1.", "version")
	descConnections = describe("connections", "WebSockets that are open.")
	descPeers       = describe("peers", "Ports that are lent, those of tabs that are away included.")
	descCapacity    = describe("capacity", "How many ports can be lent: --max-peers.")

	descAccepted   = describe("accepted_total", "Tabs that were lent a port.")
	descResumed    = describe("resumed_total", "Of those, tabs that got the port from before.")
	descForbidden  = describe("forbidden_total", "Connections refused for their origin or host.")
	descTurnedAway = describe("turned_away_total", "Connections refused because there were too many.")
	descSilent     = describe("silent_total", "Connections given up since no ping was answered.")
	descPaused     = describe("paused_total", "Pauses in reading from tabs that sent too many WebSocket frames.")
	descRefused    = describe("refused_visitors_total", "Connections to the page that were closed because there were too many.")
	descErrors     = describe("errors_total", "Tabs that were sent away, by reason.", "reason")

	descDatagrams = describe("datagrams_total", "Datagrams that were passed on.", "direction")
	descBytes     = describe("bytes_total", "Bytes of what was passed on.", "direction")
	descMessages  = describe("messages_total", "WebSocket messages to tabs.")
	descDropped   = describe("dropped_total", "Datagrams that were dropped, by reason.", "direction", "reason")
	descAway      = describe("away_total", "Datagrams for tabs that were away.")
	descArrived   = describe("arrived_datagrams_total", "Datagrams that came in over lent ports.")
	descArrivedB  = describe("arrived_bytes_total", "Bytes that came in over lent ports.")
)

// errorReasons are the names of why tabs are sent away.
var errorReasons = map[wsrelay.Code]string{
	wsrelay.CodeMalformed: "malformed",
	wsrelay.CodeVersion:   "version",
	wsrelay.CodeToken:     "token",
	wsrelay.CodeFull:      "full",
	wsrelay.CodePerIP:     "per_ip",
	wsrelay.CodeReplaced:  "replaced",
	wsrelay.CodeSlow:      "slow",
}

// Describe is that of prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is that of prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	s := c.stats()
	gauge(descInfo, 1, c.version)
	gauge(descConnections, s.Connections)
	gauge(descPeers, s.Lent)
	gauge(descCapacity, c.capacity)

	count(descAccepted, s.Accepted)
	count(descResumed, s.Resumed)
	count(descForbidden, s.Forbidden)
	count(descTurnedAway, s.TurnedAway)
	count(descSilent, s.Silent)
	count(descPaused, s.Paused)
	count(descRefused, c.refused())
	for code, name := range errorReasons {
		count(descErrors, s.Errors[code], name)
	}

	const from, to = "from_tabs", "to_tabs"
	count(descDatagrams, s.FromClients.Datagrams, from)
	count(descDatagrams, s.ToClients.Datagrams, to)
	count(descBytes, s.FromClients.Bytes, from)
	count(descBytes, s.ToClients.Bytes, to)
	count(descMessages, s.ToClients.Messages)
	for reason, n := range s.DroppedFromClients {
		count(descDropped, n, from, label(reason))
	}
	for reason, n := range s.DroppedToClients {
		count(descDropped, n, to, label(reason))
	}
	count(descAway, s.Away)
	count(descArrived, s.Arrived.Datagrams)
	count(descArrivedB, s.Arrived.Bytes)
}

// label is the name of a reason as Prometheus has names.
func label(d wsrelay.Drop) string { return strings.ReplaceAll(d.String(), " ", "_") }
