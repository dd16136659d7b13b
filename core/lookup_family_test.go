package core

import (
	"net/netip"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// A lookup asks no contact of an IP version that the node cannot reach, whoever names
// it, and counts it as skipped.
func TestLookupsStayInTheFamily(t *testing.T) {
	v4, v6 := addr(800), netip.MustParseAddrPort("[2a00::800]:4000")
	for family, want := range map[Family][2]bool{
		FamilyIPv4: {true, false}, FamilyIPv6: {false, true}, FamilyBoth: {true, true},
	} {
		net := newTestNet(t, 68)
		home := addr(1)
		teller := Contact{ID{1}, addr(600)}
		if family == FamilyIPv6 {
			home, teller.Addr = netip.MustParseAddrPort("[2a00::1]:4000"), netip.MustParseAddrPort("[2a00::600]:4000")
		}
		e := net.addAt(home, Config{Family: family, RefreshInterval: quiet})
		named := []Contact{{ID{2}, v4}, {ID{3}, v6}}
		net.puppet(teller, func(r *wire.Request) []byte { return answerAs(teller.ID, r, named...) })
		net.introduce(teller)
		asked := make(map[netip.AddrPort]bool)
		net.tap = func(_, to netip.AddrPort, _ []byte) { asked[to] = true }
		net.get(e, Key("key"))
		net.run(time.Minute)
		if got := [2]bool{asked[v4], asked[v6]}; got != want {
			t.Errorf("family %d: IPv4, IPv6 asked = %v, want %v", family, got, want)
		}
		if skipped := e.Stats().Skipped > 0; skipped != (family != FamilyBoth) {
			t.Errorf("family %d: skipped = %v", family, skipped)
		}
	}
}
