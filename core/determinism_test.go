package core

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"net/netip"
	"testing"
	"time"
)

// traceDigest is what the run below comes to, on every platform. It changes with
// whatever changes what nodes send, or when: then put here what the test prints.
const traceDigest = "5cbd206ce536aaa75aefcb01f81cc277f11516d70cdef2083326ed950a752222"

// The same seed gives the same datagrams at the same times, twice in one process
// and on every platform: 50 nodes, some of which leave and others join, with loss
// and delays at random.
func TestSameSeedSameTrace(t *testing.T) {
	t.Parallel()
	first, sent := traceOf(t, 1)
	if again, _ := traceOf(t, 1); again != first {
		t.Errorf("digest of the second run = %s, of the first = %s", again, first)
	}
	if other, _ := traceOf(t, 2); other == first {
		t.Error("another seed gives the same digest")
	}
	if first != traceDigest {
		t.Errorf("digest of %d datagrams = %s, want %s\nif the change is meant: const traceDigest = %q", sent, first, traceDigest, first)
	}
}

// traceOf runs a network and returns the digest of all its datagrams.
func traceOf(t *testing.T, seed byte) (digest string, sent int) {
	net := newTestNet(t, seed)
	net.place = func(n int) netip.AddrPort { return addrIn(192, n) } // as traceDigest has them
	sum := sha256.New()
	net.tap = func(from, to netip.AddrPort, d []byte) { net.record(sum, from, to, d) }
	net.delay = func(_, _ netip.AddrPort) time.Duration {
		return 5*time.Millisecond + time.Duration(net.rand.Uint64()%200)*time.Millisecond
	}
	cfg := Config{K: 8, RefreshInterval: 10 * time.Minute, RepublishInterval: 10 * time.Minute, TTL: 20 * time.Minute}
	net.grow(50, cfg)
	net.lose = func(_, _ netip.AddrPort, _ []byte) bool { return net.rand.Uint64()%20 == 0 }
	for i := range 20 {
		key := Key(fmt.Sprint(i))
		net.set(net.nodes[i].Engine, key, Int(int64(i)))
		net.get(net.nodes[(i*7+3)%len(net.nodes)].Engine, key)
		if i%2 == 0 {
			net.stop(net.nodes[1+i%40].Engine)
			net.add(cfg).Bootstrap(net.now, []netip.AddrPort{net.place(1)}, func(int, error) {})
		}
		net.run(time.Minute)
	}
	for _, x := range net.nodes { // what they ended up with counts as well
		for _, c := range x.Contacts() {
			net.record(sum, x.addr, c.Addr, c.ID[:])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), net.sent
}

func (n *testNet) record(sum hash.Hash, from, to netip.AddrPort, d []byte) {
	var b []byte
	b = binary.BigEndian.AppendUint64(b, uint64(n.now.Sub(epoch)))
	b = to.Addr().AppendTo(from.Addr().AppendTo(b))
	b = binary.BigEndian.AppendUint16(b, uint16(len(d)))
	sum.Write(append(b, d...))
}
