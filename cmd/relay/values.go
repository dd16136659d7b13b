package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// rate is a relay.Rate as a flag: N, N:BURST, or none.
type rate relay.Rate

// maxRate keeps twice a rate, and times 60, within an int32.
const maxRate = 16 << 20

// String implements pflag.Value.
func (r *rate) String() string {
	if r.PerSecond < 0 {
		return "none"
	}
	return fmt.Sprintf("%d:%d", r.PerSecond, r.Burst)
}

// Type implements pflag.Value.
func (r *rate) Type() string { return "N[:BURST]" }

// Set implements pflag.Value. Without BURST the burst stays, if it is enough for a second.
func (r *rate) Set(s string) error {
	if s == "none" {
		*r = rate{PerSecond: -1}
		return nil
	}
	perSecond, burst, both := strings.Cut(s, ":")
	n, err := strconv.Atoi(perSecond)
	b := max(r.Burst, n)
	if both && err == nil {
		b, err = strconv.Atoi(burst)
	}
	if err != nil || n < 1 || n > maxRate || b < 1 || b > maxRate {
		return cli.Usagef("%q: want N or N:BURST, each from 1 to %d, or none", s, maxRate)
	}
	*r = rate{n, b}
	return nil
}

// count is a positive number as a flag, or 0 if the flag is not given.
type count int

// String implements pflag.Value.
func (c *count) String() string { return strconv.Itoa(int(*c)) }

// Type implements pflag.Value.
func (c *count) Type() string { return "N" }

// Set implements pflag.Value.
func (c *count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return cli.Usagef("%q: want a number, more than zero", s)
	}
	*c = count(n)
	return nil
}

// parsePorts parses FROM-TO. If s is empty, the system chooses the ports.
func parsePorts(s string) (relay.PortRange, error) {
	if s == "" {
		return relay.PortRange{}, nil
	}
	from, to, _ := strings.Cut(s, "-")
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if err := errors.Join(err1, err2); err != nil || first < 1024 || last < first {
		return relay.PortRange{}, cli.Usagef(
			"--udp-ports %q: want FROM-TO, both from 1024 to 65535, as in 20000-20999", s)
	}
	return relay.PortRange{First: uint16(first), Last: uint16(last)}, nil
}

// parseIPs parses the values of a flag that takes one address of each family.
func parseIPs(flag string, list []string) ([]netip.Addr, error) {
	var ips []netip.Addr
	for _, s := range list {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return nil, cli.Usagef("--%s %q: want an IP address, without a port", flag, s)
		}
		ip = ip.Unmap()
		if ip.Zone() != "" || ip.IsMulticast() {
			return nil, cli.Usagef("--%s %v: no other machine could send to it", flag, ip)
		}
		for _, other := range ips {
			if netaddr.SameFamily(other, ip) {
				return nil, cli.Usagef(
					"--%s %v and %v: one of IPv4 and one of IPv6 at most; for more, run more relays",
					flag, other, ip)
			}
		}
		ips = append(ips, ip)
	}
	return ips, nil
}

// parsePrefixes parses the values of a flag that takes networks or addresses.
func parsePrefixes(flag string, list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if ip, e := netip.ParseAddr(s); e == nil && ip.Zone() == "" {
			ip = ip.Unmap()
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return nil, cli.Usagef("--%s %q: want a network or an address, as in 10.0.0.0/8 or ::1", flag, s)
		}
		if p.Addr().Is4In6() {
			return nil, cli.Usagef("--%s %q would never match: write networks of IPv4 as in 10.0.0.0/8", flag, s)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}

// checkOrigin returns an error if s is no value for --allow-origin.
func checkOrigin(s string) error {
	if s == "*" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return cli.Usagef("--allow-origin %q: want a scheme and a host, as in https://example.org, or * for all", s)
	}
	if origin := u.Scheme + "://" + u.Host; s != origin {
		return cli.Usagef("--allow-origin %q: an origin ends with its host or port: %s", s, origin)
	}
	return nil
}
