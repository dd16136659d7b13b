package webrtc

import "time"

// A datagram that nothing has confirmed for probeAfter is followed by a probe,
// which is repeated every probeEvery. After maxMissed probes without an echo the
// path is dead. Probes are counted, and not the time alone, since a browser may
// wake a hidden tab much later than it was asked to.
const (
	probeAfter = 100 * time.Millisecond
	probeEvery = 250 * time.Millisecond
	maxMissed  = 4
)

// A guard holds at most this much; beyond, the oldest datagrams are given up.
const (
	maxHeld      = 256
	maxHeldBytes = 48 << 10
)

// guard holds the datagrams that went over a channel until it is known that they
// got there, and finds out whether the channel still works. What it holds when
// the channel is lost goes over the wrapped conn.
//
// A request is confirmed by its answer, everything else by the echo of a probe
// that was sent behind it. As with UDP, a datagram may be lost before a probe that
// is not; that is for the layers above. The zero guard is empty.
type guard struct {
	held  []held
	bytes int

	seq       uint32                   // of the last probe
	sent      time.Time                // when it was; the zero time if none waits for an echo
	probes    [maxMissed + 1]time.Time // when each of the last ones was, by seq
	missed    int                      // probes without an echo
	rtt       time.Duration
	discarded uint64 // datagrams, because there were too many
}

// held is one datagram, sent before the probe that follows seq.
type held struct {
	data []byte
	seq  uint32
	at   time.Time
}

// hold takes in a copy of a datagram that goes over the channel. It reports
// whether so much is held that a probe should not wait.
func (g *guard) hold(now time.Time, data []byte) (urgent bool) {
	g.held = append(g.held, held{append([]byte(nil), data...), g.seq, now})
	g.bytes += len(data)
	for len(g.held) > maxHeld || g.bytes > maxHeldBytes {
		g.drop(0)
		g.discarded++
	}
	return g.sent.IsZero() && (len(g.held) > maxHeld/2 || g.bytes > maxHeldBytes/2)
}

// answered takes in a datagram from the channel: it may confirm a request.
func (g *guard) answered(answer []byte) {
	for i := range g.held {
		if sameMsg(g.held[i].data, answer) {
			g.drop(i)
			return
		}
	}
}

// probe returns the number of a probe that goes out at now.
func (g *guard) probe(now time.Time) uint32 {
	if !g.sent.IsZero() {
		g.missed++
	}
	g.seq++
	g.sent, g.probes[g.seq%uint32(len(g.probes))] = now, now
	return g.seq
}

// echoed takes in the echo of probe seq: what was sent before it has arrived.
// It reports whether it was a probe that waited for it.
func (g *guard) echoed(now time.Time, seq uint32) bool {
	behind := g.seq - seq // probes since; how many are out is small
	if g.sent.IsZero() || behind > maxMissed {
		return false
	}
	g.rtt = now.Sub(g.probes[seq%uint32(len(g.probes))])
	g.sent, g.missed = time.Time{}, 0
	n := 0
	for n < len(g.held) && int32(g.held[n].seq-seq) < 0 {
		g.bytes -= len(g.held[n].data)
		n++
	}
	g.cut(n)
	return true
}

// next returns when the next probe is due, or the zero time.
func (g *guard) next() time.Time {
	switch {
	case !g.sent.IsZero():
		return g.sent.Add(probeEvery)
	case len(g.held) > 0:
		return g.held[0].at.Add(probeAfter)
	}
	return time.Time{}
}

// dead reports whether the channel is to be given up instead of probed again.
func (g *guard) dead() bool { return g.missed >= maxMissed-1 && !g.sent.IsZero() }

// release returns what is held, oldest first, and holds it no longer.
func (g *guard) release() [][]byte {
	var list [][]byte
	for _, h := range g.held {
		list = append(list, h.data)
	}
	g.held, g.bytes = nil, 0
	return list
}

func (g *guard) drop(i int) {
	g.bytes -= len(g.held[i].data)
	copy(g.held[i:], g.held[i+1:])
	g.cutEnd()
}

// cut removes the first n.
func (g *guard) cut(n int) {
	if n == 0 {
		return
	}
	copy(g.held, g.held[n:])
	clear(g.held[len(g.held)-n:])
	g.held = g.held[:len(g.held)-n]
	g.tidy()
}

func (g *guard) cutEnd() {
	g.held[len(g.held)-1] = held{}
	g.held = g.held[:len(g.held)-1]
	g.tidy()
}

// tidy gives the memory back: most channels are quiet most of the time.
func (g *guard) tidy() {
	if len(g.held) == 0 {
		g.held = nil
	}
}
