package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Latency is how long a datagram takes from one node to another. msg is a random
// word that a request and its answer have in common.
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

// send puts a datagram on its way.
func (n *Network) send(from int, to netip.AddrPort, datagram []byte) {
	n.Datagrams++
	n.Bytes += uint64(len(datagram))
	slot, ok := n.slotOf(to)
	n.note(from, slot, datagram)
	if n.tap != nil {
		n.tap(from, slot, datagram)
	}
	if !ok || n.nodes[slot].pos == noNode || !n.passes(from, slot) {
		return
	}
	l := &n.cfg.Link
	if l.Loss > 0 && n.rand.Float64() < l.Loss {
		return
	}
	n.carry(from, slot, datagram)
	if l.Duplicate > 0 && n.rand.Float64() < l.Duplicate {
		n.carry(from, slot, datagram)
	}
}

// passes reports whether there is a way from one node to another.
func (n *Network) passes(from, to int) bool {
	a, b := &n.nodes[from], &n.nodes[to]
	return !a.down && !b.down && a.group == b.group && !n.cfg.Link.blocks(from, to, n.cfg.Seed)
}

func (n *Network) carry(from, to int, datagram []byte) {
	l := &n.cfg.Link
	var msg uint64
	if len(datagram) >= wire.HeaderLen {
		msg = binary.LittleEndian.Uint64(datagram[1:])
	}
	delay := l.Latency(from, to, msg)
	if l.Reorder > 0 && n.rand.Float64() < l.Reorder {
		delay += time.Duration(n.rand.Int64N(int64(l.ReorderBy)))
	}
	n.queue.push(event{
		at: n.now + delay, to: int32(to), from: int32(from),
		data: n.pool.put(datagram), size: int32(len(datagram)),
	})
}

// note adds a datagram to the digest.
func (n *Network) note(from, to int, datagram []byte) {
	n.digest.add(uint64(n.now))
	n.digest.add(uint64(from)<<32 | uint64(uint32(to)))
	for ; len(datagram) >= 8; datagram = datagram[8:] {
		n.digest.add(binary.LittleEndian.Uint64(datagram))
	}
	for _, b := range datagram {
		n.digest.add(uint64(b))
	}
}
