//go:build !js

package webrtc

import (
	"flag"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/ice/v2"
	"github.com/pion/webrtc/v3"

	"github.com/kadmesh/kadmesh/internal/proctest"
)

var switches = flag.Int("switches", 40, "how often TestSwitchesUnderLoad cuts the path")

func TestUpgradesByItself(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)

	upgrade(t, a, b)

	before := a.Stats()
	for range 20 {
		if err := a.call(b.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	after := a.Stats()
	if got := after.Direct.Sent - before.Direct.Sent; got != 20 {
		t.Errorf("%d of 20 requests went over the channel, want all", got)
	}
	if got := after.Direct.Received - before.Direct.Received; got != 20 {
		t.Errorf("%d of 20 answers came over the channel, want all", got)
	}
	if after.Wrapped != before.Wrapped {
		t.Errorf("wrapped conn carried %v, want %v as before", after.Wrapped, before.Wrapped)
	}
	if after.Upgrades != 1 || after.Open != 1 {
		t.Errorf("%d upgrades and %d open, want 1 and 1", after.Upgrades, after.Open)
	}
}

func TestWaysToListen(t *testing.T) {
	tests := []struct {
		name string
		a, b func(*Config)
	}{
		{"on all addresses", listenOn("[::]:0"), listenOn("[::]:0")},
		{"on all of IPv4", listenOn("0.0.0.0:0"), listenOn("127.0.0.1:0")},
		{"one tells nothing, as behind a relay", hidden, listenOn("127.0.0.1:0")},
		{"the other tells nothing", listenOn("127.0.0.1:0"), hidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := newNode(t, 1, tt.a), newNode(t, 2, tt.b)
			if err := b.call(a.LocalAddr()); err != nil { // the core pings a new peer
				t.Fatal(err)
			}
			upgrade(t, a, b)
		})
	}
}

func listenOn(addr string) func(*Config) {
	return func(c *Config) { c.Listen = netip.MustParseAddrPort(addr) }
}

func hidden(c *Config) {
	c.SameIP, c.Listen = false, loopback
}

// TestSwitchesUnderLoad cuts the path in three ways and counts lost requests.
func TestSwitchesUnderLoad(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	upgrade(t, a, b)
	stop := load(a, b)
	var back time.Duration // the longest way back after the path went silent
	for i := range *switches {
		switch i % 8 {
		case 0:
			a.cutter.cut.Store(true)
			b.cutter.cut.Store(true)
			start := time.Now()
			proctest.Eventually(t, "both are back", func() bool { return a.state(b) != Open && b.state(a) != Open })
			back = max(back, time.Since(start))
			a.cutter.cut.Store(false)
			b.cutter.cut.Store(false)
		case 1, 3, 5, 7:
			a.breakOff(b)
		default:
			b.breakOff(a)
		}
		proctest.Eventually(t, "both are open again", func() bool {
			if a.state(b) == Open && b.state(a) == Open {
				return true
			}
			a.forgive()
			b.forgive()
			return false
		})
	}
	calls, lost := stop()
	if lost != 0 {
		t.Errorf("%d of %d requests lost in %d switches, want 0", lost, calls, *switches)
	}
	s := a.Stats()
	t.Logf("%d requests in %d switches, back after %v at the latest, %d resent, fell back %v",
		calls, *switches, back, s.Resent, s.Fallbacks)
}

func TestGlareWithPion(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	a.Met(b.LocalAddr(), b.id, true)
	b.Met(a.LocalAddr(), a.id, true)
	b.forgive() // does not wait for the lesser id
	proctest.Eventually(t, "both are open", func() bool { return a.state(b) == Open && b.state(a) == Open })
	if a, b := a.Stats(), b.Stats(); a.Open+a.Pending != 1 || b.Open+b.Pending != 1 {
		t.Errorf("%d+%d and %d+%d channels, want one each", a.Open, a.Pending, b.Open, b.Pending)
	}
}

// stranger is a socket that speaks the wire and nothing more.
func stranger(t *testing.T) (sock *net.UDPConn, addr netip.AddrPort) {
	t.Helper()
	sock, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close() })
	sock.SetReadDeadline(time.Now().Add(20 * time.Second))
	return sock, sock.LocalAddr().(*net.UDPAddr).AddrPort()
}

