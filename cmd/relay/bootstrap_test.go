package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// A name is looked up until it resolves, and then now and then; tabs are told
// when it means something else. One that no longer resolves means what it did.
func TestSeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var story []string
		tell := func(format string, args ...any) {
			story = append(story, fmt.Sprintf("%v ", time.Since(begin).Round(time.Second))+fmt.Sprintf(format, args...))
		}
		answers := [][]string{nil, {"2001:db8::1"}, {"192.0.2.2", "192.0.2.1"}, {"192.0.2.1", "192.0.2.2"}, nil, {"192.0.2.3"}}
		s := seeds{
			nodes: []cli.HostPort{{Host: "198.51.100.1", Port: 8468}, {Host: "seed.example", Port: 8469}},
			lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
				tell("lookup %s", host)
				next := answers[0]
				if len(answers) > 1 {
					answers = answers[1:]
				}
				if next == nil {
					return nil, &net.DNSError{Err: "no such host", Name: host}
				}
				var ips []netip.Addr
				for _, s := range next {
					ips = append(ips, netip.MustParseAddr(s))
				}
				return ips, nil
			},
			fits: netip.Addr.Is4,
			safe: func(netip.Addr) bool { return true },
			set:  func(nodes []netip.AddrPort) { tell("set %v", nodes) },
			log:  slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan bool)
		go func() {
			s.keep(ctx)
			close(over)
		}()
		time.Sleep(15 * time.Minute)
		cancel()
		<-over

		want := []string{
			"0s lookup seed.example",
			"1s lookup seed.example",
			"3s lookup seed.example", "3s set [198.51.100.1:8468 192.0.2.1:8469 192.0.2.2:8469]",
			"5m3s lookup seed.example",
			"10m3s lookup seed.example",
			"10m4s lookup seed.example", "10m4s set [198.51.100.1:8468 192.0.2.3:8469]",
		}
		if !slices.Equal(story, want) {
			t.Errorf("got  %q\nwant %q", story, want)
		}
	})
}

// A name cannot open addresses to tabs that are not public; who gives such an
// address itself means it.
func TestSeedsThatAreNotPublic(t *testing.T) {
	for _, tt := range []struct {
		host    string
		means   []string
		private bool
		want    string
	}{
		{"seed.example", []string{"127.0.0.1", "10.0.0.1", "9.9.9.9", "169.254.169.254"}, false, "[9.9.9.9:8468]"},
		{"seed.example", []string{"::ffff:10.0.0.1", "0.0.0.0"}, false, "[]"},
		{"seed.example", []string{"127.0.0.1"}, true, "[127.0.0.1:8468]"},
		{"10.0.0.1", nil, false, "[10.0.0.1:8468]"},
	} {
		r := relaying{log: slog.New(slog.DiscardHandler), server: new(relay.Server)}
		r.cfg.AllowPrivate, r.cfg.PublicIPs = tt.private, []netip.Addr{netip.MustParseAddr("5.5.5.5")}
		r.nodes = []cli.HostPort{{Host: tt.host, Port: 8468}}
		s := r.seeds()
		s.lookup = func(context.Context, string, string) (ips []netip.Addr, err error) {
			for _, a := range tt.means {
				ips = append(ips, netip.MustParseAddr(a))
			}
			return ips, nil
		}
		got, err := s.find(t.Context(), r.nodes[0])
		if fmt.Sprint(got) != tt.want || (err == nil) != (len(got) > 0) {
			t.Errorf("%s, which means %v, is %v, %v, want %s", tt.host, tt.means, got, err, tt.want)
		}
	}
}

// Without names there is nothing to keep.
func TestSeedsWithoutNames(t *testing.T) {
	s := seeds{nodes: []cli.HostPort{{Host: "198.51.100.1", Port: 8468}}}
	s.keep(t.Context()) // returns
}
