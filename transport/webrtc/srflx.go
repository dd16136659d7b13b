package webrtc

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// A node behind a relay is known at the relay's address, not at its own. Two such
// nodes behind different NATs can meet only if they name their own, as a STUN server
// has told it: an address that is neither end's as far as anybody can check. So of
// each description maxSrflx of those are tried, and of all descriptions together
// srflxBurst at once and then one each srflxEvery have any: what ICE sends
// to these for the openWithin that an attempt lives is all that a liar can have sent
// to somebody else.
const (
	maxSrflx   = 2
	srflxBurst = 4
	srflxEvery = 15 * time.Second
)

// publicCandidates returns the first candidates of list that are at public addresses, one
// at each.
func publicCandidates(list []candidate) (some []candidate) {
	for _, c := range list {
		same := func(x candidate) bool { return x.ip == c.ip }
		if (c.kind == ipv4 || c.kind == ipv6) && c.port >= minPort && netaddr.IsPublic(c.ip) && !slices.ContainsFunc(some, same) && len(some) < maxSrflx {
			some = append(some, c)
		}
	}
	return some
}

// candidatesToTry returns which candidates of a peer's description are tried.
func (e *engine) candidatesToTry(now time.Time, list []candidate, p *peer) []candidate {
	some := usable(list, p.addr, e.mode, p.proven)
	if !e.public || !p.proven {
		return some
	}
	third := slices.DeleteFunc(publicCandidates(list), func(c candidate) bool { return slices.Contains(some, c) })
	if len(third) > 0 && e.srflx.take(now, srflxBurst, srflxEvery) {
		some = append(some, third...)
	}
	return some
}

// candidatesToTell returns which of the own candidates a peer may know.
func (e *engine) candidatesToTell(list []candidate, p *peer) []candidate {
	mode := e.mode
	if !p.proven {
		mode = Direct // whoever just sends a datagram learns no address
	}
	some := tellable(list, p.addr, mode, e.sameIP)
	if e.public && !e.sameIP && p.proven {
		some = append(some, publicCandidates(list)...)
	}
	return some[:min(len(some), maxCandidates)]
}
