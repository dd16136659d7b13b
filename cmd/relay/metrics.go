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

// collector turns what the relay has counted into metrics.
type collector struct {
	stats    func() relay.Stats
	refused  func() uint64 // visitors
	capacity int
	version  string
}

const prefix metrics.Prefix = "kadmesh_relay_"

var (
	descInfo        = prefix.Desc("info", "What the relay was built from; always 1.", "version")
	descConnections = prefix.Desc("connections", "WebSockets that are open.")
	descPeers       = prefix.Desc("peers", "Ports that are lent, those of tabs that are away included.")
	descCapacity    = prefix.Desc("capacity", "How many ports can be lent: --max-peers.")

	descAccepted   = prefix.Desc("accepted_total", "Tabs that were lent a port.")
	descResumed    = prefix.Desc("resumed_total", "Of those, tabs that got the port from before.")
	descForbidden  = prefix.Desc("forbidden_total", "Connections refused for their origin or host.")
	descTurnedAway = prefix.Desc("turned_away_total", "Connections refused because there were too many.")
	descSilent     = prefix.Desc("silent_total", "Connections given up since no ping was answered.")
	descPaused     = prefix.Desc("paused_total", "Pauses in reading from tabs that sent too many WebSocket frames.")
	descRefused    = prefix.Desc("refused_visitors_total", "Connections to the page that were closed because there were too many.")
	descErrors     = prefix.Desc("errors_total", "Tabs that were sent away, by reason.", "reason")

	descDatagrams = prefix.Desc("datagrams_total", "Datagrams that were passed on.", "direction")
	descBytes     = prefix.Desc("bytes_total", "Bytes of what was passed on.", "direction")
	descMessages  = prefix.Desc("messages_total", "WebSocket messages to tabs.")
	descDropped   = prefix.Desc("dropped_total", "Datagrams that were dropped, by reason.", "direction", "reason")
	descAway      = prefix.Desc("away_total", "Datagrams for tabs that were away.")
	descArrived   = prefix.Desc("arrived_datagrams_total", "Datagrams that came in over lent ports.")
	descArrivedB  = prefix.Desc("arrived_bytes_total", "Bytes that came in over lent ports.")
)

// errorReasons are the names of why tabs are sent away.
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
