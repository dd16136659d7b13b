package webrtc

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// chanID is the number of a channel, for engine and driver. No number is used twice.
type chanID uint32

// Deadlines, and the least interval of offers.
const (
	offerEvery   = 10 * time.Second       // at most one offer to a peer, and from a peer
	glareDelay   = 500 * time.Millisecond // the greater id leaves the first offer to the lesser
	answerWithin = 5 * time.Second        // offer to answer
	openWithin   = 15 * time.Second       // offer to first echo
	idleClose    = 5 * time.Minute        // without a datagram
	drainTime    = 2 * time.Second        // from a renewal to the end of the old channel
)

// resendAfter is when an offer without an answer is sent again.
var resendAfter = [...]time.Duration{time.Second, 3 * time.Second}

// maxRepeats is how often an answer is sent again when the offer is.
const maxRepeats = 3

// A session is renewed after renewAfter records of DTLS, and ended after endAfter. The
// nonces of pion's dtls/v2 are 64 random bits (GO-2026-4479): two of 10^6 records have
// the same nonce with a probability of 3 in 10^8.
const (
	renewAfter = 250_000
	endAfter   = 750_000
)

// recordBytes is the least content of a record, in bytes, if a message has several.
const recordBytes = 1024

// maxMessage is the longest datagram for a channel, in bytes: a STORE of the longest
// value. Longer datagrams go over the wrapped conn.
const maxMessage = 9 << 10

// stage is a phase in the life of a channel.
type stage uint8

const (
	stageGathering  stage = iota // the driver is making this end's description
	stageOffered                 // the offer waits for its answer
	stageConnecting              // both ends have both descriptions
	stageChecking                // open at this end; no echo yet
	stageOpen                    // the open channel of its peer
	stageDraining                // replaced by a renewal; receives only
)

// channel is a data channel to a peer, from its offer to its end.
type channel struct {
	id    chanID
	peer  *peer
	stage stage
	signalling

	began   time.Time
	since   time.Time // start of its stage
	used    time.Time // time of the last datagram, sent or received
	guard   guard
	records int // estimate of the DTLS records sent
}

// signalling is the state of a channel that offer and answer determine.
type signalling struct {
	offering bool       // the offer is this node's own
	msg      wire.MsgID // of the offer
	nonce    nonce      // of the offer
	signal   []byte     // the datagram of this end's offer or answer, until the channel opens
	sends    int        // how often signal was sent
}

// enter moves c to stage s.
func (c *channel) enter(now time.Time, s stage) { c.stage, c.since = s, now }

// due returns the next deadline of c.
func (c *channel) due() time.Time {
	switch c.stage {
	case stageOffered:
		if n := c.sends - 1; n < len(resendAfter) {
			return c.since.Add(resendAfter[n])
		}
		return c.since.Add(answerWithin)
	case stageChecking:
		return earlier(c.guard.next(), c.began.Add(openWithin))
	case stageOpen:
		return earlier(c.guard.next(), c.used.Add(idleClose))
	case stageDraining:
		return c.since.Add(drainTime)
	}
	return c.began.Add(openWithin)
}

// earlier returns the earlier of two times. The zero time is later than all others.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// worn reports whether c needs a renewal.
func (c *channel) worn() bool { return c.records >= renewAfter }

// countRecords counts the records of a message of n bytes.
func (c *channel) countRecords(n int) { c.records += 1 + n/recordBytes }
