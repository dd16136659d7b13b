package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// Config configures a relay. With AllowPrivate set, the zero value of the other fields is
// ready to use, for clients on the same machine.
type Config struct {
	// PublicIPs are the addresses at which others reach lent ports, at most one of
	// IPv4 and one of IPv6. Default: 127.0.0.1.
	PublicIPs []netip.Addr

	// BindIPs are the addresses to bind lent sockets to, at most one of each family.
	// Default: the public address if the machine has it, else all addresses.
	BindIPs []netip.Addr

	// Ports are the ports to lend. The zero range leaves the choice to the system.
	Ports PortRange

	// AllowPrivate lets clients exchange datagrams with private and loopback
	// addresses, and with the relay's own machine. It is for demonstrations and
	// tests. Without it, PublicIPs must be reachable from the Internet.
	AllowPrivate bool

	// Deny are networks that no client may reach, even if a bootstrap node is in one.
	// Lent addresses can be reached all the same.
	Deny []netip.Prefix

	// Bootstrap are nodes through which clients may join the network. A welcome names
	// up to 16 of the family that is lent. Clients may reach all of them, at whatever
	// address. See SetBootstrap.
	Bootstrap []netip.AddrPort

	// Secret signs resume tokens. A relay that starts again with the same secret and
	// ports lends clients the same ports again. Default: a random secret.
	Secret []byte

	// RestartTime is how long clients are asked to stay away when the relay shuts down.
	// Default: 2s.
	RestartTime time.Duration

	Access Access // default: all programs, and pages of the relay's own host
	Limits Limits // default: the values named there

	// Log gets events that matter to an operator and, at level debug, each client.
	// Default: none.
	Log *slog.Logger
}

// maxBootstrap is how many nodes a welcome names.
const maxBootstrap = 16

// check returns the configuration with defaults, or an error that names its fault.
func (c Config) check() (Config, error) {
	if len(c.PublicIPs) == 0 {
		c.PublicIPs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	if c.RestartTime <= 0 {
		c.RestartTime = 2 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	if err := onePerFamily("public", c.PublicIPs); err != nil {
		return c, err
	}
	if err := onePerFamily("bind", c.BindIPs); err != nil {
		return c, err
	}
	for _, ip := range c.PublicIPs {
		switch {
		case ip.IsUnspecified() || ip.IsMulticast() || ip.Is4In6() || ip.Zone() != "":
			return c, fmt.Errorf("public address %v: nobody could send to it", ip)
		case !c.AllowPrivate && !netaddr.IsPublic(ip):
			return c, fmt.Errorf("public address %v: %w", ip, ErrNotPublic)
		}
	}
	for _, ip := range c.BindIPs {
		if ip.Is4In6() || ip.Zone() != "" {
			return c, fmt.Errorf("bind address %v: want plain IPv4 or IPv6", ip)
		}
	}
	for _, p := range c.Deny {
		if !p.IsValid() || p.Addr().Is4In6() {
			return c, fmt.Errorf("denied network %v: want plain IPv4 or IPv6", p)
		}
	}
	if c.Ports != (PortRange{}) && (c.Ports.First < minPort || c.Ports.Last < c.Ports.First) {
		return c, fmt.Errorf("ports %v: want FROM-TO, from %d up", c.Ports, minPort)
	}
	return c, nil
}

// ErrNotPublic is wrapped by the error of New for an address in PublicIPs that the
// Internet cannot reach.
var ErrNotPublic = errors.New("not reachable from the Internet, and private addresses are not allowed")

func onePerFamily(what string, list []netip.Addr) error {
	seen := make(map[byte]bool)
	for _, ip := range list {
		if !ip.IsValid() {
			return fmt.Errorf("%s address missing", what)
		}
		if seen[netaddr.Family(ip)] {
			return fmt.Errorf("%s addresses %v: more than one of IPv%d", what, list, netaddr.Family(ip))
		}
		seen[netaddr.Family(ip)] = true
	}
	return nil
}

// bindFor returns the address to bind sockets to for a public address. local are the
// addresses of this machine.
func (c *Config) bindFor(public netip.Addr, local []netip.Addr) netip.Addr {
	for _, ip := range c.BindIPs {
		if netaddr.Family(ip) == netaddr.Family(public) {
			return ip
		}
	}
	switch {
	case slices.Contains(local, public) || public.IsLoopback():
		return public
	case public.Is4():
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
