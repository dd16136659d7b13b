package webrtc

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// A node behind a relay is known at the relay's address, not at its own. Two such
// nodes behind different NATs can meet only if they name their own, as a STUN server
// has told it: an address that is neither end's as far as anybody can check. So of
// each description maxElsewhere of those are tried, and of all descriptions together
// elsewhereBurst at once and then one each elsewhereEvery have any: what ICE sends
// to these for the openWithin that an attempt lives is all that a liar can have sent
// to somebody else.
const (
	maxElsewhere   = 2
	elsewhereBurst = 4
	elsewhereEvery = 15 * time.Second
)

// elsewhere returns the first candidates of list that are at public addresses, one
// at each.
func elsewhere(list []candidate) (some []candidate) {
	for _, c := range list {
		same := func(x candidate) bool { return x.ip == c.ip }
		if (c.kind == v4 || c.kind == v6) && c.port >= minPort && netaddr.IsPublic(c.ip) && !slices.ContainsFunc(some, same) && len(some) < maxElsewhere {
			some = append(some, c)
		}
	}
	return some
}

// usable returns which candidates of a peer's description are tried.
func (m *machine) usable(now time.Time, list []candidate, p *peer) []candidate {
	some := resolve(list, p.addr, m.mode, p.proven)
	if !m.public || !p.proven {
		return some
	}
	third := slices.DeleteFunc(elsewhere(list), func(c candidate) bool { return slices.Contains(some, c) })
	if len(third) > 0 && m.elsewhere.pays(now, elsewhereBurst, elsewhereEvery) {
		some = append(some, third...)
	}
	return some
}

// told returns which of the own candidates a peer may know.
func (m *machine) told(list []candidate, p *peer) []candidate {
	mode := m.mode
	if !p.proven {
		mode = Direct // whoever just sends a datagram learns no address
	}
	some := tell(list, p.addr, mode, m.sameIP)
	if m.public && !m.sameIP && p.proven {
		some = append(some, elsewhere(list)...)
	}
	return some[:min(len(some), maxCandidates)]
}
