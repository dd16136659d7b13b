package webrtc

import (
	"math/rand/v2"
	"net/netip"
)

// Config configures a Conn. Only ID must be set.
type Config struct {
	// ID is the id of the node.
	ID ID

	// Mode limits the direct paths. The zero Mode allows none.
	Mode Mode

	// SameIP means that other nodes see this node at an IP address of its machine or
	// of the NAT before it, as with UDP, and not at the address of a relay.
	SameIP bool

	// Public means that a STUN server tells the node its public address. Behind a
	// relay the node then names that address to peers and tries the public addresses
	// of peers, so that nodes behind different NATs can meet.
	Public bool

	// Listen is the UDP address of all channels of a native node. If its IP address
	// is missing, the node listens on the wrapped conn's address if SameIP is set, and
	// on all addresses otherwise. Port zero is any free port. Browsers ignore Listen.
	Listen netip.AddrPort

	// Channels is the maximum number of channels. Zero means 512, in a browser 24.
	Channels int

	// Rand is the source of nonces and message ids. Nil means the generator of the Go
	// runtime, which nobody can predict.
	Rand rand.Source

	// Changed is called when a peer gets a channel, with an empty why, and when a peer
	// has lost it, with the reason. It is called with a lock held, and must return at
	// once without a call to the Conn. Nil means none.
	Changed func(p Path, why string)
}

// Bounds on the channels that are being set up, after own offers and after offers of
// others.
const (
	maxOffering  = 8
	maxAnswering = 32
)

func (c Config) settings() settings {
	l := limits{channels: c.Channels, offers: maxOffering, answers: maxAnswering}
	if l.channels == 0 {
		l.channels = defaultChannels
	}
	l.answers = min(l.answers, l.channels)
	return settings{self: c.ID, mode: c.Mode, sameIP: c.SameIP, public: c.Public, limits: l, changed: c.Changed}
}

// source returns Rand or its default.
func (c Config) source() rand.Source {
	if c.Rand != nil {
		return c.Rand
	}
	return runtimeRand{}
}

// runtimeRand is the generator of the Go runtime, which the system has seeded.
type runtimeRand struct{}

func (runtimeRand) Uint64() uint64 { return rand.Uint64() }
