package webrtc

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// sample is a description with so many candidates, as Chromium's are.
func sample(candidates ...string) description {
	d := description{role: active, ufrag: "4Zcd", pwd: "2/1muCWoOi3uLifh0NuRHlig"}
	for i := range d.fingerprint {
		d.fingerprint[i] = byte(7 * i)
	}
	for _, s := range candidates {
		d.candidates = append(d.candidates, candidateAt(netip.MustParseAddrPort(s)))
	}
	return d
}

func TestDescriptionLength(t *testing.T) {
	uuid := candidate{mdns, netip.MustParseAddr("1:2:3:4:5:6:7:8"), 50000}
	withName := sample()
	withName.candidates = []candidate{uuid}
	withHere := sample()
	withHere.candidates = []candidate{{kind: portOnly, port: 50000}}
	eight := sample()
	eight.ufrag, eight.pwd = strings.Repeat("u", maxUfrag), strings.Repeat("p", maxPwd)
	for range maxCandidates {
		eight.candidates = append(eight.candidates, candidateAt(netip.MustParseAddrPort("[2001:db8::1]:50000")))
	}
	tests := []struct {
		name string
		d    description
		want int
	}{
		{"no candidate", sample(), 63},
		{"the port at the sender's address", withHere, 66},
		{"one IPv4 candidate", sample("192.0.2.1:50000"), 70},
		{"one IPv6 candidate", sample("[2001:db8::1]:50000"), 82},
		{"one name", withName, 82},
		{"the longest", eight, maxDescription},
	}
	for _, tt := range tests {
		b := tt.d.append(nil)
		if len(b) != tt.want {
			t.Errorf("%s: %d bytes, want %d", tt.name, len(b), tt.want)
		}
		got, err := parseDescription(b)
		if err != nil || !reflect.DeepEqual(got, tt.d) {
			t.Errorf("%s: read back %v, %v; want %v", tt.name, got, err, tt.d)
		}
	}
	if maxDescription > 255 {
		t.Errorf("longest description has %d bytes, want at most 255", maxDescription)
	}
}

// chromium is an offer as Chromium makes it.
const chromium = "v=0\r\no=- 4962303333179871722 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" +
	"a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\nm=application 53211 UDP/DTLS/SCTP webrtc-datachannel\r\n" +
	"c=IN IP4 203.0.113.5\r\n" +
	"a=candidate:2162486046 1 udp 2113937151 f81d4fae-7dec-11d0-a765-00a0c91e6bf6.local 53211 " +
	"typ host generation 0 network-cost 999\r\n" +
	"a=candidate:842163049 1 udp 1677729535 203.0.113.5 53211 typ srflx raddr 0.0.0.0 rport 0 generation 0\r\n" +
	"a=candidate:1 1 tcp 1518280447 203.0.113.5 9 typ host tcptype active\r\n" +
	"a=ice-ufrag:4Zcd\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlig\r\na=ice-options:trickle\r\n" +
	"a=fingerprint:sha-256 00:07:0E:15:1C:23:2A:31:38:3F:46:4D:54:5B:62:69:" +
	"70:77:7E:85:8C:93:9A:A1:A8:AF:B6:BD:C4:CB:D2:D9\r\n" +
	"a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"

func TestParseSDP(t *testing.T) {
	got, err := parseSDP(chromium)
	want := sample("203.0.113.5:53211")
	want.role = actpass
	uuid := candidate{mdns, netip.MustParseAddr("f81d:4fae:7dec:11d0:a765:00a0:c91e:6bf6"), 53211}
	want.candidates = append([]candidate{uuid}, want.candidates...)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("parseSDP = %v, %v; want %v", got, err, want)
	}
	again, err := parseSDP(got.sdp())
	if err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("expanded and read again: %v, %v; want %v", again, err, want)
	}
	for _, line := range []string{"a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"} {
		if d, err := parseSDP(strings.Replace(chromium, line, "a=other", 1)); err == nil {
			t.Errorf("without %s: %v, want an error", line, d)
		}
	}
}

