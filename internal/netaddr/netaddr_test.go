package netaddr_test

import (
	"net/netip"
	"testing"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/netaddr/netaddrtest"
)

// TestClassOf checks the first and last address of each range of IANA's registries,
// and the addresses one below and one above.
func TestClassOf(t *testing.T) {
	for _, ip := range netaddrtest.Edges() {
		if got, want := netaddr.ClassOf(ip), netaddrtest.ClassOf(ip); got != want {
			t.Errorf("ClassOf(%v) = %v, want %v", ip, got, want)
		}
	}
}

// TestEachIPv4Block checks one address in each /24.
func TestEachIPv4Block(t *testing.T) {
	want := make([]netaddr.Class, 1<<24)
	for _, r := range netaddrtest.Ranges { // each IPv4 range comes after the ranges around it
		if ip := r.Prefix.Addr(); ip.Is4() && r.Prefix.Bits() <= 24 {
			b := ip.As4()
			first := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
			for n := range 1 << (24 - r.Prefix.Bits()) {
				want[first+n] = r.Class
			}
		}
	}
	for n, want := range want {
		ip := netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 99})
		if got := netaddr.ClassOf(ip); got != want {
			t.Fatalf("ClassOf(%v) = %v, want %v", ip, got, want)
		}
	}
}

func TestIsPublic(t *testing.T) {
	tests := []struct {
		ip   string
		want bool
	}{
		{"8.8.8.8", true},
		{"1.0.0.1", true},
		{"223.255.255.254", true},
		{"2600::1", true},
		{"2a00:1450::1", true},
		{"2a00:1450::200:5eff:fe00:1", true}, // an EUI-64, one byte off ISATAP

		{"192.52.193.1", false},               // AMT
		{"2a00::5efe:7f00:1", false},          // ISATAP of 127.0.0.1
		{"2a00::200:5efe:808:808", false},     // ISATAP of 8.8.8.8
		{"2002:7f00:1::", false},              // 6to4 of 127.0.0.1
		{"2002:808:808::1", false},            // 6to4 of 8.8.8.8
		{"2001:0:1:1:0:0:3f57:fefe", false},   // Teredo of 192.168.1.1
		{"64:ff9b::a00:1", false},             // NAT64 of 10.0.0.1
		{"64:ff9b::808:808", false},           // NAT64 of 8.8.8.8
		{"64:ff9b:1::7f00:1", false},          // local NAT64 of 127.0.0.1
		{"::127.0.0.1", false},                // IPv4-compatible
		{"::8.8.8.8", false},                  // IPv4-compatible
		{"::ffff:8.8.8.8", false},             // mapped, to be unmapped first
		{"::ffff:0:7f00:1", false},            // IPv4-translated
		{"fe80::1%eth0", false},               // with a zone
		{"100.100.100.200", false},            // a cloud's metadata
		{"169.254.169.254", false},            // a cloud's metadata
		{"fd00:ec2::254", false},              // a cloud's metadata
		{"255.255.255.255", false},            // broadcast
		{"fec0::1", false},                    // site-local
		{"4000::1", false}, {"1fff::", false}, // not handed out
	}
	for _, tt := range tests {
		if got := netaddr.IsPublic(netip.MustParseAddr(tt.ip)); got != tt.want {
			t.Errorf("IsPublic(%s) = %v, want %v", tt.ip, got, tt.want)
		}
	}
	if netaddr.IsPublic(netip.Addr{}) {
		t.Error("the zero Addr is public")
	}
}

func TestScope(t *testing.T) {
	want := map[netaddr.Class]netaddr.Scope{
		netaddr.Nowhere: netaddr.ScopeNone, netaddr.Loopback: netaddr.ScopeHost, netaddr.LinkLocal: netaddr.ScopeSite,
		netaddr.Private: netaddr.ScopeSite, netaddr.Shared: netaddr.ScopeSite, netaddr.Special: netaddr.ScopeSite,
		netaddr.Tunnel: netaddr.ScopeSite,
		netaddr.Public: netaddr.ScopeGlobal,
	}
	for c, s := range want {
		if got := c.Scope(); got != s {
			t.Errorf("Class(%d).Scope() = %v, want %v", c, got, s)
		}
	}
	if !(netaddr.ScopeNone < netaddr.ScopeHost && netaddr.ScopeHost < netaddr.ScopeSite && netaddr.ScopeSite < netaddr.ScopeGlobal) {
		t.Error("scopes are not in order")
	}
}

func TestFamilies(t *testing.T) {
	v4, v6 := netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("2a00::1")
	if netaddr.Family(v4) != 4 || netaddr.Family(v6) != 6 {
		t.Errorf("families %d and %d, want 4 and 6", netaddr.Family(v4), netaddr.Family(v6))
	}
	if !netaddr.SameFamily(v4, v4) || !netaddr.SameFamily(v6, v6) || netaddr.SameFamily(v4, v6) {
		t.Error("SameFamily disagrees with Family")
	}
	mapped := netip.AddrPortFrom(netip.AddrFrom16(v4.As16()), 7)
	if got, want := netaddr.Unmap(mapped), netip.AddrPortFrom(v4, 7); got != want {
		t.Errorf("Unmap(%v) = %v, want %v", mapped, got, want)
	}
}

func TestAllocatesNothing(t *testing.T) {
	edges := netaddrtest.Edges()
	if n := testing.AllocsPerRun(10, func() {
		for _, ip := range edges {
			netaddr.ClassOf(ip)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkClassOf(b *testing.B) {
	for _, s := range []string{"8.8.8.8", "198.51.100.1", "192.168.1.1", "127.0.0.1", "2a00:1450::1", "2001:db8::1"} {
		ip := netip.MustParseAddr(s)
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				netaddr.ClassOf(ip)
			}
		})
	}
}
