package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Latency is how long a datagram takes from one node to another, where that is not
// less than 5 ms: then it takes so long. msg is a random word that a request and its
// answer have in common.
type Latency func(from, to int, msg uint64) time.Duration

// LogNormal gives each request and its answer together a round-trip time with
// that median, the logarithm of which has the standard deviation sigma. Each of
// the two takes half of it.
func LogNormal(median time.Duration, sigma float64) Latency {
	return func(_, _ int, msg uint64) time.Duration { return logNormal(mix(msg), median/2, sigma) }
}

// Constant lets every datagram take half of rtt.
func Constant(rtt time.Duration) Latency {
	return func(_, _ int, _ uint64) time.Duration { return rtt / 2 }
}

// PerPair gives each pair of nodes a round-trip time as LogNormal does, to which
// each request adds a tenth at most.
func PerPair(median time.Duration, sigma float64) Latency {
	return func(from, to int, msg uint64) time.Duration {
		pair := uint64(min(from, to))<<32 | uint64(max(from, to))
		half := logNormal(mix(pair), median/2, sigma)
		return half + time.Duration(mix(msg)%uint64(half/10+1))
	}
}

// Link is what happens to datagrams on their way.
type Link struct {
	// Latency is log-normal with a median round-trip time of 100 ms and a sigma of
	// 0.6 if it is nil.
	Latency Latency
	// Loss, Duplicate and Reorder are shares of the datagrams: those that do not
	// arrive, that arrive twice, and that take up to ReorderBy longer.
	Loss, Duplicate, Reorder float64
	// ReorderBy is one second if it is zero.
	ReorderBy time.Duration
	// OneWay is the share of ordered pairs of nodes, of which the first never
	// reaches the second.
	OneWay float64
}

// blocks reports whether nothing ever gets from one node to another.
func (l *Link) blocks(from, to int, seed uint64) bool {
	return l.OneWay > 0 && unit(mix(seed^uint64(from)<<32^uint64(to))) < l.OneWay
}

// minLatency is how long a datagram takes at least. Less than one in ten thousand would
// be faster at the usual latency; and for so long, the lanes of a network need not
// hear of each other.
const minLatency = 5 * time.Millisecond

// passes reports whether there is a way from one node to another.
func (n *Network) passes(from, to int) bool {
	a, b := &n.nodes[from], &n.nodes[to]
	return !a.down && !b.down && a.group == b.group && !n.cfg.Link.blocks(from, to, n.cfg.Seed)
}

// send puts a datagram on its way.
func (l *lane) send(from int, to netip.AddrPort, datagram []byte) {
	n := l.net
	l.Datagrams++
	l.Bytes += uint64(len(datagram))
	slot, ok := n.slotOf(to)
	l.hash(from, slot, datagram)
	if n.tap != nil {
		n.tap(from, slot, datagram)
	}
	if !ok || n.nodes[slot].pos == gone || !n.passes(from, slot) {
		return
	}
	if loss := n.cfg.Link.Loss; loss > 0 && l.rand.Float64() < loss {
		return
	}
	l.transmit(from, slot, datagram)
	if twice := n.cfg.Link.Duplicate; twice > 0 && l.rand.Float64() < twice {
		l.transmit(from, slot, datagram)
	}
}

func (l *lane) transmit(from, to int, datagram []byte) {
	link := &l.net.cfg.Link
	var msg uint64
	if len(datagram) >= wire.HeaderLen {
		msg = binary.LittleEndian.Uint64(datagram[1:])
	}
	delay := max(link.Latency(from, to, msg), minLatency)
	if link.Reorder > 0 && l.rand.Float64() < link.Reorder {
		delay += time.Duration(l.rand.Int64N(int64(link.ReorderBy)))
	}
	l.schedule(event{at: l.now + delay, to: int32(to), from: int32(from), size: int32(len(datagram))}, datagram)
}

// hash adds a datagram to the digest.
func (l *lane) hash(from, to int, datagram []byte) {
	d := l.digest
	d.add(uint64(l.now))
	d.add(uint64(from)<<32 | uint64(uint32(to)))
	for ; len(datagram) >= 8; datagram = datagram[8:] {
		d.add(binary.LittleEndian.Uint64(datagram))
	}
	for _, b := range datagram {
		d.add(uint64(b))
	}
	l.digest = d
}
