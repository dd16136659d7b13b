package limit

import (
	"net/netip"
	"time"

	"github.com/kadmesh/kadmesh/internal/wire"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

// Allowance is what one client may still send and get, given its recent traffic.
// The zero Allowance belongs to a new client. An idle client's takes about 150
// bytes. Calls must not overlap.
type Allowance struct {
	sent, sentBytes         Bucket
	received, receivedBytes Bucket // all but answers to the client's requests
	answers, answersBytes   Bucket // apart, so that a flood of requests does not keep answers away
	fresh                   Bucket // new destinations
	attempts                attempts
	owed                    *owedAnswers // nil if the client owes no answer
}

// AllowSend reports whether the client may send a datagram of size bytes,
// regardless of the destination.
func (a *Allowance) AllowSend(now time.Duration, s *Shared, size int) bool {
	return a.sent.Take(now, s.rates.Sent, 1) && a.sentBytes.Take(now, s.rates.SentBytes, float64(size))
}

// AllowDestination reports whether the client may send p, a well-formed datagram of
// a kind, to an address. If not, it returns the reason.
func (a *Allowance) AllowDestination(
	now time.Duration, s *Shared, to netip.AddrPort, kind wire.Kind, p []byte,
) (reason message.Drop, ok bool) {
	key, msg := s.keys(to, p)
	isProven := s.proven.has(now, key)
	if kind == wire.KindAnswer && a.owed.settle(msg) {
		return message.DropSilent, isProven || s.unproven.Take(now, s.rates.Unproven, key, len(p))
	}
	t, known := a.attempts.find(now, key)
	switch {
	case isProven:
		if !known {
			a.attempts.keep(key, attempt{})
		}
		return 0, true
	case !t.mayRepeat(now):
		return message.DropSilent, false
	case !known && !a.fresh.Take(now, s.rates.NewDestinations, 1):
		return message.DropNewDestinations, false
	case !s.unproven.Take(now, s.rates.Unproven, key, len(p)):
		return message.DropSilent, false
	}
	t.sent[t.count] = uint32(msg)
	t.count++
	a.attempts.keep(key, t)
	return 0, true
}

// NoteContact notes that the client sends to another client of the relay, which
// takes nothing of its allowance. Answers from there are then let through.
func (a *Allowance) NoteContact(now time.Duration, s *Shared, to netip.AddrPort) {
	key := s.Key(to)
	if _, known := a.attempts.find(now, key); !known {
		a.attempts.keep(key, attempt{})
	}
}

// AllowReceive reports whether the client may get p. If not, it returns the reason.
// An address that the client has sent to may send anything, other addresses may
// send requests. Other datagrams do not use up the allowance.
func (a *Allowance) AllowReceive(
	now time.Duration, s *Shared, from netip.AddrPort, p []byte, parser *wire.Parser,
) (reason message.Drop, ok bool) {
	key, msg := s.keys(from, p)
	t, known := a.attempts.find(now, key)
	if known && len(p) > 0 && p[0] == byte(wire.KindAnswer) {
		return a.allowAnswer(now, s, from, t, p, parser)
	}
	kind, ok := parser.WellFormed(p)
	isRequest := ok && kind == wire.KindRequest
	if !known && !isRequest {
		return message.DropNotRPC, false
	}
	r := &s.rates
	if !a.received.Take(now, r.Received, 1) || !a.receivedBytes.Take(now, r.ReceivedBytes, float64(len(p))) {
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

// allowAnswer is AllowReceive for a datagram that looks like an answer, from an
// address that the client has sent to. It parses p only if p may prove the address.
func (a *Allowance) allowAnswer(
	now time.Duration, s *Shared, from netip.AddrPort, t attempt, p []byte, parser *wire.Parser,
) (reason message.Drop, ok bool) {
	r := &s.rates
	if !a.answers.Take(now, r.Received, 1) || !a.answersBytes.Take(now, r.ReceivedBytes, float64(len(p))) {
		return message.DropRate, false
	}
	if t.count == 0 {
		return 0, true
	}
	key, msg := s.keys(from, p)
	if !t.hasSent(uint32(msg)) {
		return 0, true
	}
	if _, ok := parser.WellFormed(p); ok {
		network := s.Key(netip.AddrPortFrom(Prefix48(from.Addr()), 0))
		s.proven.add(now, key, network)
		a.fresh.Give(1)
		a.attempts.keep(key, attempt{})
	}
	return 0, true
}

// Forget frees the memory of traffic that no longer counts.
func (a *Allowance) Forget(now time.Duration) {
	a.attempts.rotate(now)
	if a.owed != nil && now-a.received.at > answerTime {
		a.owed = nil
	}
}
