package webrtc

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestIsPublic(t *testing.T) {
	tests := []struct {
		ip   string
		want bool
	}{
		{"8.8.8.8", true}, {"1.0.0.1", true}, {"223.255.255.254", true}, {"2600::1", true}, {"2a00:1450::1", true},
		{"0.1.2.3", false}, {"10.1.2.3", false}, {"100.64.0.1", false}, {"127.0.0.1", false}, {"169.254.169.254", false},
		{"172.16.0.1", false}, {"192.0.0.8", false}, {"192.0.2.1", false}, {"192.168.1.1", false}, {"198.18.0.1", false},
		{"198.51.100.1", false}, {"203.0.113.1", false}, {"224.0.0.1", false}, {"240.0.0.1", false}, {"255.255.255.255", false},
		{"::", false}, {"::1", false}, {"::ffff:8.8.8.8", false}, {"::8.8.8.8", false}, {"64:ff9b::808:808", false}, {"2001::1", false},
		{"2001:db8::1", false}, {"2002:808:808::1", false}, {"fc00::1", false}, {"fe80::1", false}, {"ff02::1", false},
	}
	for _, tt := range tests {
		if got := isPublic(netip.MustParseAddr(tt.ip)); got != tt.want {
			t.Errorf("isPublic(%s) = %v, want %v", tt.ip, got, tt.want)
		}
	}
}

func cands(list ...string) (c []candidate) {
	for _, s := range list {
		c = append(c, at(netip.MustParseAddrPort(s)))
	}
	return c
}

func TestElsewhere(t *testing.T) {
	list := cands("10.0.0.1:5000", "8.8.8.8:53", "8.8.8.8:5000", "8.8.8.8:5000", "9.9.9.9:5000", "7.7.7.7:5000")
	if got, want := elsewhere(list), cands("8.8.8.8:5000", "9.9.9.9:5000"); !slices.Equal(got, want) {
		t.Errorf("elsewhere(%v) = %v, want %v", list, got, want)
	}
}

// TestVictims counts how much a liar can have a node send to others.
func TestVictims(t *testing.T) {
	m := &machine{mode: Direct}
	p := &peer{addr: netip.MustParseAddrPort("1.1.1.1:8468"), proven: true}
	lie := cands("8.8.8.8:5000", "9.9.9.9:5000", "7.7.7.7:5000", "6.6.6.6:5000")
	now := time.Unix(1e9, 0)
	if got := m.usable(now, lie, p); len(got) != 0 {
		t.Errorf("usable = %v, want none without Public", got)
	}
	m.public = true
	total := 0
	for range 600 { // for ten minutes
		now = now.Add(time.Second)
		got := m.usable(now, lie, p)
		if len(got) > maxElsewhere {
			t.Fatalf("%d usable at a time, want %d at most", len(got), maxElsewhere)
		}
		total += len(got)
	}
	if most := maxElsewhere * (elsewhereBurst + 40); total > most || total < most-2*maxElsewhere {
		t.Errorf("%d tried in ten minutes, want about %d", total, most)
	}
	own := cands("1.1.1.1:5000")
	if got := m.usable(now, append(own, lie...), p); !slices.Equal(got, own) {
		t.Errorf("usable = %v, want %v: those cost nothing", got, own)
	}
	p.proven = false
	if got := m.usable(now.Add(time.Hour), lie, p); len(got) != 0 {
		t.Errorf("usable = %v, want none of a stranger's", got)
	}
}

func TestTold(t *testing.T) {
	own := cands("192.168.1.2:5000", "8.8.8.8:5000")
	here := []candidate{{kind: here, port: 5000}}
	tests := []struct {
		name           string
		m              machine
		want, stranger []candidate // what is told to who has proven its address, and to others
	}{
		{"behind a relay", machine{mode: Direct}, nil, nil},
		{"and with a STUN server", machine{mode: Direct, public: true}, own[1:], nil},
		{"in a local network, too", machine{mode: LAN, public: true}, own, nil},
		{"at its own address", machine{mode: Direct, sameIP: true, public: true}, here, here},
		{"and in a local network", machine{mode: LAN, sameIP: true}, append(slices.Clone(here), own[0]), here},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &peer{addr: netip.MustParseAddrPort("1.1.1.1:8468"), proven: true}
			if got := tt.m.told(own, p); !slices.Equal(got, tt.want) {
				t.Errorf("told = %v, want %v", got, tt.want)
			}
			p.proven = false
			if got := tt.m.told(own, p); !slices.Equal(got, tt.stranger) {
				t.Errorf("told a stranger = %v, want %v", got, tt.stranger)
			}
		})
	}
}
