package webrtc

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// send takes in that data goes to an address, and returns the channel over which,
// or 0 for the wrapped conn.
func (e *engine) send(now time.Time, to netip.AddrPort, data []byte) chanID {
	p := e.peers.byAddr[to]
	if p == nil {
		return 0
	}
	p.use.add(now)
	c := p.open
	if c == nil || c.records >= renewAfter {
		e.planOffer(now, p)
	}
	if c == nil || len(data) > maxMessage || len(data) < wire.HeaderLen {
		return 0
	}
	if c.records >= endAfter {
		e.fallBack(now, c, FallbackWorn)
		return 0
	}
	c.used = now
	c.countRecords(len(data))
	if c.guard.hold(now, data) {
		e.probe(now, c)
	}
	e.wakeBy(c.due())
	return c.id
}

// received takes in a message from a channel. If it is a datagram, it returns
// from whom.
func (e *engine) received(now time.Time, ch chanID, data []byte) (from netip.AddrPort, ok bool) {
	c := e.channels.byID[ch]
	if c == nil || c.stage < stageConnecting {
		return netip.AddrPort{}, false
	}
	c.records++ // its acknowledgement
	if c.stage == stageOpen && c.records >= renewAfter {
		e.planOffer(now, c.peer)
		if c.records >= endAfter {
			e.fallBack(now, c, FallbackWorn)
			return netip.AddrPort{}, false
		}
	}
	switch {
	case len(data) == 0:
	case data[0] == probe && len(data) == controlLen:
		e.sendControl(c, echo, binary.BigEndian.Uint32(data[1:]))
	case data[0] == echo && len(data) == controlLen:
		if c.guard.echoed(now, binary.BigEndian.Uint32(data[1:])) && c.stage == stageChecking {
			e.open(now, c)
		}
	case len(data) > wire.HeaderLen && data[0] <= byte(wire.KindAnswer):
		c.used = now
		if wire.Kind(data[0]) == wire.KindAnswer {
			c.guard.answered(data)
		}
		return c.peer.addr, true
	}
	return netip.AddrPort{}, false
}

// probe asks the other end of c for a sign of life.
func (e *engine) probe(now time.Time, c *channel) {
	e.sendControl(c, probe, c.guard.probe(now))
	e.wakeBy(c.due())
}

func (e *engine) sendControl(c *channel, kind byte, seq uint32) {
	c.countRecords(controlLen)
	e.actions = append(e.actions, action{kind: sendMessage, ch: c.id, data: binary.BigEndian.AppendUint32([]byte{kind}, seq)})
}
