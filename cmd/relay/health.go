package main

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// health reports to load balancers and monitors whether the relay takes tabs.
type health struct {
	version  string
	capacity int // how many tabs there may be
	stats    func() relay.Stats
	closing  atomic.Bool
}

// ServeHTTP answers with status 200 while the relay is up, and with 503 while it
// shuts down.
func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	status := "ok"
	if h.closing.Load() {
		status = "shutting down"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(struct {
		Status   string `json:"status"`
		Version  string `json:"version"`
		Peers    int    `json:"peers"`
		Capacity int    `json:"capacity"`
	}{status, h.version, h.stats().Lent, h.capacity})
}
