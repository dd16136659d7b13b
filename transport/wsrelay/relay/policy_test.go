package relay

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/netaddr/netaddrtest"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// ownAddrs are the relay's own addresses in the tests of the policy.
var ownAddrs = []netip.Addr{netip.MustParseAddr("5.5.5.5"), netip.MustParseAddr("2a00::5")}

func prefixes(list ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func isOwn(ip netip.Addr) bool { return slices.Contains(ownAddrs, ip) }

// Addresses that are not to be reached from outside, in all the ways to write
// them, and their neighbours that are.
var policyTests = []struct {
	name, addr string
	want       bool
}{
	{"public", "8.8.8.8:4000", true},
	{"public, lowest port", "8.8.8.8:1024", true},
	{"public, highest port", "8.8.8.8:65535", true},
	{"public IPv6", "[2a00:1450::1]:4000", true},
	{"public, mapped", "[::ffff:8.8.8.8]:4000", true},

	{"port 0", "8.8.8.8:0", false},
	{"port of a system service", "8.8.8.8:1023", false},
	{"DNS", "8.8.8.8:53", false},
	{"DNS over IPv6", "[2a00:1450::1]:53", false},

	{"loopback", "127.0.0.1:4000", false},
	{"loopback, another one", "127.1.2.3:4000", false},
	{"loopback, last", "127.255.255.255:4000", false},
	{"behind loopback", "128.0.0.0:4000", true},
	{"before loopback", "126.255.255.255:4000", true},
	{"loopback IPv6", "[::1]:4000", false},
	{"loopback, mapped", "[::ffff:127.0.0.1]:4000", false},
	{"loopback, mapped, in hex", "[::ffff:7f00:1]:4000", false},
	{"loopback, compatible", "[::127.0.0.1]:4000", false},
	{"loopback, translated (RFC 2765)", "[::ffff:0:7f00:1]:4000", false},
	{"loopback, NAT64", "[64:ff9b::7f00:1]:4000", false},
	{"loopback, local NAT64", "[64:ff9b:1::7f00:1]:4000", false},
	{"loopback, 6to4", "[2002:7f00:1::]:4000", false},
	{"loopback, Teredo server", "[2001:0:7f00:1::1]:4000", false},
	{"loopback, Teredo client", "[2001::80ff:fffe]:4000", false},
	{"loopback, ISATAP", "[2a00::5efe:7f00:1]:4000", false},
	{"loopback, ISATAP with a global id", "[2a00::200:5efe:7f00:1]:4000", false},

	{"unspecified", "0.0.0.0:4000", false},
	{"unspecified IPv6", "[::]:4000", false},
	{"unspecified, mapped", "[::ffff:0.0.0.0]:4000", false},
	{"this network", "0.1.2.3:4000", false},
	{"behind this network", "1.0.0.0:4000", true},

	{"10/8, first", "10.0.0.0:4000", false},
	{"10/8, last", "10.255.255.255:4000", false},
	{"behind 10/8", "11.0.0.0:4000", true},
	{"172.16/12, first", "172.16.0.0:4000", false},
	{"172.16/12, last", "172.31.255.255:4000", false},
	{"before 172.16/12", "172.15.255.255:4000", true},
	{"behind 172.16/12", "172.32.0.0:4000", true},
	{"192.168/16", "192.168.1.1:4000", false},
	{"192.168/16, mapped", "[::ffff:192.168.1.1]:4000", false},
	{"192.168/16, compatible", "[::c0a8:101]:4000", false},
	{"192.168/16, NAT64", "[64:ff9b::192.168.1.1]:4000", false},
	{"192.168/16, 6to4", "[2002:c0a8:101::1]:4000", false},
	{"192.168/16, Teredo", "[2001:0:1:1:0:0:3f57:fefe]:4000", false},
	{"10/8, 6to4", "[2002:a00:1::]:4000", false},
	{"public, 6to4", "[2002:808:808::]:4000", false},
	{"public, NAT64", "[64:ff9b::8.8.8.8]:4000", false},
	{"public, compatible", "[::8.8.8.8]:4000", false},

	{"carrier-grade NAT, first", "100.64.0.0:4000", false},
	{"carrier-grade NAT, last", "100.127.255.255:4000", false},
	{"before carrier-grade NAT", "100.63.255.255:4000", true},
	{"behind carrier-grade NAT", "100.128.0.0:4000", true},
	{"cloud metadata of Alibaba", "100.100.100.200:4000", false},

	{"link-local", "169.254.0.1:4000", false},
	{"cloud metadata", "169.254.169.254:4000", false},
	{"cloud metadata, mapped", "[::ffff:169.254.169.254]:4000", false},
	{"cloud metadata, compatible", "[::a9fe:a9fe]:4000", false},
	{"cloud metadata, NAT64", "[64:ff9b::a9fe:a9fe]:4000", false},
	{"cloud metadata, 6to4", "[2002:a9fe:a9fe::]:4000", false},
	{"cloud metadata of AWS, IPv6", "[fd00:ec2::254]:4000", false},
	{"link-local IPv6", "[fe80::1]:4000", false},
	{"link-local IPv6 with zone", "[fe80::1%eth0]:4000", false},
	{"link-local IPv6, last", "[febf:ffff::1]:4000", false},
	{"public with zone", "[2a00::1%eth0]:4000", false},
	{"site-local", "[fec0::1]:4000", false},
	{"site-local, last", "[feff::1]:4000", false},
	{"unique local", "[fc00::1]:4000", false},
	{"unique local, random", "[fdab:cdef:1234::1]:4000", false},

	{"multicast, first", "224.0.0.1:4000", false},
	{"multicast DNS", "224.0.0.251:5353", false},
	{"SSDP", "239.255.255.250:1900", false},
	{"before multicast", "223.255.255.255:4000", true},
	{"multicast IPv6, this link", "[ff02::1]:4000", false},
	{"multicast IPv6, global", "[ff0e::1]:4000", false},
	{"reserved", "240.0.0.1:4000", false},
	{"reserved, last", "255.255.255.254:4000", false},
	{"broadcast", "255.255.255.255:4000", false},
	{"broadcast, mapped", "[::ffff:255.255.255.255]:4000", false},

	{"protocol assignments", "192.0.0.170:4000", false},
	{"documentation 1", "192.0.2.1:4000", false},
	{"documentation 2", "198.51.100.1:4000", false},
	{"documentation 3", "203.0.113.1:4000", false},
	{"documentation IPv6", "[2001:db8::1]:4000", false},
	{"documentation IPv6, new", "[3fff::1]:4000", false},
	{"benchmarks, first", "198.18.0.0:4000", false},
	{"benchmarks, last", "198.19.255.255:4000", false},
	{"behind benchmarks", "198.20.0.0:4000", true},
	{"benchmarks IPv6", "[2001:2::1]:4000", false},
	{"6to4 relay", "192.88.99.1:4000", false},
	{"multicast tunnels", "192.52.193.1:4000", false},
	{"ORCHID", "[2001:10::1]:4000", false},
	{"ORCHID 2", "[2001:20::1]:4000", false},
	{"Teredo", "[2001::1]:4000", false},
	{"behind protocol assignments IPv6", "[2001:200::1]:4000", true},
	{"discard only", "[100::1]:4000", false},
	{"segment routing", "[5f00::1]:4000", false},
	{"before what is handed out", "[1fff::1]:4000", false},
	{"behind what is handed out", "[4000::1]:4000", false},

	{"own", "5.5.5.5:4000", false},
	{"own, mapped", "[::ffff:5.5.5.5]:4000", false},
	{"own IPv6", "[2a00::5]:4000", false},
	{"next to own", "5.5.5.6:4000", true},
	{"denied", "8.1.2.3:4000", false},
	{"denied, mapped", "[::ffff:8.1.2.3]:4000", false},
	{"denied IPv6", "[2a00:dead::1]:4000", false},
}

func TestPolicy(t *testing.T) {
	p := policy{isOwn: isOwn, deny: prefixes("8.1.0.0/16", "2a00:dead::/32")}
	denied := 0
	for _, tt := range policyTests {
		if got := p.allows(netip.MustParseAddrPort(tt.addr)); got != tt.want {
			t.Errorf("%s: allows(%s) = %v, want %v", tt.name, tt.addr, got, tt.want)
		}
		if !tt.want {
			denied++
		}
	}
	if denied < 60 {
		t.Errorf("%d cases are denied, want 60 at least", denied)
	}
}

// The relay passes datagrams to public addresses alone, by the same list as nodes.
func TestPolicyKeepsToRegistries(t *testing.T) {
	p := policy{isOwn: isOwn}
	for _, ip := range netaddrtest.Edges() {
		a := netip.AddrPortFrom(ip, 4000)
		if got, want := p.allows(a), netaddrtest.ClassOf(ip.Unmap()) == netaddr.Public; got != want {
			t.Errorf("allows(%v) = %v, want %v", a, got, want)
		}
	}
}

// A relay for demonstrations lets clients reach this machine and its network, but
// nothing that is special in other ways.
func TestPolicyPrivate(t *testing.T) {
	p := policy{allowPrivate: true, isOwn: isOwn, deny: prefixes("10.9.0.0/16")}
	for addr, want := range map[string]bool{
		"127.0.0.1:4000": true, "[::1]:4000": true, "[::ffff:127.0.0.1]:4000": true, "10.0.0.1:4000": true,
		"192.168.1.1:4000": true, "100.64.0.1:4000": true, "[fd00::1]:4000": true, "8.8.8.8:4000": true,
		"5.5.5.5:4000": true,

		"127.0.0.1:53": false, "10.9.0.1:4000": false, "169.254.169.254:4000": false, "[fe80::1]:4000": false,
		"0.0.0.0:4000": false, "[::]:4000": false, "224.0.0.1:4000": false, "255.255.255.255:4000": false,
		"[2002:7f00:1::]:4000": false, "[64:ff9b::7f00:1]:4000": false, "[ff02::1]:4000": false,
	} {
		if got := p.allows(netip.MustParseAddrPort(addr)); got != want {
			t.Errorf("allows(%s) = %v, want %v", addr, got, want)
		}
	}
}

// No datagram gets to where it must not, nor is one from there heard: all the way
// through a relay.
func TestRelayKeepsToPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		cfg := labConfig()
		cfg.PublicIPs = ownAddrs
		cfg.Deny = prefixes("8.1.0.0/16", "2a00:dead::/32")
		cfg.Limits.NewDestinations = Rate{PerSecond: -1}
		c := newLab(t, cfg).join(home, message.Hello{})
		n := 0
		for i, tt := range policyTests {
			a := netip.MustParseAddrPort(tt.addr)
			if a.Port() == 0 || a.Addr().Zone() != "" {
				continue // not to be said
			}
			if a.Addr().Is4In6() {
				// It can only be said raw, and that is malformed: see TestMalformed.
				a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
			}
			want := 0
			if tt.want {
				want = 1
			} else {
				n++
			}
			if got := c.tell(datagram{a, ask(i)}); len(got) != want {
				t.Errorf("%s: %d datagrams went to %v, want %d", tt.name, len(got), a, want)
			}
			if got := c.hear(datagram{a, ask(i)}); len(got) != want {
				t.Errorf("%s: %d datagrams came from %v, want %d", tt.name, len(got), a, want)
			}
		}
		if got := c.dropped()[message.DropDestination]; got != uint64(2*n) {
			t.Errorf("told of %d drops, want %d", got, 2*n)
		}
	})
}
