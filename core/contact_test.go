package core

import (
	"net/netip"
	"testing"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/netaddr/netaddrtest"
)

// A node on the Internet may name an address, or be told of it, exactly if the address
// is public. So the edges of all special ranges decide as in the relay and in webrtc.
func TestOnlyPublicAddressesAreTold(t *testing.T) {
	peer := netip.MustParseAddrPort("193.0.0.1:4000")
	for _, ip := range netaddrtest.Edges() {
		a := netip.AddrPortFrom(ip, 4000)
		if got, want := mayTell(a, peer), netaddrtest.ClassOf(ip) == netaddr.Public; got != want {
			t.Errorf("mayTell(%v, %v) = %v, want %v", a, peer, got, want)
		}
	}
}

// Anybody on the Internet can have an address of a tunnel, and an interface identifier
// of ISATAP is free to choose: from there, no address inside a network may be named.
func TestTunnelsNameNothingPrivate(t *testing.T) {
	for _, from := range []string{"[2a00::5efe:101:101]:4000", "[2002:101:101::1]:4000", "[64:ff9b::101:101]:4000", "[2001::1]:4000", "192.52.193.1:4000"} {
		for to, want := range map[string]bool{
			"193.0.0.1:4000": true, "10.0.0.1:4000": false, "127.0.0.1:4000": false, "[fd00::1]:4000": false,
			"[2002:a00:1::1]:4000": false, "[64:ff9b::a00:1]:4000": false, "[2a00::5efe:a00:1]:4000": false,
		} {
			if got := mayTell(netip.MustParseAddrPort(to), netip.MustParseAddrPort(from)); got != want {
				t.Errorf("mayTell(%s, %s) = %v, want %v", to, from, got, want)
			}
		}
	}
}

// Documentation addresses work among themselves, as laboratories use them.
func TestSpecialNetworksWork(t *testing.T) {
	for _, pair := range [][2]string{{"198.51.100.1:4000", "203.0.113.1:4000"}, {"[2001:db8::1]:4000", "[2001:db8::2]:4000"}} {
		if a, b := netip.MustParseAddrPort(pair[0]), netip.MustParseAddrPort(pair[1]); !mayTell(a, b) || !canKeep(a) {
			t.Errorf("mayTell(%v, %v) or canKeep(%v) = false, want true", a, b, a)
		}
	}
}