func TestResolve(t *testing.T) {
	from := netip.MustParseAddrPort("203.0.113.5:8468")
	own := candidateAt(netip.MustParseAddrPort("203.0.113.5:50000"))
	uuid := candidate{mdns, netip.MustParseAddr("1:2:3:4:5:6:7:8"), 50000}
	lan := candidateAt(netip.MustParseAddrPort("192.168.1.7:50000"))
	list := []candidate{
		{kind: portOnly, port: 50000}, own, lan, uuid,
		candidateAt(netip.MustParseAddrPort("203.0.113.5:53")),       // a service of its
		candidateAt(netip.MustParseAddrPort("198.51.100.1:50000")),   // a victim
		candidateAt(netip.MustParseAddrPort("127.0.0.1:50000")),      // ourselves
		candidateAt(netip.MustParseAddrPort("169.254.169.254:8080")), // the cloud's
		candidateAt(netip.MustParseAddrPort("[fe80::1]:50000")),
		candidateAt(netip.MustParseAddrPort("224.0.0.1:50000")),
	}
	tests := []struct {
		name   string
		mode   Mode
		proven bool
		want   []candidate
	}{
		{"direct", Direct, true, []candidate{own}},
		{"lan", LAN, true, []candidate{own, lan, uuid}},
		{"unproven", LAN, false, nil},
	}
	for _, tt := range tests {
		if got := usable(list, from, tt.mode, tt.proven); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestTell(t *testing.T) {
	to := netip.MustParseAddrPort("203.0.113.5:8468")
	uuid := candidate{mdns, netip.MustParseAddr("1:2:3:4:5:6:7:8"), 50000}
	lan := candidateAt(netip.MustParseAddrPort("192.168.1.7:50000"))
	list := append(cands("192.168.1.7:50000", "198.51.100.1:50000", "127.0.0.1:50000"), uuid)
	port := candidate{kind: portOnly, port: 50000}
	tests := []struct {
		name   string
		mode   Mode
		sameIP bool
		want   []candidate
	}{
		{"a tab", Direct, false, nil},
		{"a native node", Direct, true, []candidate{port}},
		{"a tab in its LAN", LAN, false, []candidate{lan, uuid}},
		{"a native node in its LAN", LAN, true, []candidate{port, lan, uuid}},
	}
	for _, tt := range tests {
		got := tellable(list, to, tt.mode, tt.sameIP)
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			continue
		}
		for _, c := range tt.want {
			if !slices.Contains(got, c) {
				t.Errorf("%s: %v, want %v in it", tt.name, got, c)
			}
		}
	}
}

// TestSignalsPassRelays checks that signals have the form that relays let through,
// and that nodes that do not know them drop them as an unknown procedure.
func TestSignalsPassRelays(t *testing.T) {
	d := sample("192.0.2.1:50000")
	a := appendAnswer(nil, wire.MsgID{1}, &d)
	d.role = actpass
	o := (&offer{wire.MsgID{1}, ID{2}, nonce{3}, d}).append(nil)
	p := wire.NewParser()
	if kind, ok := p.WellFormed(o); !ok || kind != wire.KindRequest {
		t.Errorf("offer: kind %d, well-formed %v; want a request", kind, ok)
	}
	if kind, ok := p.WellFormed(a); !ok || kind != wire.KindAnswer {
		t.Errorf("answer: kind %d, well-formed %v; want an answer", kind, ok)
	}
	if err := p.Request(o[wire.HeaderLen:], new(wire.Request)); err != wire.ErrMethod {
		t.Errorf("a node without direct paths says %v, want %v", err, wire.ErrMethod)
	}
	if !isOffer(o) || isOffer(a) {
		t.Errorf("isOffer = %v and %v, want true and false", isOffer(o), isOffer(a))
	}
	t.Logf("offer %d bytes, answer %d", len(o), len(a))
}

func FuzzDescription(f *testing.F) {
	for _, d := range []description{sample(), sample("192.0.2.1:1"), sample("[2001:db8::1]:2", "192.0.2.1:1")} {
		f.Add(d.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDescription(b)
		if err != nil {
			return
		}
		if again := d.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
		sdp, err := parseSDP(d.sdp())
		if err != nil {
			t.Fatalf("own SDP: %v:\n%s", err, d.sdp())
		}
		if sdp.ufrag != d.ufrag || sdp.pwd != d.pwd || sdp.fingerprint != d.fingerprint || sdp.role != d.role {
			t.Fatalf("SDP says %v, want %v", sdp, d)
		}
		if got := strings.Count(d.sdp(), "\n"); got != 14+strings.Count(d.sdp(), "a=candidate") {
			t.Fatalf("%d lines of SDP", got)
		}
	})
}

func FuzzSDP(f *testing.F) {
	f.Add(chromium)
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseSDP(s)
		if err != nil {
			return
		}
		if got, err := parseDescription(d.append(nil)); err != nil || !reflect.DeepEqual(got, d) {
			t.Fatalf("%v became %v, %v", d, got, err)
		}
	})
}

func FuzzOffer(f *testing.F) {
	d := sample("192.0.2.1:50000")
	f.Add(appendAnswer(nil, wire.MsgID{1}, &d))
	d.role = actpass
	f.Add((&offer{wire.MsgID{1}, ID{2}, nonce{3}, d}).append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		if isOffer(p) {
			if o, err := parseOffer(p); err == nil && !bytes.HasPrefix(p, o.append(nil)) {
				t.Fatalf("%x became %x", p, o.append(nil))
			}
		}
		if len(p) > wire.HeaderLen {
			parseAnswer(p)
		}
	})
}

// FuzzEngine hands an engine the messages of a hostile peer, over both paths.
func FuzzEngine(f *testing.F) {
	f.Add([]byte{0, 5, 2, 0, 0, 0, 1, 1, 5, 3, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		l, a, b := pair(t, 1)
		ch := a.engine.peers.byAddr[b.addr].open.id
		for len(script) > 2 {
			verb, n := script[0], min(int(script[1]), len(script)-2)
			data := script[2 : 2+n]
			script = script[2+n:]
			switch verb % 5 {
			case 0:
				a.engine.received(l.now, ch, data)
			case 1:
				if p := append(append([]byte{0, 20: 0}, offerPrefix...), data...); isOffer(p) {
					a.engine.receivedOffer(l.now, b.addr, p)
				}
			case 2:
				a.engine.receivedAnswer(l.now, b.addr, data)
			case 3:
				a.call(b)
			case 4:
				l.run(time.Duration(n) * 100 * time.Millisecond)
			}
			a.settle()
		}
	})
}
