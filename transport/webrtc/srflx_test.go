package webrtc

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/netaddr/netaddrtest"
)

// Of all special-purpose ranges, only what netaddr calls public is tried as an address
// that a peer names for itself.
func TestOnlyPublicAddressesAreTried(t *testing.T) {
	for _, ip := range netaddrtest.Edges() {
		got := publicCandidates([]candidate{{ipv6, ip, 5000}})
		if want := netaddrtest.ClassOf(ip) == netaddr.Public; len(got) == 1 != want {
			t.Errorf("%v is tried = %v, want %v", ip, len(got) == 1, want)
		}
	}
}

func cands(list ...string) (c []candidate) {
	for _, s := range list {
		c = append(c, candidateAt(netip.MustParseAddrPort(s)))
	}
	return c
}

func TestPublicCandidates(t *testing.T) {
	list := cands("10.0.0.1:5000", "8.8.8.8:53", "8.8.8.8:5000", "8.8.8.8:5000", "9.9.9.9:5000", "7.7.7.7:5000")
	if got, want := publicCandidates(list), cands("8.8.8.8:5000", "9.9.9.9:5000"); !slices.Equal(got, want) {
		t.Errorf("publicCandidates(%v) = %v, want %v", list, got, want)
	}
}

// TestVictims counts how much a liar can have a node send to others.
func TestVictims(t *testing.T) {
	e := &engine{settings: settings{mode: Direct}}
	p := &peer{addr: netip.MustParseAddrPort("1.1.1.1:8468"), proven: true}
	lie := cands("8.8.8.8:5000", "9.9.9.9:5000", "7.7.7.7:5000", "6.6.6.6:5000")
	now := time.Unix(1e9, 0)
	if got := e.candidatesToTry(now, lie, p); len(got) != 0 {
		t.Errorf("usable = %v, want none without Public", got)
	}
	e.public = true
	total := 0
	for range 600 { // for ten minutes
		now = now.Add(time.Second)
		got := e.candidatesToTry(now, lie, p)
		if len(got) > 2 {
			t.Fatalf("%d usable at a time, want 2 at most", len(got))
		}
		total += len(got)
	}
	if most := 2 * (4 + 40); total > most || total < most-4 {
		t.Errorf("%d tried in ten minutes, want about %d", total, most)
	}
	own := cands("1.1.1.1:5000")
	if got := e.candidatesToTry(now, append(own, lie...), p); !slices.Equal(got, own) {
		t.Errorf("usable = %v, want %v: these are not limited", got, own)
	}
	p.proven = false
	if got := e.candidatesToTry(now.Add(time.Hour), lie, p); len(got) != 0 {
		t.Errorf("usable = %v, want none of a stranger's", got)
	}
}

func TestTold(t *testing.T) {
	own := cands("192.168.1.2:5000", "8.8.8.8:5000")
	here := []candidate{{kind: portOnly, port: 5000}}
	tests := []struct {
		name           string
		s              settings
		want, stranger []candidate // told to a peer with a proven address, and without
	}{
		{"behind a relay", settings{mode: Direct}, nil, nil},
		{"and with a STUN server", settings{mode: Direct, public: true}, own[1:], nil},
		{"in a local network, too", settings{mode: LAN, public: true}, own, nil},
		{"at its own address", settings{mode: Direct, sameIP: true, public: true}, here, here},
		{"and in a local network", settings{mode: LAN, sameIP: true}, append(slices.Clone(here), own[0]), here},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &peer{addr: netip.MustParseAddrPort("1.1.1.1:8468"), proven: true}
			if got := (&engine{settings: tt.s}).candidatesToTell(own, p); !slices.Equal(got, tt.want) {
				t.Errorf("told = %v, want %v", got, tt.want)
			}
			p.proven = false
			if got := (&engine{settings: tt.s}).candidatesToTell(own, p); !slices.Equal(got, tt.stranger) {
				t.Errorf("told a stranger = %v, want %v", got, tt.stranger)
			}
		})
	}
}
