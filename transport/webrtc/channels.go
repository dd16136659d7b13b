package webrtc

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// channels are all channels of an engine. Each is the open or the pending channel of
// its peer, or draining.
type channels struct {
	byID     map[chanID]*channel
	byOffer  map[wire.MsgID]*channel // by own offers that have no answer yet
	draining []*channel              // replaced by renewals
	lastID   chanID
}

func newChannels() channels {
	return channels{byID: make(map[chanID]*channel), byOffer: make(map[wire.MsgID]*channel)}
}

// add makes a channel to p.
func (t *channels) add(now time.Time, p *peer) *channel {
	t.lastID++
	c := &channel{id: t.lastID, peer: p, began: now, since: now}
	t.byID[c.id] = c
	return c
}

// remove forgets c.
func (t *channels) remove(c *channel) {
	delete(t.byID, c.id)
	delete(t.byOffer, c.msg)
	if i := slices.Index(t.draining, c); i >= 0 {
		t.draining = slices.Concat(t.draining[:i], t.draining[i+1:]) // advance ranges over the old slice
	}
}

// pending returns how many channels are being set up after own offers, or after offers
// of others.
func (t *channels) pending(own bool) (n int) {
	for _, c := range t.byID {
		if c.stage < stageOpen && c.offering == own {
			n++
		}
	}
	return n
}
