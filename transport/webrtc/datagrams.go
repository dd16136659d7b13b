package webrtc

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// send notes that data goes to an address, and returns the channel for it, or 0 for
// the wrapped conn.
func (e *engine) send(now time.Time, to netip.AddrPort, data []byte) chanID {
	p := e.peers.byAddr[to]
	if p == nil {
		return 0
	}
	p.use.add(now)
	c := p.open
	if c == nil || c.worn() {
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

// received handles a message from a channel. For a datagram it returns the address of
// the sender and true.
func (e *engine) received(now time.Time, ch chanID, data []byte) (from netip.AddrPort, ok bool) {
	c := e.channels.byID[ch]
	if c == nil || c.stage < stageConnecting {
		return netip.AddrPort{}, false
	}
	c.records++ // the acknowledgement of SCTP
	if c.stage == stageOpen && c.worn() {
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

// probe sends a probe over c.
func (e *engine) probe(now time.Time, c *channel) {
	e.sendControl(c, probe, c.guard.probe(now))
	e.wakeBy(c.due())
}

// sendControl sends a probe or an echo over c.
func (e *engine) sendControl(c *channel, kind byte, seq uint32) {
	c.countRecords(controlLen)
	e.emit(action{kind: sendMessage, ch: c.id, data: binary.BigEndian.AppendUint32([]byte{kind}, seq)})
}
