package main

import (
	"net/http"

	"github.com/kadmesh/kadmesh/internal/metrics"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// exposition serves the metrics of a relay at /metrics.
func exposition(stats func() relay.Stats, refused func() uint64, capacity int, version string) http.Handler {
	return metrics.Handler(collector{stats, refused, capacity, version}.collect)
}

// collector turns the relay's counters into metrics.
type collector struct {
	stats    func() relay.Stats
	refused  func() uint64 // visitors
	capacity int
	version  string
}

const prefix metrics.Prefix = "kadmesh_relay_"

var (
	descInfo        = prefix.Desc("info", "The version of the relay; always 1.", "version")
	descConnections = prefix.Desc("connections", "Open WebSockets.")
	descPeers       = prefix.Desc("peers", "Lent ports, including tabs that are away.")
	descCapacity    = prefix.Desc("capacity", "Number of ports that can be lent: --max-peers.")

	descAccepted   = prefix.Desc("accepted_total", "Tabs that were lent a port.")
	descResumed    = prefix.Desc("resumed_total", "Tabs that got the same port as before.")
	descForbidden  = prefix.Desc("forbidden_total", "Connections refused for their origin or host.")
	descTurnedAway = prefix.Desc("turned_away_total", "Connections refused because there were too many.")
	descSilent     = prefix.Desc("silent_total", "Connections given up because no ping was answered.")
	descPaused     = prefix.Desc("paused_total", "Pauses in reading from tabs that sent too many WebSocket frames.")
	descRefused    = prefix.Desc("refused_visitors_total", "Connections to the page closed: there were too many.")
	descErrors     = prefix.Desc("errors_total", "Sessions ended by the relay, by reason.", "reason")

	descDatagrams = prefix.Desc("datagrams_total", "Datagrams passed on.", "direction")
	descBytes     = prefix.Desc("bytes_total", "Bytes passed on.", "direction")
	descMessages  = prefix.Desc("messages_total", "WebSocket messages to tabs.")
	descDropped   = prefix.Desc("dropped_total", "Datagrams dropped, by reason.", "direction", "reason")
	descAway      = prefix.Desc("away_total", "Datagrams for tabs that were away.")
	descArrived   = prefix.Desc("arrived_datagrams_total", "Datagrams that came in over lent ports.")
	descArrivedB  = prefix.Desc("arrived_bytes_total", "Bytes that came in over lent ports.")
)

// errorReasons are the labels of errors_total.
var errorReasons = map[message.Code]string{
	message.CodeMalformed: "malformed",
	message.CodeVersion:   "version",
	message.CodeToken:     "token",
	message.CodeFull:      "full",
	message.CodePerIP:     "per_ip",
	message.CodeReplaced:  "replaced",
	message.CodeSlow:      "slow",
}

func (c collector) collect(ch metrics.Samples) {
	s := c.stats()
	ch.Gauge(descInfo, 1, c.version)
	ch.Gauge(descConnections, s.Connections)
	ch.Gauge(descPeers, s.Lent)
	ch.Gauge(descCapacity, c.capacity)

	ch.Count(descAccepted, s.Accepted)
	ch.Count(descResumed, s.Resumed)
	ch.Count(descForbidden, s.Forbidden)
	ch.Count(descTurnedAway, s.TurnedAway)
	ch.Count(descSilent, s.Silent)
	ch.Count(descPaused, s.Paused)
	ch.Count(descRefused, c.refused())
	for code, name := range errorReasons {
		ch.Count(descErrors, s.Errors[code], name)
	}

	const from, to = "from_tabs", "to_tabs"
	ch.Count(descDatagrams, s.FromClients.Datagrams, from)
	ch.Count(descDatagrams, s.ToClients.Datagrams, to)
	ch.Count(descBytes, s.FromClients.Bytes, from)
	ch.Count(descBytes, s.ToClients.Bytes, to)
	ch.Count(descMessages, s.ToClients.Messages)
	for reason, n := range s.DroppedFromClients {
		ch.Count(descDropped, n, from, metrics.Label(reason.String()))
	}
	for reason, n := range s.DroppedToClients {
		ch.Count(descDropped, n, to, metrics.Label(reason.String()))
	}
	ch.Count(descAway, s.Away)
	ch.Count(descArrived, s.Arrived.Datagrams)
	ch.Count(descArrivedB, s.Arrived.Bytes)
}
