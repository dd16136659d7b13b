package webrtc

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// settle performs the actions of the engine and sets its timer.
func (h *host) settle() {
	for _, o := range h.engine.takeActions() {
		switch o.kind {
		case makeOffer:
			h.begin(o.ch, nil)
		case makeAnswer:
			h.begin(o.ch, &o.remote)
		case useAnswer:
			h.checkCandidates(o.remote.candidates)
			h.links[o.ch].remote = o.remote.ufrag
			h.connect(o.ch)
		case endChannel:
			h.drop(o.ch)
		case sendMessage:
			h.overLink(o.ch, o.data)
		case sendDatagram:
			h.overWrapped(o.to, o.data)
		}
	}
	if next := h.engine.next(); !next.IsZero() && !next.Equal(h.wakes) {
		h.wakes = next
		h.lab.after(max(0, next.Sub(h.lab.now)), func() {
			if !h.wakes.Equal(next) {
				return // set to another time since
			}
			h.wake()
		})
	}
	h.check()
}

func (h *host) begin(ch chanID, remote *description) {
	h.lab.serial++
	k := &fakeLink{own: fmt.Sprintf("u%07d", h.lab.serial)}
	h.links[ch] = k
	d := description{ufrag: k.own, pwd: "passwordpasswordpasswo", candidates: cands("10.0.0.1:5000")}
	if remote != nil {
		h.checkCandidates(remote.candidates)
		k.remote, d.role = remote.ufrag, active
	}
	h.lab.after(2*time.Millisecond, func() {
		if h.links[ch] == k {
			h.engine.described(h.lab.now, ch, d)
			h.settle()
		}
	})
}

func (h *host) checkCandidates(list []candidate) {
	for _, c := range list {
		if h.lab.hosts[netip.AddrPortFrom(c.ip, 4000)] == nil || c.port != 5000 {
			h.lab.t.Errorf("%v would try %v, the address of no host", h.addr, c)
		}
	}
}

// connect opens the connection of which the answer has come to ch.
func (h *host) connect(ch chanID) {
	k := h.links[ch]
	if h.lab.never {
		return
	}
	for _, other := range h.lab.hosts {
		for otherCh, o := range other.links {
			if o.own != k.remote || o.remote != k.own {
				continue
			}
			h.open(ch, k, other, otherCh, 5*time.Millisecond)
			other.open(otherCh, o, h, ch, 7*time.Millisecond)
		}
	}
}

func (h *host) open(ch chanID, k *fakeLink, other *host, otherCh chanID, after time.Duration) {
	k.other, k.otherCh = other, otherCh
	h.lab.after(after, func() {
		if h.links[ch] == k {
			h.engine.opened(h.lab.now, ch)
			h.settle()
		}
	})
}

// drop ends one end of a connection; the other one hears of it, unless it is mute.
func (h *host) drop(ch chanID) {
	k := h.links[ch]
	if k == nil {
		h.lab.t.Errorf("channel %d ended that is not there", ch)
		return
	}
	delete(h.links, ch)
	if k.other == nil || h.lab.mute {
		return
	}
	h.lab.after(directDelay, func() {
		if k.other.links[k.otherCh] != nil {
			k.other.engine.ended(h.lab.now, k.otherCh)
			k.other.settle()
		}
	})
}

func (h *host) overLink(ch chanID, data []byte) {
	k := h.links[ch]
	if k == nil || k.other == nil || h.lab.mute {
		return
	}
	data = append([]byte(nil), data...)
	h.lab.after(directDelay, func() {
		if k.other.links[k.otherCh] == nil {
			return
		}
		from, ok := k.other.engine.received(h.lab.now, k.otherCh, data)
		if ok && from != h.addr {
			h.lab.t.Errorf("a datagram from %v came from %v", h.addr, from)
		}
		if ok {
			k.other.receive(from, data)
		}
		k.other.settle()
	})
}

func (h *host) overWrapped(to netip.AddrPort, data []byte) {
	if h.lab.tap != nil {
		h.lab.tap(h, data)
	}
	data = append([]byte(nil), data...)
	other := h.lab.hosts[to]
	if other == nil || h.lab.rand.Float64() < h.lab.loss {
		return
	}
	h.lab.after(wrappedDelay, func() {
		switch {
		case isOffer(data):
			other.engine.receivedOffer(h.lab.now, h.addr, data)
		case data[0] == 1 && other.engine.receivedAnswer(h.lab.now, h.addr, data):
		default:
			other.receive(h.addr, data)
		}
		other.settle()
	})
}

// receive is the core's part.
func (h *host) receive(from netip.AddrPort, data []byte) {
	msg := wire.MsgID(data[1:wire.HeaderLen])
	if data[0] == 0 {
		h.send(from, append([]byte{1}, data[1:]...))
		return
	}
	if _, ok := h.calls[msg]; ok {
		delete(h.calls, msg)
		h.lab.done++
		if h.tells {
			h.engine.met(h.lab.now, from, h.lab.hosts[from].id, h.near)
		}
	}
}

func (h *host) send(to netip.AddrPort, data []byte) {
	if ch := h.engine.send(h.lab.now, to, data); ch != 0 {
		h.overLink(ch, data)
	} else {
		h.overWrapped(to, data)
	}
	h.settle()
}

// call asks other something. After five seconds without an answer it is lost.
func (h *host) call(other *host) {
	p := make([]byte, 60)
	for i := 1; i < len(p); i++ {
		p[i] = byte(h.lab.rand.Uint32())
	}
	msg := wire.MsgID(p[1:wire.HeaderLen])
	h.calls[msg] = h.lab.now
	h.send(other.addr, p)
	h.lab.after(5*time.Second, func() {
		if _, waits := h.calls[msg]; waits {
			delete(h.calls, msg)
			h.lab.lost++
		}
	})
}

// load lets a call b at a steady rate for some time.
func (l *lab) load(a, b *host, every, length time.Duration) {
	for at := time.Duration(0); at < length; at += every {
		l.after(at, func() { a.call(b) })
	}
}

func (h *host) state(other *host) State {
	p := h.engine.peers.byAddr[other.addr]
	if p == nil {
		return Idle
	}
	return p.state(h.lab.now)
}
