package limit

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/transport/wsrelay/message"

	rpc "github.com/kadmesh/kadmesh/internal/wire"
)

// allowance is what one client may still send and get, which follows from what
// it did lately. It takes a few bytes for a client that does nothing. Times are
// since the start of the server; see Limits for the numbers.
//
// Whoever wants to send much must find somebody who answers: a destination is
// proven when it has answered a request that went through the relay to it, with
// the request's message id. To those that are not, few datagrams go, except that
// every request that a client got entitles it to one answer.
type Allowance struct {
	sent, sentBytes         Bucket
	received, receivedBytes Bucket // but answers from where it has sent to
	answers, answersBytes   Bucket // those: a flood of requests does not keep them away
	fresh                   Bucket // new destinations
	attempts                attempts
	owed                    *owedAnswers // nil if the client owes no answer
}

// rates are the bounds of the traffic of one client, and of all clients to one
// address: see the fields of relay.Limits with the same names.
type Rates struct {
	Sent, SentBytes         Rate
	Received, ReceivedBytes Rate
	NewDestinations         Rate
	Unproven                Rate
}

// common is what the allowances of all clients share.
type Shared struct {
	rates    Rates
	seed     maphash.Seed
	proven   proven
	unproven RateTable
}

// newCommon returns a common without any destination that is proven.
func NewShared(r Rates) *Shared { return &Shared{rates: r, seed: maphash.MakeSeed()} }

// pays reports whether the client may send a datagram of that many bytes now,
// wherever it goes.
func (a *Allowance) AllowSend(now time.Duration, c *Shared, size int) bool {
	return a.sent.Take(now, c.rates.Sent, 1) && a.sentBytes.Take(now, c.rates.SentBytes, float64(size))
}

// reaches reports whether the client may send a well-formed datagram of that
// kind to an address, or why not.
func (a *Allowance) AllowDestination(now time.Duration, c *Shared, to netip.AddrPort, kind rpc.Kind, p []byte) (message.Drop, bool) {
	key, msg := c.keys(to, p)
	isProven := c.proven.has(now, key)
	if kind == rpc.KindAnswer && a.owed.settle(msg) {
		return message.DropSilent, isProven || c.unproven.Take(now, c.rates.Unproven, key, len(p))
	}
	t, known := a.attempts.find(now, key)
	switch {
	case isProven:
		if !known {
			a.attempts.keep(key, attempt{})
		}
		return 0, true
	case !t.again(now):
		return message.DropSilent, false
	case !known && !a.fresh.Take(now, c.rates.NewDestinations, 1):
		return message.DropNewDestinations, false
	case !c.unproven.Take(now, c.rates.Unproven, key, len(p)):
		return message.DropSilent, false
	}
	t.asked[t.count] = uint32(msg)
	t.count++
	a.attempts.keep(key, t)
	return 0, true
}

// knows notes that the client sends to another client of the relay, which it may
// do without asking.
func (a *Allowance) NoteContact(now time.Duration, c *Shared, to netip.AddrPort) {
	key := c.Key(to)
	if _, known := a.attempts.find(now, key); !known {
		a.attempts.keep(key, attempt{})
	}
}

// gets reports whether the client may get a datagram, or why not: from where it
// has sent to it gets anything, from elsewhere requests. Whatever else comes from
// elsewhere takes nothing of what it may get.
func (a *Allowance) AllowReceive(now time.Duration, c *Shared, from netip.AddrPort, p []byte, parser *rpc.Parser) (message.Drop, bool) {
	key, msg := c.keys(from, p)
	t, known := a.attempts.find(now, key)
	if known && len(p) > 0 && p[0] == byte(rpc.KindAnswer) {
		return a.allowAnswer(now, c, from, t, p, parser)
	}
	kind, ok := parser.WellFormed(p)
	isRequest := ok && kind == rpc.KindRequest
	if !known && !isRequest {
		return message.DropNotRPC, false
	}
	l := &c.rates
	if !a.received.Take(now, l.Received, 1) || !a.receivedBytes.Take(now, l.ReceivedBytes, float64(len(p))) {
		return message.DropRate, false
	}
	if isRequest {
		if a.owed == nil {
			a.owed = new(owedAnswers)
		}
		a.owed.add(msg)
	}
	return 0, true
}

// getsAnswer is gets for what looks like an answer, from where the client has sent
// to. It is not read if there is nothing to be learned from it, the usual case.
func (a *Allowance) allowAnswer(now time.Duration, c *Shared, from netip.AddrPort, t attempt, p []byte, parser *rpc.Parser) (message.Drop, bool) {
	l := &c.rates
	if !a.answers.Take(now, l.Received, 1) || !a.answersBytes.Take(now, l.ReceivedBytes, float64(len(p))) {
		return message.DropRate, false
	}
	if t.count == 0 {
		return 0, true
	}
	key, msg := c.keys(from, p)
	if !t.hasAsked(uint32(msg)) {
		return 0, true
	}
	if _, ok := parser.WellFormed(p); ok {
		place := c.Key(netip.AddrPortFrom(Prefix48(from.Addr()), 0))
		c.proven.add(now, key, place)
		a.fresh.Give(1)
		a.attempts.keep(key, attempt{})
	}
	return 0, true
}

// forget gives back the memory of what is long over.
func (a *Allowance) Forget(now time.Duration) {
	a.attempts.turn(now)
	if a.owed != nil && now-a.received.at > answerTime {
		a.owed = nil
	}
}

// Key returns a number that stands for an address. Nobody outside can tell which
// address has which.
func (c *Shared) Key(a netip.AddrPort) uint64 {
	key, _ := c.keys(a, nil)
	return key
}

// keys returns a number that stands for an address, and one for a message
// between it and a client. Nobody outside can tell which address has which.
func (c *Shared) keys(a netip.AddrPort, p []byte) (addr, msg uint64) {
	var b [16 + 2 + len(rpc.MsgID{})]byte
	ip := a.Addr().As16()
	n := copy(b[:], ip[:])
	b[n], b[n+1] = byte(a.Port()>>8), byte(a.Port())
	n += 2
	addr = maphash.Bytes(c.seed, b[:n])
	if len(p) < rpc.HeaderLen {
		return addr, 0
	}
	n += copy(b[n:], p[1:rpc.HeaderLen])
	return addr, maphash.Bytes(c.seed, b[:n])
}
