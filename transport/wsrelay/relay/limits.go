package relay

import (
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/relay/internal/limit"
)

// Limits bounds the leases of a relay and the traffic through it. The zero value suits a
// relay that is open to everybody.
//
// A node that joins sends a few hundred datagrams within seconds, a lookup sends about
// 25, and answers have up to 9 kB. The defaults leave room for several times as much.
type Limits struct {
	// Clients is how many clients there may be at a time, including clients that are
	// away. Each takes two file descriptors and a port. Default: 1000.
	Clients int

	// ClientsPerIP is how many clients may come from one IPv4 address or IPv6 /64. Four
	// times as many may come from an IPv6 /48. Negative means any number. Default: 16.
	ClientsPerIP int

	// Grace is how long a port stays lent after the client's connection broke, at most
	// 18h. Default: 60s.
	Grace time.Duration

	// Sent and SentBytes bound the datagrams from one client. A client that sends more
	// is read from only ten times a second. Default: 1000 datagrams a second, 4000 at
	// once; 1 MiB a second, 4 MiB at once.
	Sent, SentBytes Rate

	// Received and ReceivedBytes bound the datagrams to one client: once the answers
	// from addresses that it has sent to, and once all others. Default: 2000 datagrams
	// a second, 4000 at once; 2 MiB a second, 4 MiB at once.
	Received, ReceivedBytes Rate

	// NewDestinations bounds how many addresses one client may try that have not
	// answered any client. Default: 5 a second, 200 at once.
	NewDestinations Rate

	// Unproven bounds the datagrams of all clients together to one address that has
	// not answered any of them, in units of 1400 bytes. Default: 50 a second, 50 at
	// once.
	Unproven Rate
}

func (l Limits) withDefaults() Limits {
	if l.Clients <= 0 {
		l.Clients = 1000
	}
	if l.ClientsPerIP == 0 {
		l.ClientsPerIP = 16
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

// frames bounds the frames of one client, including control frames and fragments, at
// twice the datagrams that it may send. A client that sends more is read from only ten
// times a second.
func (l *Limits) frames() limit.Rate {
	if l.Sent.PerSecond < 0 {
		return limit.Rate(l.Sent)
	}
	return limit.Rate{PerSecond: max(100, 2*l.Sent.PerSecond), Burst: max(400, 2*l.Sent.Burst)}
}

// upgrades bounds how many WebSockets may be opened from one prefix, including those that
// end at once. All its clients can come back at once, several times.
func (l *Limits) upgrades() limit.Rate {
	if l.ClientsPerIP < 0 {
		return limit.Rate{PerSecond: -1}
	}
	return limit.Rate{PerSecond: 10, Burst: max(100, 4*l.ClientsPerIP)}
}

// Rate bounds how much passes in a time. A zero field means its default in Limits, and a
// negative PerSecond means no bound.
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

// rates returns the bounds on traffic.
func (l *Limits) rates() limit.Rates {
	return limit.Rates{
		Sent: limit.Rate(l.Sent), SentBytes: limit.Rate(l.SentBytes),
		Received: limit.Rate(l.Received), ReceivedBytes: limit.Rate(l.ReceivedBytes),
		NewDestinations: limit.Rate(l.NewDestinations), Unproven: limit.Rate(l.Unproven),
	}
}
