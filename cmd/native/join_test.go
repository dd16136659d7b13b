package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// A name is resolved until it has an address. The node gets each address once. The name
// is resolved again when the node has lost all contacts.
func TestJoinThroughName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var story []string
		tell := func(format string, args ...any) {
			story = append(story, fmt.Sprintf("%v ", time.Since(begin).Round(time.Second))+fmt.Sprintf(format, args...))
		}
		answers := [][]string{nil, nil, {"2001:db8::1"}, {"192.0.2.1"}, {"192.0.2.1", "192.0.2.2"}, {"192.0.2.3"}}
		var alone atomic.Bool
		j := joiner{
			lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
				tell("lookup %s", host)
				next := answers[0]
				answers = answers[1:]
				if next == nil {
					return nil, &net.DNSError{Err: "no such host", Name: host}
				}
				var ips []netip.Addr
				for _, s := range next {
					ips = append(ips, netip.MustParseAddr(s))
				}
				return ips, nil
			},
			bootstrap: func(_ context.Context, seeds ...netip.AddrPort) error {
				tell("bootstrap %v", seeds)
				if len(answers) > 1 {
					return errors.New("no answer")
				}
				return nil
			},
			alone:   alone.Load,
			canSend: netip.Addr.Is4,
			log:     slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan bool)
		go func() {
			j.through(ctx, cli.HostPort{Host: "seed.example", Port: 8468})
			close(over)
		}()
		time.Sleep(time.Hour)
		alone.Store(true)
		time.Sleep(joinMax)
		alone.Store(false)
		time.Sleep(time.Hour)
		cancel()
		<-over

		want := []string{
			"0s lookup seed.example",
			"1s lookup seed.example",
			"3s lookup seed.example",
			"7s lookup seed.example", "7s bootstrap [192.0.2.1:8468]",
			"15s lookup seed.example", "15s bootstrap [192.0.2.2:8468]",
			"1h0m15s lookup seed.example", "1h0m15s bootstrap [192.0.2.3:8468]",
		}
		if !slices.Equal(story, want) {
			t.Errorf("got  %q\nwant %q", story, want)
		}
	})
}
