package webrtc

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A description with an unknown role is malformed. Known roles are read back.
func TestUnknownRoles(t *testing.T) {
	for r := range role(16) {
		d := sample("192.0.2.1:50000")
		d.role = r
		got, err := parseDescription(d.append(nil))
		if known := r == actpass || r == active || r == passive; known != (err == nil) || known && got.role != r {
			t.Errorf("role %d: %v, %v", r, got.role, err)
		}
	}
}

// Candidates have the priorities of host candidates (RFC 8445, section 5.1.2.1), in the
// order of the description: type preference 126, component 1.
func TestPrioritiesOfCandidates(t *testing.T) {
	d := sample("192.0.2.1:50000", "192.0.2.2:50000")
	for _, want := range []string{
		"a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\r\n",
		"a=candidate:2 1 udp 2130706175 192.0.2.2 50000 typ host\r\n",
	} {
		if !strings.Contains(d.sdp(), want) {
			t.Errorf("no line %q in %s", want, d.sdp())
		}
	}
}

// A datagram as long as the buffer of ReadBatch is taken, a longer one is dropped.
func TestDatagramsAsLongAsTheBuffer(t *testing.T) {
	r := newReader()
	r.sizes[0], r.sizes[1], r.sizes[2], r.n = 11, 10, 9, 3
	bufs := [][]byte{make([]byte, 10), make([]byte, 10), make([]byte, 10)}
	sizes, from := make([]int, 3), make([]netip.AddrPort, 3)
	if n := r.take(bufs, sizes, from); n != 2 || sizes[0] != 10 || sizes[1] != 9 {
		t.Errorf("took %d datagrams of %v bytes, want 2 of 10 and 9 bytes", n, sizes[:n])
	}
}

// The greater id leaves the first offer to the lesser one for half a second, however
// many answers come in the meantime.
func TestAnswersDoNotPutOffAnOffer(t *testing.T) {
	l := newLab(t, 30)
	a, b := l.host(1, 24), l.host(2, 24)
	sent := 0
	l.tap = func(from *host, _ []byte) {
		if from == b {
			sent++
		}
	}
	for range 4 {
		b.engine.met(l.now, a.addr, a.id, true)
		b.settle()
		l.run(200 * time.Millisecond)
	}
	if sent == 0 {
		t.Error("no offer 0.8 s after the first answer")
	}
}

// A node without room for a channel looks for room every ten seconds, and not with each
// answer of a peer.
func TestNoRoomIsLookedForSeldom(t *testing.T) {
	l := newLab(t, 31)
	a, b := l.host(1, 1), l.host(2, 24)
	a.openTo(l.host(3, 24), 0, 0, 1000) // young: it stays
	p := a.engine.peers.get(l.now, b.addr)
	p.id, p.proven, p.near = b.id, true, true
	p.use.add(l.now)
	a.engine.offer(l.now, p)
	if p.pending != nil {
		t.Fatal("a channel beyond the limit")
	}
	p.offerAt = time.Time{}
	a.engine.planOffer(l.now, p)
	if got := p.offerAt.Sub(l.now); got != 10*time.Second {
		t.Errorf("the next offer is due after %v, want 10 s", got)
	}
}
