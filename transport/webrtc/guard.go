package webrtc

import "time"

// If a datagram is not confirmed within probeAfter, a probe follows, and another one each
// probeEvery. After maxMissed probes without an echo the path is dead. The measure is a
// number of probes and not a time, since browsers may wake a hidden tab much too late.
const (
	probeAfter = 100 * time.Millisecond
	probeEvery = 250 * time.Millisecond
	maxMissed  = 4
)

// Bounds on a guard, in datagrams and in bytes. Beyond them it discards the oldest.
const (
	maxHeld      = 256
	maxHeldBytes = 48 << 10
)

// guard holds copies of the datagrams sent over a channel until they are confirmed, and
// detects a dead channel. The datagrams held by then go over the wrapped conn.
//
// An answer confirms its request. The echo of a probe confirms all datagrams sent before
// the probe, although some may be lost, as with UDP; the core repeats its requests. The
// zero guard is empty.
type guard struct {
	held  []held
	bytes int

	seq       uint32                   // of the last probe
	sent      time.Time                // time of the last probe, zero if none awaits an echo
	probes    [maxMissed + 1]time.Time // times of the last probes, by seq
	missed    int                      // probes without an echo
	rtt       time.Duration            // of the last echo, zero before
	discarded uint64                   // datagrams
}

// held is a datagram that went after probe seq and before the next one.
type held struct {
	data []byte
	seq  uint32
	at   time.Time
}

// hold keeps a copy of a datagram that goes over the channel. It returns true if the
// guard is half full, and a probe should not wait.
func (g *guard) hold(now time.Time, data []byte) (urgent bool) {
	g.held = append(g.held, held{append([]byte(nil), data...), g.seq, now})
	g.bytes += len(data)
	for len(g.held) > maxHeld || g.bytes > maxHeldBytes {
		g.drop(0)
		g.discarded++
	}
	return g.sent.IsZero() && (len(g.held) > maxHeld/2 || g.bytes > maxHeldBytes/2)
}

// answered handles an answer from the channel, which may confirm a request.
func (g *guard) answered(answer []byte) {
	for i := range g.held {
		if sameMsg(g.held[i].data, answer) {
			g.drop(i)
			return
		}
	}
}

// probe notes a probe at now and returns its number.
func (g *guard) probe(now time.Time) uint32 {
	if !g.sent.IsZero() {
		g.missed++
	}
	g.seq++
	g.sent, g.probes[g.seq%uint32(len(g.probes))] = now, now
	return g.seq
}

// echoed handles the echo of probe seq, which confirms all datagrams before the probe.
// It returns false if no such probe awaits an echo.
func (g *guard) echoed(now time.Time, seq uint32) bool {
	behind := g.seq - seq // number of later probes
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

// next returns the time of the next probe, or the zero time if none is needed.
func (g *guard) next() time.Time {
	switch {
	case !g.sent.IsZero():
		return g.sent.Add(probeEvery)
	case len(g.held) > 0:
		return g.held[0].at.Add(probeAfter)
	}
	return time.Time{}
}

// dead reports whether the channel is dead instead of due for another probe.
func (g *guard) dead() bool { return g.missed >= maxMissed-1 && !g.sent.IsZero() }

// release empties the guard and returns its datagrams, oldest first.
func (g *guard) release() [][]byte {
	var list [][]byte
	for _, h := range g.held {
		list = append(list, h.data)
	}
	g.held, g.bytes = nil, 0
	return list
}

// drop forgets datagram i.
func (g *guard) drop(i int) {
	g.bytes -= len(g.held[i].data)
	copy(g.held[i:], g.held[i+1:])
	g.cutEnd()
}

// cut removes the first n datagrams, already subtracted from g.bytes.
func (g *guard) cut(n int) {
	if n == 0 {
		return
	}
	copy(g.held, g.held[n:])
	clear(g.held[len(g.held)-n:])
	g.held = g.held[:len(g.held)-n]
	g.tidy()
}

// cutEnd removes the last element.
func (g *guard) cutEnd() {
	g.held[len(g.held)-1] = held{}
	g.held = g.held[:len(g.held)-1]
	g.tidy()
}

// tidy frees the memory of an empty guard: most channels are quiet most of the time.
func (g *guard) tidy() {
	if len(g.held) == 0 {
		g.held = nil
	}
}
