package wsrelay

import (
	"net/netip"
	"time"
)

// Phase is a stage in the life of a Conn.
type Phase int

// The phases. A Conn goes from Connecting to Connected or Lost, from Connected
// to Lost, and from Lost to Connecting, until it is closed or Stopped.
const (
	Connecting Phase = iota
	Connected
	Lost
	Stopped // for good: only a new Conn helps
)

var phaseNames = [...]string{"connecting", "connected", "lost", "stopped"}

// String names the phase.
func (p Phase) String() string { return phaseNames[p] }

// State is the state of a Conn, for its user to see.
type State struct {
	Phase Phase
	Relay string // the URL of the relay in question

	// Addr is the lent address. Without a connection it is the last one, which the
	// relay may still hold.
	Addr netip.AddrPort

	// When Connected, Resumed means that Addr is the same as before, and Changed that
	// it is another one. The first address is neither.
	Resumed, Changed bool

	// Resume, when Connected, is the token to get Addr back from Relay: see
	// Config.Resume.
	Resume string

	Reason error         // when Lost or Stopped
	Retry  time.Duration // when Lost: from then to the next attempt
}
