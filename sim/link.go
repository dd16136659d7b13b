package sim

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// Latency returns the one-way delay of a datagram between two nodes, given by slot.
// Delays below 5 ms become 5 ms. msg is the first word of the message id: random, and
// the same for a request and its answer.
type Latency func(from, to int, msg uint64) time.Duration

// LogNormal draws one round-trip time for each request and its answer, half of it for
// either way. The distribution is log-normal: median is its median, sigma the standard
// deviation of the logarithm.
func LogNormal(median time.Duration, sigma float64) Latency {
	return func(_, _ int, msg uint64) time.Duration { return logNormal(mix(msg), median/2, sigma) }
}

// Constant gives every datagram a delay of rtt/2.
func Constant(rtt time.Duration) Latency {
	return func(_, _ int, _ uint64) time.Duration { return rtt / 2 }
}

// PerPair draws one round-trip time for each pair of nodes, from the distribution of
// LogNormal. Each request adds up to a tenth.
func PerPair(median time.Duration, sigma float64) Latency {
	return func(from, to int, msg uint64) time.Duration {
		pair := uint64(min(from, to))<<32 | uint64(max(from, to))
		half := logNormal(mix(pair), median/2, sigma)
		return half + time.Duration(mix(msg)%uint64(half/10+1))
	}
}

// Link is the behavior of the links between nodes. The zero value loses nothing.
type Link struct {
	// Latency is the delay of each datagram. Nil means LogNormal(100 ms, 0.6).
	Latency Latency
	// Loss, Duplicate and Reorder are shares of the datagrams, from 0 to 1: lost,
	// arriving twice, and delayed by up to ReorderBy.
	Loss, Duplicate, Reorder float64
	// ReorderBy is the longest extra delay. Zero means one second.
	ReorderBy time.Duration
	// OneWay is the share of ordered pairs (a, b) of nodes such that no datagram of a
	// ever reaches b.
	OneWay float64
}

// blocks reports whether OneWay cuts the way from one node to another.
func (l *Link) blocks(from, to int, seed uint64) bool {
	return l.OneWay > 0 && unit(mix(seed^uint64(from)<<32^uint64(to))) < l.OneWay
}

// minLatency is the least delay of a datagram, and so the longest window in which lanes
// need not exchange datagrams. At the default latency fewer than one datagram in 10,000
// would be faster.
const minLatency = 5 * time.Millisecond

// passes reports whether there is a way from one node to another.
func (n *Network) passes(from, to int) bool {
	a, b := &n.nodes[from], &n.nodes[to]
	return !a.down && !b.down && a.group == b.group && !n.cfg.Link.blocks(from, to, n.cfg.Seed)
}

// send sends a datagram from a node. It counts lost datagrams too.
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

// transmit schedules one arrival of a datagram.
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

// hash adds a datagram to the lane's digest, with its time, sender and receiver.
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
