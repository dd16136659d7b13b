//go:build !js

package wsrelay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/internal/netaddr"
)

// ServerConfig says what a relay lends, and to whom. The zero value is ready to
// use if AllowPrivate is set: a relay for programs on this machine.
type ServerConfig struct {
	// PublicIPs are the addresses under which others reach lent ports, at most
	// one of IPv4 and one of IPv6. Default 127.0.0.1.
	PublicIPs []netip.Addr

	// BindIPs are the addresses of this machine to bind lent sockets to, at most
	// one of each family. Default: the public address where it is one of this
	// machine, else all of them.
	BindIPs []netip.Addr

	// Ports are those to lend. The zero range leaves the choice to the system.
	Ports PortRange

	// AllowPrivate lets clients talk to private and loopback addresses, and to
	// this machine: for demonstrations and tests. Without it, public addresses
	// must be global ones.
	AllowPrivate bool

	// Deny are destinations that no client may reach, bootstrap nodes among them,
	// but not lent addresses.
	Deny []netip.Prefix

	// Bootstrap are nodes of the network, of which clients are told, and which
	// they may reach wherever these are. At most 16 of each family count. See SetBootstrap.
	Bootstrap []netip.AddrPort

	// Secret is what resume tokens are made of. A relay that starts again with
	// the same secret and ports lends clients the same ports again. Default: a
	// random one.
	Secret []byte

	// RestartTime is how long clients are told to stay away when the relay shuts
	// down. Default 2s.
	RestartTime time.Duration

	Access Access
	Limits Limits

	// Log is told of what an operator may want to know; at level debug, of each
	// client. Default: nothing is logged.
	Log *slog.Logger
}

// maxBootstrap is how many nodes of a family clients are told of.
const maxBootstrap = 16

// check returns the configuration with defaults, or what is wrong with it.
func (c ServerConfig) check() (ServerConfig, error) {
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

// ErrNotPublic is wrapped by the error about a public address that is not one.
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

// bindFor is the address to bind sockets to that are known as public.
func (c *ServerConfig) bindFor(public netip.Addr, local []netip.Addr) netip.Addr {
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