func TestAcceptsAndNeverOpensWithPion(t *testing.T) {
	a := newNode(t, 1, nil)
	sock, addr := stranger(t)
	a.Met(addr, ID{2}, true)
	b := make([]byte, 2048)
	n, _, err := sock.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseOffer(b[:n])
	if err != nil || !isOffer(b[:n]) {
		t.Fatalf("%x, want an offer: %v", b[:n], err)
	}
	if got := o.description.candidates; len(got) != 1 || got[0].kind != portOnly {
		t.Errorf("offers candidates %v, want the port alone", got)
	}
	d := sample("127.0.0.1:9", "203.0.113.9:5000")
	sock.WriteToUDPAddrPort(appendAnswer(nil, o.msg, &d), a.LocalAddr())
	proctest.Eventually(t, "the answer is there", func() bool {
		a.loop.mu.Lock()
		defer a.loop.mu.Unlock()
		return len(a.loop.engine.channels.byOffer) == 0
	})
	if n, err := a.WriteBatch([][]byte{{0, 60: 1}}, []netip.AddrPort{addr}); n != 1 || err != nil {
		t.Errorf("WriteBatch meanwhile = %d, %v; want 1, nil", n, err)
	}
	if n, _, err := sock.ReadFromUDPAddrPort(b); err != nil || n != 61 {
		t.Errorf("the datagram came as %d bytes, %v; want 61 over the wrapped conn", n, err)
	}
}

func TestFloodAndReplayWithPion(t *testing.T) {
	a, b := newNode(t, 1, nil), newNode(t, 2, nil)
	upgrade(t, a, b)
	sock, _ := stranger(t)
	for i := range uint64(2000) {
		// A fifth of them is the one before, once more.
		sock.WriteToUDPAddrPort(offerFrom(ID{9}, i-i/5), a.LocalAddr())
		if i%100 == 0 {
			if err := a.call(b.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := a.Stats()
	if s.Open != 1 || s.Pending > 1 {
		t.Errorf("%d open and %d pending, want 1 and at most 1", s.Open, s.Pending)
	}
	if got := s.Refused[RefusedTooSoon]; got < 1000 {
		t.Errorf("%d refused as too soon, want nearly all of 2000: %v", got, s.Refused)
	}
}

// TestPionTakesSDP hands both expanded descriptions to pion as a peer connection of
// its own makes and takes them: with its defaults.
func TestPionTakesSDP(t *testing.T) {
	var s webrtc.SettingEngine
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled) // it would open a socket for others
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	d := sample("192.0.2.1:50000", "[2001:db8::1]:50000")
	d.role = actpass
	d.candidates = append(d.candidates, candidate{mdns, netip.MustParseAddr("1:2:3:4:5:6:7:8"), 50000})
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: d.sdp()}); err != nil {
		t.Fatalf("offer: %v\n%s", err, d.sdp())
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseSDP(answer.SDP); err != nil || got.role != active {
		t.Errorf("its answer: %v, %v; want one with an active role\n%s", got, err, answer.SDP)
	}
}

// many is a mux with many addresses.
type many struct {
	ice.UDPMux
	ips []string
}

func (m many) GetListenAddresses() (list []net.Addr) {
	for _, ip := range m.ips {
		list = append(list, &net.UDPAddr{IP: net.ParseIP(ip), Port: 9})
	}
	return list
}

func TestOneAddressEach(t *testing.T) {
	for _, tt := range []struct{ has, want []string }{
		{[]string{"127.0.0.1"}, []string{"127.0.0.1"}},
		{[]string{"127.0.0.1", "192.168.1.5", "10.0.0.1"}, []string{"192.168.1.5"}},
		{[]string{"::1", "127.0.0.1", "fd00::2", "192.168.1.5", "fd00::3"}, []string{"192.168.1.5", "fd00::2"}},
	} {
		var got []string
		for _, a := range (onePerFamily{many{ips: tt.has}}).GetListenAddresses() {
			got = append(got, a.(*net.UDPAddr).IP.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("of %v: %v, want %v", tt.has, got, tt.want)
		}
	}
}

// BenchmarkUpgrade is the time from the first datagram to an open channel.
func BenchmarkUpgrade(b *testing.B) {
	var took []time.Duration
	for b.Loop() {
		x, y := newNode(b, 1, nil), newNode(b, 2, nil)
		took = append(took, upgrade(b, x, y))
		x.close()
		y.close()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// BenchmarkCall is a request over an open channel.
func BenchmarkCall(b *testing.B) {
	x, y := newNode(b, 1, nil), newNode(b, 2, nil)
	upgrade(b, x, y)
	for b.Loop() {
		if err := x.call(y.LocalAddr()); err != nil {
			b.Fatal(err)
		}
	}
}
