//go:build direct && linux

package direct

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// answer is the outcome of one request. A peer prints each as a line of JSON.
type answer struct {
	At   time.Time     // when it was sent
	Took time.Duration // until the answer
	Over string        // the path all along: direct, relay or udp; neither if it has changed
	Err  string        `json:",omitempty"`

	Stats webrtc.Stats
}

// peer is the program of a peer: a node behind a relay with direct paths, like a tab, or
// a node on UDP if relay is empty. It pings the node at addr, load requests at a time,
// and prints the answers.
func peer(relay, addr string, load int) error {
	to := netip.MustParseAddrPort(addr)
	id := core.ID{1}
	path := func() string { return "udp" }
	stats := func() webrtc.Stats { return webrtc.Stats{} }
	cfg := core.Config{ID: id}
	var conn core.Conn
	if relay == "" {
		sock, err := udp.Listen(netip.MustParseAddrPort("0.0.0.0:0"))
		if err != nil {
			return err
		}
		conn = sock
	} else {
		below, err := wsrelay.Dial(context.Background(), wsrelay.Config{Relays: []string{relay}})
		if err != nil {
			return err
		}
		direct, err := webrtc.Wrap(below, webrtc.Config{ID: webrtc.ID(id), Mode: webrtc.Direct})
		if err != nil {
			return err
		}
		conn, stats = direct, direct.Stats
		cfg.Direct = func(c core.Contact, near bool) { direct.Met(c.Addr, webrtc.ID(c.ID), near) }
		path = func() string {
			if direct.Stats().Open > 0 {
				return "direct"
			}
			return "relay"
		}
	}
	node := core.NewNode(conn, cfg)
	defer node.Close()
	// Before the first answer of an address, relays limit requests to it.
	if _, _, err := node.Ping(context.Background(), to); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	var mu sync.Mutex // guards out
	var pinging sync.WaitGroup
	for range load {
		pinging.Go(func() {
			for {
				a := answer{At: time.Now(), Over: path()}
				_, _, err := node.Ping(context.Background(), to)
				a.Took = time.Since(a.At)
				if err != nil {
					a.Err = err.Error()
				}
				if path() != a.Over {
					a.Over = "neither"
				}
				a.Stats = stats()
				mu.Lock()
				err = out.Encode(a)
				mu.Unlock()
				if err != nil {
					return // the test is over
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	pinging.Wait()
	return nil
}

// runPeer runs peer and returns the exit status.
func runPeer(relay, addr string) int {
	load := 8
	if relay == "" {
		load = 1
	}
	if err := peer(relay, addr, load); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
