package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/udp"
	"github.com/kadmesh/kadmesh/transport/webrtc"
)

// watched is a node that takes direct paths, with its metrics.
type watched struct {
	*proctest.Process
	addr    string
	metrics string
}

func startWatched(t *testing.T, listen string, args ...string) watched {
	t.Helper()
	p, addr := startAt(t, listen, append([]string{"--webrtc", "--metrics", "127.0.0.1:0"}, args...)...)
	return watched{p, addr, p.Stderr.Await(t, `msg=metrics url=(\S+)`)[1]}
}

// metric returns the value of a metric by name and labels, in the notation of
// Prometheus.
func (w watched) metric(t *testing.T, name string) int {
	t.Helper()
	r, err := http.Get(w.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^kadmesh_node_` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no metric %s in\n%s", name, text)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(v)
}

func (w watched) awaitChannels(t *testing.T, n int) {
	t.Helper()
	proctest.Eventually(t, fmt.Sprintf("%d channels are open", n), func() bool { return w.metric(t, "channels") == n })
}

// Two nodes open a direct path. When one is killed, the other goes on, and takes it
// back later.
func TestWebRTC(t *testing.T) {
	if testing.Short() {
		t.Skip("takes up to ten seconds of real time")
	}
	t.Parallel()
	id := strings.Repeat("77", 20)
	a := startWatched(t, "127.0.0.1:0", "--id", id)
	b := startWatched(t, "127.0.0.1:0", "--bootstrap", a.addr)
	a.awaitChannels(t, 1)
	b.awaitChannels(t, 1)
	const offers = `offers_total{direction="sent"}`
	if got := a.metric(t, offers) + b.metric(t, offers); got == 0 {
		t.Error("no offers are counted, want one at least")
	}
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "v", "-b", a.addr)

	a.Stop(t, os.Kill)
	want(t, result{"v\n", "", 0}, "get", "k", "-b", b.addr)
	a = startWatched(t, a.addr, "--id", id, "--bootstrap", b.addr)
	a.Stderr.Await(t, `msg=joined`)
	a.awaitChannels(t, 1)
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "w", "-b", a.addr)
	for _, w := range []watched{a, b} {
		if code := w.Stop(t, os.Interrupt); code != 0 {
			t.Errorf("exit status %d after SIGINT, want 0", code)
		}
		if out := w.Stdout.String(); !regexp.MustCompile(listeningLine + "$").MatchString(out) {
			t.Errorf("stdout is %q, want one line", out)
		}
	}
}

// peer is a node in this process, which counts the offers that come over its
// socket.
type peer struct {
	*core.Node
	direct *webrtc.Conn // nil without
	offers atomic.Int64
	id     core.ID
}

// counted is a socket that counts offers among its datagrams.
type counted struct {
	*udp.Conn
	p *peer
}

func (c counted) ReadBatch(bufs [][]byte, sizes []int, from []netip.AddrPort) (int, error) {
	n, err := c.Conn.ReadBatch(bufs, sizes, from)
	for i := range n {
		if bytes.Contains(bufs[i][:sizes[i]], []byte("\x92\xa6direct")) {
			c.p.offers.Add(1)
		}
	}
	return n, err
}

func startPeer(t *testing.T, direct bool, first byte) *peer {
	t.Helper()
	sock, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{id: core.ID{first, 1}}
	cfg := core.Config{ID: p.id}
	var conn core.Conn = counted{sock, p}
	if direct {
		paths := webrtc.Config{ID: webrtc.ID(p.id), Mode: webrtc.Direct, SameIP: true}
		if p.direct, err = webrtc.Wrap(conn, paths); err != nil {
			t.Fatal(err)
		}
		conn, cfg.Direct = p.direct, noteMet(p.direct)
	}
	p.Node = core.NewNode(conn, cfg)
	t.Cleanup(func() { p.Close() })
	return p
}

// Datagrams on the direct path are not sent over UDP too, except the last ones when the
// path is lost.
func TestWebRTCCarriesDatagrams(t *testing.T) {
	t.Parallel()
	a := startWatched(t, "127.0.0.1:0")
	addr := netip.MustParseAddrPort(a.addr)
	p := startPeer(t, true, 1)
	if err := p.Bootstrap(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	proctest.Eventually(t, "a channel is open", func() bool { return p.direct.Stats().Open == 1 })
	a.awaitChannels(t, 1)
	const direct = `path_datagrams_total{direction="received",path="direct"}`
	const overUDP = `path_datagrams_total{direction="received",path="udp"}`
	before, beforeUDP := a.metric(t, direct), a.metric(t, overUDP)
	proctest.Eventually(t, "20 requests went over the direct path", func() bool {
		if _, _, err := p.Ping(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
		return a.metric(t, direct)-before >= 20
	})
	if got := a.metric(t, overUDP) - beforeUDP; got != 0 && p.direct.Stats().Upgrades == 1 {
		t.Errorf("%d requests went over UDP, want none", got)
	}

	a.Stop(t, os.Kill)
	if _, _, err := p.Ping(t.Context(), addr); err == nil {
		t.Error("a node that was killed answers, want an error")
	}
	proctest.Eventually(t, "there is no channel any more", func() bool { return p.direct.Stats().Open == 0 })
	if s := p.direct.Stats(); s.Resent == 0 {
		t.Errorf("nothing was sent again over UDP: %+v", s)
	}
	startAt(t, a.addr) // a stranger, without direct paths
	if _, _, err := p.Ping(t.Context(), addr); err != nil {
		t.Errorf("ping of the next node there: %v", err)
	}
}

// A node that does not state that it takes direct paths gets no offers.
func TestWebRTCLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	a := startWatched(t, "127.0.0.1:0")
	b := startWatched(t, "127.0.0.1:0", "--bootstrap", a.addr)
	plain, able := startPeer(t, false, 0xff), startPeer(t, true, 0xff)
	for _, p := range []*peer{plain, able} {
		if err := p.Bootstrap(t.Context(), netip.MustParseAddrPort(a.addr)); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			for _, w := range []watched{a, b} {
				if _, _, err := p.Ping(t.Context(), netip.MustParseAddrPort(w.addr)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// The nodes have met plain before able.
	proctest.Eventually(t, "there are channels to the other peer", func() bool { return able.direct.Stats().Open == 2 })
	if got := plain.offers.Load(); got != 0 {
		t.Errorf("%d offers to a peer that takes none, want 0", got)
	}
}

func TestWebRTCPort(t *testing.T) {
	p, addr := startNode(t, "--webrtc", "--webrtc-lan")
	used := p.Stderr.Await(t, `msg="direct paths" udp=(127.0.0.1:\d+) mode=lan`)[1]
	if used == addr {
		t.Errorf("both ports are %s", addr)
	}
	want(t, result{"", "listen for direct paths on " + used + ": listen udp4 " + used +
		": bind: address already in use: choose another port, or port 0 for any free one\n", 1},
		"node", "--listen", "127.0.0.1:0", "--webrtc", "--webrtc-listen", used)
}

func TestMetrics(t *testing.T) {
	a := startWatched(t, "127.0.0.1:0")
	b, _ := startNode(t, "--bootstrap", a.addr, "--metrics", "127.0.0.1:0")
	b.Stderr.Await(t, `msg=joined`)
	w := watched{b, "", b.Stderr.Await(t, `msg=metrics url=(\S+)`)[1]}
	for name, least := range map[string]int{
		`info{version="` + proctest.Version + `"}`: 1, "contacts": 1, "records": 0, "asked_total": 1, "replied_total": 1,
		`datagrams_total{direction="sent"}`: 1, `dropped_total{reason="wrong_source"}`: 0,
	} {
		if got := w.metric(t, name); got < least {
			t.Errorf("%s is %d, want at least %d", name, got, least)
		}
	}
	for _, name := range []string{
		`fallbacks_total{reason="silent"}`, `failures_total{reason="no_answer"}`, `refused_offers_total{reason="too_soon"}`,
		"upgrades_total",
	} {
		if got := a.metric(t, name); got != 0 {
			t.Errorf("%s is %d, want 0", name, got)
		}
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(a.metrics, "http://"), "/metrics")
	r := run(t, "", "node", "--listen", "127.0.0.1:0", "--metrics", taken)
	if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "choose another port") {
		t.Errorf("node with a used port for metrics = %q, want exit status 1 and what to do", r)
	}
}
