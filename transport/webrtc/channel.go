package webrtc

import (
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
)

// chanID names a channel between the machine and the driver. None is used twice.
type chanID uint32

// How long things may take, and how often they happen.
const (
	offerEvery   = 10 * time.Second       // and peer, at most
	glareDelay   = 500 * time.Millisecond // the greater id leaves the first offer to the lesser
	answerWithin = 5 * time.Second        // after the offer
	openWithin   = 15 * time.Second       // after the beginning, all told
	idleClose    = 5 * time.Minute        // without a datagram
	drainTime    = 2 * time.Second        // an old channel, after it was renewed
)

// resendAfter says when an offer without an answer is sent again.
var resendAfter = [...]time.Duration{time.Second, 3 * time.Second}

// maxRepeats is how often an answer is sent again, for an offer that is.
const maxRepeats = 3

// A session is renewed after renewAfter records of DTLS, and ended after
// endAfter: with nonces of 64 random bits, as pion's dtls/v2 makes them
// (GO-2026-4479), two are the same among 10^6 records with a chance of 3 in 10^8.
const (
	renewAfter = 250_000
	endAfter   = 750_000
)

// recordBytes is what one record carries at least, when a message takes several.
const recordBytes = 1024

// maxMessage is the longest datagram that goes over a channel, in bytes: one with
// the longest value. Longer ones go over the wrapped conn.
const maxMessage = 9 << 10

// stage is how far a channel has come.
type stage uint8

const (
	stageGathering  stage = iota // the driver has yet to describe the own end
	stageOffered                 // waits for the answer
	stageConnecting              // both descriptions are known
	stageChecking                // open, but nothing has come back yet
	stageOpen                    // is its peer's open channel
	stageDraining                // was; still listens
)

// channel is a data channel to a peer, from the first thought of it to its end.
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

// signalling is what offer and answer leave behind at a channel.
type signalling struct {
	offering bool       // the offer is this node's own
	msg      wire.MsgID // of the offer
	nonce    nonce      // of the offer
	signal   []byte     // the datagram of the own offer or answer, until the channel opens
	sends    int        // how often signal was sent
}

// enter moves c to a stage.
func (c *channel) enter(now time.Time, s stage) { c.stage, c.since = s, now }

// due returns when c next needs to be woken.
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

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// countRecords counts what a message of n bytes is in records.
func (c *channel) countRecords(n int) { c.records += 1 + n/recordBytes }
