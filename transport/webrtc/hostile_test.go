package webrtc

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// offerFrom is the offer of a stranger, with eight addresses of third parties.
func offerFrom(id ID, serial uint64) []byte {
	o := offer{from: id, description: description{ufrag: "user", pwd: "passwordpasswordpasswo"}}
	binary.BigEndian.PutUint64(o.nonce[:], serial)
	binary.BigEndian.PutUint64(o.msg[:], serial)
	for n := range byte(maxCandidates) {
		victim := netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, 8, n}), 5353)
		o.description.candidates = append(o.description.candidates, candidateAt(victim))
	}
	return o.append(nil)
}

func TestOfferFlood(t *testing.T) {
	l := newLab(t, 7)
	a := l.host(1, 512)
	const offers = 100_000
	answered := 0
	for i := range uint64(offers) { // 10,000 each second, each from somewhere else
		from := addrOf(int(i))
		a.engine.receivedOffer(l.now, from, offerFrom(ID{2, byte(i)}, i))
		for _, o := range a.engine.actions {
			if o.kind == makeAnswer {
				answered++
				if len(o.remote.candidates) > 0 {
					t.Fatalf("would try %v for a stranger", o.remote.candidates)
				}
			}
		}
		a.settle()
		l.run(100 * time.Microsecond)
	}
	if answered != 32 {
		t.Errorf("%d offers answered in ten seconds, want 32: so many are under way", answered)
	}
	if got := a.engine.counts.refused[RefusedBusy]; got < offers*9/10 {
		t.Errorf("%d refused as too many, want nearly all", got)
	}
	l.run(time.Minute)
	if len(a.engine.channels.byID) != 0 {
		t.Errorf("%d channels are left, want 0", len(a.engine.channels.byID))
	}
}

func TestReplayedOffer(t *testing.T) {
	l := newLab(t, 8)
	a, b := l.host(1, 24), l.host(2, 24)
	p := offerFrom(b.id, 5)
	a.engine.receivedOffer(l.now, b.addr, p)
	a.settle()
	l.run(time.Second)
	a.engine.receivedOffer(l.now, b.addr, p) // as b sends it, when the answer was lost
	a.settle()
	if got := a.engine.counts.refused; got != [refusals]uint64{} {
		t.Errorf("refused %v, want nothing", got)
	}
	other := netip.MustParseAddrPort("7.7.7.7:7777")
	a.engine.receivedOffer(l.now, other, p)
	if got := a.engine.counts.refused[RefusedReplay]; got != 1 {
		t.Errorf("%d refused as replayed from another address, want 1", got)
	}
	l.run(openWithin)
	a.engine.receivedOffer(l.now, b.addr, p)
	if got := a.engine.counts.refused[RefusedReplay]; got != 2 {
		t.Errorf("%d refused as replayed, want 2", got)
	}
	n, replayed := nonce{7: 5}, a.engine.budget.replayed
	if !replayed(l.now, n) || replayed(l.now.Add(14*time.Second), n) { // 30 s after the offer
		t.Error("a nonce counts for longer than it lives")
	}
	a.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 6))
	a.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 7))
	a.settle()
	if got := a.engine.counts.refused[RefusedTooSoon]; got != 1 {
		t.Errorf("%d refused as too soon, want 1", got)
	}
	a.engine.receivedOffer(l.now, other, offerFrom(a.id, 8))
	a.engine.met(l.now, other, ID{7}, false)
	a.engine.receivedOffer(l.now, other, offerFrom(ID{8}, 9))
	if got := a.engine.counts.refused[RefusedIdentity]; got != 2 {
		t.Errorf("%d refused for their id, want 2", got)
	}
}

func TestForgedAnswer(t *testing.T) {
	l := newLab(t, 9)
	a, b := l.host(1, 24), l.host(2, 24)
	a.engine.met(l.now, b.addr, b.id, true)
	a.settle()
	l.run(10 * time.Millisecond) // the offer is under way
	d := description{role: active, ufrag: "evil", pwd: "passwordpasswordpasswo"}
	for msg := range a.engine.channels.byOffer {
		if !a.engine.receivedAnswer(l.now, netip.MustParseAddrPort("7.7.7.7:7777"), appendAnswer(nil, msg, &d)) {
			t.Error("the core gets an answer to an offer, want it dropped")
		}
	}
	l.run(time.Second)
	if got := a.state(b); got != Open {
		t.Errorf("state %v, want open with the peer that was asked", got)
	}
}

// Offers with a forged id or address displace no channel, delay no offer to or from the
// real peer, and leave room for the offers of proven peers.
func TestForgedOffers(t *testing.T) {
	l := newLab(t, 12)
	a := l.host(1, 4)
	var friends []*host
	for n := range byte(4) {
		b := l.host(10+n, 24)
		friends = append(friends, b)
		b.call(a)
		l.run(2 * time.Second)
	}
	l.run(2 * longLived)
	for i := range uint64(8) {
		a.engine.receivedOffer(l.now, addrOf(int(i)), offerFrom(ID{2, byte(i)}, i))
		a.settle()
	}
	for _, b := range friends {
		if a.state(b) != Open {
			t.Errorf("%v is %v, want open", b.addr, a.state(b))
		}
	}
	if got := a.engine.counts.refused[RefusedFull]; got != 8 {
		t.Errorf("%d refused as there is no place, want 8", got)
	}

	l = newLab(t, 13)
	a, b := l.host(1, 512), l.host(2, 24)
	a.engine.met(l.now, b.addr, b.id, false)
	for i := range uint64(6) { // b knows nothing of these, so that they do not open
		a.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 100+i))
		a.settle()
		l.run(16 * time.Second)
	}
	p := a.engine.peers.byAddr[b.addr]
	if p.fails != 0 || p.notBefore.After(l.now) {
		t.Errorf("%d failures, and a wait of %v", p.fails, p.notBefore.Sub(l.now))
	}
	for i := range uint64(100) {
		a.engine.receivedOffer(l.now, addrOf(256+int(i)), offerFrom(ID{3, byte(i)}, 200+i))
	}
	a.settle()
	l.run(openWithin)
	for i := range uint64(100) {
		a.engine.receivedOffer(l.now, addrOf(512+int(i)), offerFrom(ID{4, byte(i)}, 400+i))
	}
	busy := a.engine.counts.refused[RefusedBusy]
	a.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 999))
	if a.engine.counts.refused[RefusedBusy] != busy || p.pending == nil {
		t.Errorf("strangers have left no room: %v", a.engine.counts.refused)
	}
}

func TestStrangerMustProveTheAddressToATab(t *testing.T) {
	l := newLab(t, 10)
	tab, b := l.host(1, 24), l.host(2, 24)
	tab.engine.sameIP, tab.engine.mode = false, LAN
	tab.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 1))
	if got := tab.engine.counts.refused[RefusedStranger]; got != 1 || len(tab.engine.channels.byID) != 0 {
		t.Errorf("%d refused, %d channels; want 1, 0", got, len(tab.engine.channels.byID))
	}
	tab.engine.met(l.now, b.addr, b.id, false)
	tab.engine.receivedOffer(l.now, b.addr, offerFrom(b.id, 1)) // the same one again
	tab.settle()
	if got := len(tab.engine.channels.byID); got != 1 {
		t.Errorf("%d channels, want 1", got)
	}
}
