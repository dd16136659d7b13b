package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/metrics"
	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// metricsServer serves the metrics of a node.
type metricsServer struct {
	l    net.Listener
	http *http.Server  // nil until serve
	done chan struct{} // closed when serve's goroutine has ended
}

// listenMetrics opens the listener for --metrics, before the node exists.
func listenMetrics(addr string) (*metricsServer, error) {
	l, err := cli.Listen("--metrics", addr)
	if err != nil {
		return nil, err
	}
	return &metricsServer{l: l, done: make(chan struct{})}, nil
}

// serve serves h until close.
func (m *metricsServer) serve(h http.Handler, log *slog.Logger) {
	m.http = site.NewServer(h, nil, log)
	log.Info("metrics", "url", "http://"+m.l.Addr().String()+"/metrics")
	go func() {
		defer close(m.done)
		if err := m.http.Serve(m.l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("metrics server ended", "error", err)
		}
	}()
}

// close closes the listener and waits until serving has ended. m may be nil.
func (m *metricsServer) close() {
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
	collect := []func(metrics.Samples){func(ch metrics.Samples) { collectNode(ch, node.Stats()) }}
	if direct != nil {
		collect = append(collect, func(ch metrics.Samples) { collectPaths(ch, direct.Stats()) })
	}
	return metrics.Handler(collect...)
}

const prefix metrics.Prefix = "kadmesh_node_"

var (
	descInfo         = prefix.Desc("info", "Version of the node; always 1.", "version")
	descContacts     = prefix.Desc("contacts", "Contacts in the buckets of the routing table.")
	descReplacements = prefix.Desc("replacements", "Contacts in the replacement caches.")
	descRecords      = prefix.Desc("records", "Values kept for the network.")
	descRecordBytes  = prefix.Desc("record_bytes", "Memory that kept values take, in bytes; limited by --store-bytes.")

	descDatagrams = prefix.Desc("datagrams_total", "Datagrams, on all paths.", "direction")
	descBytes     = prefix.Desc("bytes_total", "Bytes in datagrams, on all paths.", "direction")
	descUnsent    = prefix.Desc("unsent_total", "Datagrams that could not be sent.")
	descServed    = prefix.Desc("served_total", "Well-formed requests received.", "procedure")
	descAsked     = prefix.Desc("asked_total", "Requests sent.")
	descReplied   = prefix.Desc("replied_total", "Requests sent that were answered in time.")
	descTimedOut  = prefix.Desc("timed_out_total", "Requests sent that were not answered in time.")
	descLookups   = prefix.Desc("lookups_total", "Lookups started.")
	descRefused   = prefix.Desc("refused_total", "Values refused for lack of room.")
	descDropped   = prefix.Desc("dropped_total", "Received datagrams that were dropped, by reason.", "reason")
)

// collectNode samples the counters of a node.
func collectNode(ch metrics.Samples, s core.Stats) {
	ch.Gauge(descInfo, 1, cli.Built(version).Version)
	ch.Gauge(descContacts, s.Contacts)
	ch.Gauge(descReplacements, s.Replacements)
	ch.Gauge(descRecords, s.Records)
	ch.Gauge(descRecordBytes, int(s.RecordBytes))

	ch.Count(descDatagrams, s.Sent, sent)
	ch.Count(descDatagrams, s.Received, received)
	ch.Count(descBytes, s.SentBytes, sent)
	ch.Count(descBytes, s.ReceivedBytes, received)
	ch.Count(descUnsent, s.Unsent)
	for procedure, n := range s.Served {
		ch.Count(descServed, n, procedure)
	}
	ch.Count(descAsked, s.Asked)
	ch.Count(descReplied, s.Replied)
	ch.Count(descTimedOut, s.TimedOut)
	ch.Count(descLookups, s.Lookups)
	ch.Count(descRefused, s.Refused)
	for reason, n := range s.Dropped {
		ch.Count(descDropped, n, metrics.Label(reason))
	}
}

// Values of the label direction.
const sent, received = "sent", "received"

var (
	descPathDatagrams = prefix.Desc("path_datagrams_total", "Datagrams by path: direct, or udp.", "path", "direction")
	descChannels      = prefix.Desc("channels", "Open direct paths.")
	descPending       = prefix.Desc("channels_pending", "Direct paths being opened.")
	descUpgrades      = prefix.Desc("upgrades_total", "Direct paths that came into use.")
	descRenewals      = prefix.Desc("renewals_total", "Direct paths renewed with new keys.")
	descFallbacks     = prefix.Desc("fallbacks_total", "Direct paths given up, by reason.", "reason")
	descFailures      = prefix.Desc("failures_total", "Failed attempts to open a direct path, by reason.", "reason")
	descOffers        = prefix.Desc("offers_total", "Offers of direct paths.", "direction")
	descRefusals      = prefix.Desc("refused_offers_total", "Offers of other nodes refused, by reason.", "reason")
	descResent        = prefix.Desc("resent_total", "Datagrams sent again over UDP after the loss of their direct path.")
	descUnguarded     = prefix.Desc("unguarded_total",
		"Datagrams on direct paths that could not be kept for resending, because too many were under way.")
	descOverflow = prefix.Desc("overflow_total", "Datagrams from direct paths dropped because the node read too slowly.")
)

// collectPaths samples the counters of direct paths.
func collectPaths(ch metrics.Samples, s webrtc.Stats) {
	ch.Count(descPathDatagrams, s.Direct.Sent, "direct", sent)
	ch.Count(descPathDatagrams, s.Direct.Received, "direct", received)
	ch.Count(descPathDatagrams, s.Wrapped.Sent, "udp", sent)
	ch.Count(descPathDatagrams, s.Wrapped.Received, "udp", received)
	ch.Gauge(descChannels, s.Open)
	ch.Gauge(descPending, s.Pending)
	ch.Count(descUpgrades, s.Upgrades)
	ch.Count(descRenewals, s.Renewals)
	for why, n := range s.Fallbacks {
		ch.Count(descFallbacks, n, metrics.Label(webrtc.Fallback(why).String()))
	}
	for why, n := range s.Failures {
		ch.Count(descFailures, n, metrics.Label(webrtc.Failure(why).String()))
	}
	ch.Count(descOffers, s.OffersSent, sent)
	ch.Count(descOffers, s.OffersHeard, received)
	for why, n := range s.Refused {
		ch.Count(descRefusals, n, metrics.Label(webrtc.Refusal(why).String()))
	}
	ch.Count(descResent, s.Resent)
	ch.Count(descUnguarded, s.Unguarded)
	ch.Count(descOverflow, s.Overflow)
}
