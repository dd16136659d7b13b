package webrtc

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// A node behind a relay is known at the relay's address. Two such nodes behind different
// NATs can meet only if each names its public address, as a STUN server has told it: a
// server-reflexive candidate (RFC 8445, section 5.1.1). No peer can check such an address,
// and a liar may name the address of a third party. So at most maxSrflx are tried of each
// description, and descriptions with such candidates are limited to srflxBurst at once
// and one each srflxEvery. That bounds the traffic that liars can aim at a third party:
// the checks of ICE during openWithin.
const (
	maxSrflx   = 2
	srflxBurst = 4
	srflxEvery = 15 * time.Second
)

// publicCandidates returns the first maxSrflx candidates of list at different public
// addresses.
func publicCandidates(list []candidate) (some []candidate) {
	for _, c := range list {
		known := slices.ContainsFunc(some, func(x candidate) bool { return x.ip == c.ip })
		public := (c.kind == ipv4 || c.kind == ipv6) && netaddr.IsPublic(c.ip)
		if public && c.port >= minPort && !known && len(some) < maxSrflx {
			some = append(some, c)
		}
	}
	return some
}

// candidatesToTry returns the candidates to try of a description from p.
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

// candidatesToTell returns the candidates of this node that p may know.
func (e *engine) candidatesToTell(list []candidate, p *peer) []candidate {
	mode := e.mode
	if !p.proven {
		mode = Direct // one datagram must not reveal private addresses
	}
	some := tellable(list, p.addr, mode, e.sameIP)
	if e.public && !e.sameIP && p.proven {
		some = append(some, publicCandidates(list)...)
	}
	return some[:min(len(some), maxCandidates)]
}
