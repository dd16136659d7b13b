// Command flood asks a node as fast as it answers: flood ADDR METHOD FOR, where
// METHOD is ping or find_node. It prints how many requests were answered in a
// second.
package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

const (
	sockets = 8
	// underWay is how many requests a socket sends at once; some get lost.
	underWay = 64
	// lostAfter is how long a socket waits for more answers before it asks anew.
	lostAfter = 50 * time.Millisecond
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	methods := map[string]wire.Method{"ping": wire.Ping, "find_node": wire.FindNode}
	if len(args) != 3 || methods[args[1]].String() != args[1] {
		return fmt.Errorf("usage: flood ADDR ping|find_node FOR")
	}
	to, err := netip.ParseAddrPort(args[0])
	if err != nil {
		return err
	}
	span, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	var answered atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(span)
	for range sockets {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			return err
		}
		defer conn.Close()
		all.Go(func() { flood(conn, methods[args[1]], end, &answered) })
	}
	all.Wait()
	fmt.Printf("%.0f\n", float64(answered.Load())/span.Seconds())
	return nil
}

// flood asks until end, and counts the answers.
func flood(conn *net.UDPConn, method wire.Method, end time.Time, answered *atomic.Int64) {
	sender := random()
	w := wire.NewWriter()
	in := make([]byte, 64<<10)
	send := func() {
		conn.Write(w.Request(nil, &wire.Request{Msg: random(), Method: method, Sender: sender, Target: random()}))
	}
	for time.Now().Before(end) {
		for range underWay {
			send()
		}
		for time.Now().Before(end) {
			conn.SetReadDeadline(time.Now().Add(lostAfter))
			n, err := conn.Read(in)
			if err != nil {
				break // all that were under way are lost, or answered
			}
			kind, msg, _, err := wire.Header(in[:n])
			switch {
			case err != nil:
			case kind == wire.KindRequest:
				// A relay drops datagrams to an address that never answers.
				conn.Write(w.Pong(nil, &msg, &sender, &wire.Trailer{}))
			default:
				answered.Add(1)
				send()
			}
		}
	}
}

func random() (id [20]byte) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return id
}
