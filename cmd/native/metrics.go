package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// metrics is where a node serves its metrics.
type metrics struct {
	l    net.Listener
	http *http.Server  // nil until serve
	done chan struct{} // closed when it has ended
}

func listenMetrics(addr string) (*metrics, error) {
	l, err := cli.Listen("--metrics", addr)
	if err != nil {
		return nil, err
	}
	return &metrics{l: l, done: make(chan struct{})}, nil
}

// serve serves h until close.
func (m *metrics) serve(h http.Handler, log *slog.Logger) {
	m.http = site.NewServer(h, nil, log)
	log.Info("metrics", "url", "http://"+m.l.Addr().String()+"/metrics")
	go func() {
		defer close(m.done)
		if err := m.http.Serve(m.l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("no metrics any more", "error", err)
		}
	}()
}

// close ends what there is; m may be nil.
func (m *metrics) close() {
	switch {
	case m == nil:
	case m.http == nil:
		m.l.Close()
	default:
		m.http.Close()
		<-m.done
	}
}

// exposition serves the metrics of a node at /metrics. direct is nil without direct
// paths.
func exposition(node *core.Node, direct *webrtc.Conn) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		nodeCollector{node},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	if direct != nil {
		registry.MustRegister(pathCollector{direct})
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kadmesh_node_"+name, help, labels, nil)
}

var (
	descInfo         = describe("info", "What the node was built from; always 1.", "version")
	descContacts     = describe("contacts", "Contacts in buckets.")
	descReplacements = describe("replacements", "Contacts that wait for a place.")
	descRecords      = describe("records", "Values that are kept for the network.")
	descRecordBytes  = describe("record_bytes", "Memory that they take: --store-bytes.")

	descDatagrams = describe("datagrams_total", "Datagrams, on whatever path.", "direction")
	descBytes     = describe("bytes_total", "Bytes of them.", "direction")
	descUnsent    = describe("unsent_total", "Datagrams that could not be sent.")
	descServed    = describe("served_total", "Well-formed requests of others.", "procedure")
	descAsked     = describe("asked_total", "Requests of the node.")
	descReplied   = describe("replied_total", "Of those, requests that were answered.")
	descTimedOut  = describe("timed_out_total", "Of those, requests that were not.")
	descLookups   = describe("lookups_total", "Lookups that were started.")
	descRefused   = describe("refused_total", "Values that there was no room for.")
	descDropped   = describe("dropped_total", "Received datagrams that were of no use, by reason.", "reason")
)

// nodeCollector turns what a node has counted into metrics.
type nodeCollector struct{ node *core.Node }

// Describe is that of prometheus.Collector.
func (c nodeCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is that of prometheus.Collector.
func (c nodeCollector) Collect(out chan<- prometheus.Metric) {
	ch := samples(out)
	s := c.node.Stats()
	ch.gauge(descInfo, 1, cli.Built(version).Version)
	ch.gauge(descContacts, s.Contacts)
	ch.gauge(descReplacements, s.Replacements)
	ch.gauge(descRecords, s.Records)
	ch.gauge(descRecordBytes, int(s.RecordBytes))

	ch.count(descDatagrams, s.Sent, sent)
	ch.count(descDatagrams, s.Received, received)
	ch.count(descBytes, s.SentBytes, sent)
	ch.count(descBytes, s.ReceivedBytes, received)
	ch.count(descUnsent, s.Unsent)
	for procedure, n := range s.Served {
		ch.count(descServed, n, procedure)
	}
	ch.count(descAsked, s.Asked)
	ch.count(descReplied, s.Replied)
	ch.count(descTimedOut, s.TimedOut)
	ch.count(descLookups, s.Lookups)
	ch.count(descRefused, s.Refused)
	for reason, n := range s.Dropped {
		ch.count(descDropped, n, label(reason))
	}
}

// The directions.
const sent, received = "sent", "received"

var (
	descPathDatagrams = describe("path_datagrams_total", "Datagrams by path: direct, or udp as ever.", "path", "direction")
	descChannels      = describe("channels", "Direct paths that are open.")
	descPending       = describe("channels_pending", "Direct paths that are being opened.")
	descUpgrades      = describe("upgrades_total", "Direct paths that came to carry datagrams.")
	descRenewals      = describe("renewals_total", "Direct paths that were renewed with new keys.")
	descFallbacks     = describe("fallbacks_total", "Direct paths that were given up, by reason.", "reason")
	descFailures      = describe("failures_total", "Attempts at a direct path that came to nothing, by reason.", "reason")
	descOffers        = describe("offers_total", "Offers of direct paths.", "direction")
	descRefusals      = describe("refused_offers_total", "Offers of others that were not taken, by reason.", "reason")
	descResent        = describe("resent_total", "Datagrams that went over UDP as well, since their direct path was lost.")
	descUnguarded     = describe("unguarded_total", "Datagrams that could not have been, since there were too many at a time.")
	descOverflow      = describe("overflow_total", "Datagrams from direct paths that were not read in time.")
)

// pathCollector turns what was counted of direct paths into metrics.
type pathCollector struct{ conn *webrtc.Conn }

// Describe is that of prometheus.Collector.
func (c pathCollector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect is that of prometheus.Collector.
func (c pathCollector) Collect(out chan<- prometheus.Metric) {
	ch := samples(out)
	s := c.conn.Stats()
	ch.count(descPathDatagrams, s.Direct.Sent, "direct", sent)
	ch.count(descPathDatagrams, s.Direct.Received, "direct", received)
	ch.count(descPathDatagrams, s.Wrapped.Sent, "udp", sent)
	ch.count(descPathDatagrams, s.Wrapped.Received, "udp", received)
	ch.gauge(descChannels, s.Open)
	ch.gauge(descPending, s.Pending)
	ch.count(descUpgrades, s.Upgrades)
	ch.count(descRenewals, s.Renewals)
	for why, n := range s.Fallbacks {
		ch.count(descFallbacks, n, label(webrtc.Fallback(why).String()))
	}
	for why, n := range s.Failures {
		ch.count(descFailures, n, label(webrtc.Failure(why).String()))
	}
	ch.count(descOffers, s.OffersSent, sent)
	ch.count(descOffers, s.OffersHeard, received)
	for why, n := range s.Refused {
		ch.count(descRefusals, n, label(webrtc.Refusal(why).String()))
	}
	ch.count(descResent, s.Resent)
	ch.count(descUnguarded, s.Unguarded)
	ch.count(descOverflow, s.Overflow)
}

// samples takes in what is collected.
type samples chan<- prometheus.Metric

func (ch samples) gauge(d *prometheus.Desc, v int, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
}

func (ch samples) count(d *prometheus.Desc, v uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
}

// label is the name of a reason as Prometheus has names.
func label(reason string) string { return strings.ReplaceAll(reason, " ", "_") }
