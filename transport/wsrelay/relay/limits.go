package relay

import (
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// Limits is how much a relay lends, and how much passes through it. The zero
// value is that of a relay for strangers.
//
// A node that joins sends a few hundred datagrams within seconds, a lookup about
// 25, and answers have up to 9 kB: none of the defaults is near to that.
type Limits struct {
	// Peers is how many clients there may be at a time, those included that are
	// away. Default 1000. Each takes two file descriptors and a port.
	Peers int

	// PeersPerIP is how many of them may come from one IP address, or one /64 of
	// IPv6. Default 16; negative means any number.
	PeersPerIP int

	// Grace is how long a port stays lent to a client whose connection broke.
	// Default 60s; at most 18h.
	Grace time.Duration

	// Sent and SentBytes bound what one client sends. Default 1000 datagrams a
	// second, 4000 at once; 1 MiB a second, 4 MiB at once. A client that goes
	// beyond is read from only ten times a second.
	Sent, SentBytes Rate

	// Received and ReceivedBytes bound what one client gets: requests, and as much
	// again of answers from where it has sent to. Default twice as many a second,
	// and as many at once.
	Received, ReceivedBytes Rate

	// NewDestinations bounds how many addresses one client may try that have not
	// answered, it or another client. Default 5 a second, 200 at once.
	NewDestinations Rate

	// Unproven bounds what all clients together send to one address that has not
	// answered any of them, in datagrams of 1400 bytes. Default 50 a second, and
	// 50 at once.
	Unproven Rate
}

func (l Limits) withDefaults() Limits {
	if l.Peers <= 0 {
		l.Peers = 1000
	}
	if l.PeersPerIP == 0 {
		l.PeersPerIP = 16
	}
	if l.Grace <= 0 {
		l.Grace = time.Minute
	}
	l.Grace = min(l.Grace, 18*time.Hour)
	l.Sent.setDefault(1000, 4000)
	l.SentBytes.setDefault(1<<20, 4<<20)
	l.Received.setDefault(2000, 4000)
	l.ReceivedBytes.setDefault(2<<20, 4<<20)
	l.NewDestinations.setDefault(5, 200)
	l.Unproven.setDefault(50, 50)
	return l
}

// frames bounds the frames of one client, control frames and fragments included:
// twice as many as it may send datagrams, and enough for those that do not have
// any. It is read from only ten times a second beyond.
func (l *Limits) frames() limit.Rate {
	if l.Sent.PerSecond < 0 {
		return limit.Rate(l.Sent)
	}
	return limit.Rate{PerSecond: max(100, 2*l.Sent.PerSecond), Burst: max(400, 2*l.Sent.Burst)}
}

// upgrades bounds the WebSockets that may be opened from one site, including those
// that end at once: all that it may have can come back at once, several times.
func (l *Limits) upgrades() limit.Rate {
	if l.PeersPerIP < 0 {
		return limit.Rate{PerSecond: -1}
	}
	return limit.Rate{PerSecond: 10, Burst: max(100, 4*l.PeersPerIP)}
}

// Rate bounds how much passes in a time. Zero fields mean the default of the
// field of Limits that they are in; a negative PerSecond means no bound.
type Rate struct {
	PerSecond int // in the long run
	Burst     int // at once, after a pause
}

func (r *Rate) setDefault(perSecond, burst int) {
	if r.PerSecond == 0 {
		r.PerSecond = perSecond
	}
	if r.Burst <= 0 {
		r.Burst = max(burst, r.PerSecond)
	}
}

// rates are the bounds of each client's traffic.
func (l *Limits) rates() limit.Rates {
	return limit.Rates{
		Sent: limit.Rate(l.Sent), SentBytes: limit.Rate(l.SentBytes),
		Received: limit.Rate(l.Received), ReceivedBytes: limit.Rate(l.ReceivedBytes),
		NewDestinations: limit.Rate(l.NewDestinations), Unproven: limit.Rate(l.Unproven),
	}
}
