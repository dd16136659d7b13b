package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

// maxGrace is the longest grace time that fits into the protocol.
const maxGrace = 18 * time.Hour

// defaultPeers is how many tabs there may be without --max-peers.
const defaultPeers = 1000

// config returns the configuration of the relay, or an error that names the wrong flag.
// names are the names in the certificates. config reads files, and changes nothing.
func (o *options) config(names []string) (cfg relay.Config, err error) {
	if err := o.lending.apply(&cfg); err != nil {
		return cfg, err
	}
	if cfg.Access, err = o.access.read(); err != nil {
		return cfg, err
	}
	cfg.Access.Hosts = append(cfg.Access.Hosts, names...)
	if err := o.limits.check(cfg.Ports); err != nil {
		return cfg, err
	}
	cfg.Limits = o.limits.relay()
	return cfg, nil
}

// apply sets the fields of cfg that concern addresses.
func (l *lending) apply(cfg *relay.Config) (err error) {
	cfg.AllowPrivate = l.allowPrivate
	if cfg.PublicIPs, err = parseIPs("public-ip", l.publicIPs); err != nil {
		return err
	}
	if cfg.BindIPs, err = parseIPs("bind-ip", l.bindIPs); err != nil {
		return err
	}
	if cfg.Ports, err = parsePorts(l.ports); err != nil {
		return err
	}
	if cfg.Deny, err = parsePrefixes("deny", l.deny); err != nil {
		return err
	}
	if len(cfg.PublicIPs) == 0 {
		if !l.allowPrivate {
			return cli.Usagef("no --public-ip given: name the address at which the Internet reaches this machine; " +
				"or, to try things out on this machine alone, give --allow-private")
		}
		cfg.PublicIPs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	for _, ip := range cfg.PublicIPs {
		if ip.IsUnspecified() {
			return cli.Usagef(
				"--public-ip %v: name the address at which others reach this machine; --bind-ip may be %[1]v", ip)
		}
		if !l.allowPrivate && !netaddr.IsPublic(ip) {
			return cli.Usagef("--public-ip %v: %w: give the address at which the Internet reaches this machine "+
				"(and --bind-ip for the machine's own address), or --allow-private to try things out",
				ip, relay.ErrNotPublic)
		}
	}
	for _, ip := range cfg.BindIPs {
		if !lends(cfg, ip) {
			return cli.Usagef("--bind-ip %v: there is no --public-ip of that IP version", ip)
		}
	}
	return nil
}

// lends reports whether the relay lends addresses of the IP version of ip.
func lends(cfg *relay.Config, ip netip.Addr) bool {
	for _, p := range cfg.PublicIPs {
		if netaddr.SameFamily(p, ip) {
			return true
		}
	}
	return false
}

// check reports a wrong limit, and sets the default number of peers.
func (l *limits) check(ports relay.PortRange) error {
	room := ports.Len()
	switch {
	case l.peers == 0 && room == 0:
		l.peers = defaultPeers
	case l.peers == 0:
		l.peers = count(min(defaultPeers, room))
	case room > 0 && int(l.peers) > room:
		return cli.Usagef("--udp-ports %v are %d ports, too few for --max-peers %d: each tab takes one; "+
			"give more ports, or --max-peers %[2]d", ports, room, l.peers)
	}
	switch {
	case l.peersPerIP == 0 || l.peersPerIP < -1:
		return cli.Usagef("--max-peers-per-ip %d: must be more than zero, or -1 for any number", l.peersPerIP)
	case l.grace <= 0 || l.grace > maxGrace:
		return cli.Usagef("--grace %v: want more than zero, and %v at most", l.grace, maxGrace)
	case l.bytes.PerSecond > 0 && l.bytes.Burst < message.MaxDatagram:
		return cli.Usagef("--max-bytes %v: the burst must be at least %d, the length of the longest datagram: "+
			"longer datagrams than the burst would never pass", &l.bytes, message.MaxDatagram)
	case l.unproven.PerSecond > 0 && l.unproven.Burst < minUnproven:
		return cli.Usagef("--max-unproven %v: the burst must be at least %d, the count of a datagram of %d bytes: "+
			"longer datagrams would never pass", &l.unproven, minUnproven, message.MaxDatagram)
	}
	return nil
}

// minUnproven is the length of the longest datagram in units of 1400 bytes.
const minUnproven = (message.MaxDatagram + 1399) / 1400

// tokenVariable is the environment variable for a token.
const tokenVariable = "KADMESH_RELAY_TOKEN"

// maxToken is the length of the longest token that the protocol carries, in bytes.
const maxToken = 255

// read returns the access rules of the relay, or an error that names the wrong flag.
func (a *admission) read() (access relay.Access, err error) {
	if access.Tokens, err = a.allTokens(); err != nil {
		return access, err
	}
	for _, o := range a.origins {
		if err := checkOrigin(o); err != nil {
			return access, err
		}
	}
	access.Origins = a.origins
	for _, h := range a.hosts {
		if h == "" || strings.ContainsAny(h, ":/ ") {
			return access, cli.Usagef("--allow-host %q: want a name only, as in relay.example.org", h)
		}
	}
	access.Hosts = a.hosts
	access.Proxies, err = parsePrefixes("trust-proxy", a.proxies)
	return access, err
}

// allTokens returns the tokens of flags, file and environment.
func (a *admission) allTokens() ([]string, error) {
	tokens := a.tokens
	if s := os.Getenv(tokenVariable); s != "" {
		tokens = append(tokens, s)
	}
	if a.tokenFile != "" {
		b, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		before := len(tokens)
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" {
				tokens = append(tokens, line)
			}
		}
		if len(tokens) == before {
			return nil, cli.Usagef("--token-file %s has no token: write one on each line, "+
				"or leave the flag out to let in everybody", a.tokenFile)
		}
	}
	for _, t := range tokens {
		if t == "" || len(t) > maxToken {
			return nil, cli.Usagef("--token, --token-file or $%s: a token has from 1 to %d bytes, not %d",
				tokenVariable, maxToken, len(t))
		}
	}
	return tokens, nil
}
