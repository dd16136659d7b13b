package main

import (
	"strings"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options are the values of the flags.
type options struct {
	listen    string
	metrics   string
	bootstrap []string
	network   string
	tls       certification
	lending   lending
	access    admission
	limits    limits
	logging   cli.Logging
}

// lending has the flags for the addresses to lend, and for the destinations of tabs.
type lending struct {
	publicIPs, bindIPs []string
	ports              string
	deny               []string
	allowPrivate       bool
	secretFile         string
}

// admission has the flags that restrict the clients of the relay.
type admission struct {
	tokens                  []string
	tokenFile               string
	origins, hosts, proxies []string
}

// limits has the flags for limits. Zero peers means the default.
type limits struct {
	peers                                       count
	peersPerIP                                  int
	grace                                       time.Duration
	datagrams, bytes, newDestinations, unproven rate
}

func (o *options) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.listen, "listen", "l", "",
		"take connections at `ADDR:PORT` (default 127.0.0.1:8080, or :443 with a certificate)")
	f.StringSliceVarP(&o.bootstrap, "bootstrap", "b", nil,
		"tell tabs to join through the node at `HOST:PORT`; may be repeated")
	f.StringVar(&o.network, "network", "",
		"make the page's tabs join the network of that `NAME` (default: the one without)")
	o.lending.flags(f)
	o.tls.flags(f)
	o.access.flags(f)
	o.limits.flags(f)
	f.StringVar(&o.metrics, "metrics", "",
		"serve metrics for Prometheus at `ADDR:PORT`, path /metrics (default: nowhere)")
	f.VisitAll(func(flag *pflag.Flag) {
		isFile := strings.HasSuffix(flag.Name, "-file") || strings.HasPrefix(flag.Name, "tls-") ||
			flag.Name == "acme-cache"
		if !isFile && flag.Value.Type() != "bool" {
			cli.Complete(cmd, flag.Name)
		}
	})
	o.logging.Flags(cmd)
}

func (l *lending) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&l.publicIPs, "public-ip", nil,
		"the `IP` address at which others reach this machine; give one of IPv4, one of IPv6, or both")
	f.StringSliceVar(&l.bindIPs, "bind-ip", nil,
		"the `IP` address to bind lent ports to (default: the public one, or all if this machine does not have it)")
	f.StringVar(&l.ports, "udp-ports", "", "the UDP ports to lend, `FROM-TO` (default: the system chooses)")
	f.StringSliceVar(&l.deny, "deny", nil, "a public `CIDR` that tabs cannot send to; may be repeated")
	f.BoolVar(&l.allowPrivate, "allow-private", false, "let tabs reach private and loopback addresses: for tests")
	f.StringVar(&l.secretFile, "secret-file", "",
		"keep a secret in `FILE`, so that tabs get their ports back after a restart; created if missing")
}

func (t *certification) flags(f *pflag.FlagSet) {
	f.StringVar(&t.cert, "tls-cert", "", "serve TLS with the certificate chain in `FILE`, as PEM")
	f.StringVar(&t.key, "tls-key", "", "the private key in `FILE`, as PEM")
	f.StringSliceVar(&t.domains, "acme-domain", nil,
		"serve TLS with a certificate for `DOMAIN` from Let's Encrypt, whose terms you accept; may be repeated")
	f.StringVar(&t.cache, "acme-cache", "", "keep certificates in `DIR`")
	f.StringVar(&t.email, "acme-email", "", "the `ADDRESS` for mail about problems with certificates")
}

func (a *admission) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&a.tokens, "token", nil,
		"take only tabs that know `TOKEN`; may be repeated; better in --token-file or $"+tokenVariable)
	f.StringVar(&a.tokenFile, "token-file", "", "take only tabs that know a token in `FILE`, one on each line")
	f.StringSliceVar(&a.origins, "allow-origin", nil,
		"let pages of `ORIGIN` use the relay, as https://example.org, or * for all; its own page always may")
	f.StringSliceVar(&a.hosts, "allow-host", nil,
		"a `NAME` of this relay, needed if it listens on a private address without a proxy")
	f.StringSliceVar(&a.proxies, "trust-proxy", nil,
		"believe the X-Forwarded-For of proxies in `CIDR`; may be repeated")
}

func (l *limits) flags(f *pflag.FlagSet) {
	l.datagrams = rate{1000, 4000}
	l.bytes = rate{1 << 20, 4 << 20}
	l.newDestinations = rate{5, 200}
	l.unproven = rate{50, 50}
	f.Var(&l.peers, "max-peers", "`N` tabs there may be at a time (default 1000, or as many as --udp-ports)")
	f.IntVar(&l.peersPerIP, "max-peers-per-ip", 16,
		"`N` tabs may come from one IPv4 address or IPv6 /64, 4 times as many from a /48; -1 for any number")
	f.DurationVar(&l.grace, "grace", time.Minute,
		"`TIME` that a port stays lent to a tab that lost its connection, 18h at most")
	f.Var(&l.datagrams, "max-datagrams",
		"datagrams that a tab may send in a second, and at once; it may get twice as many in a second")
	f.Var(&l.bytes, "max-bytes", "bytes that a tab may send, likewise")
	f.Var(&l.newDestinations, "max-new-destinations",
		"addresses that a tab may try in a second, and at once, if they have not answered a tab")
	f.Var(&l.unproven, "max-unproven",
		"datagrams that all tabs together may send in a second, and at once, to an address that has not answered")
}

// relay returns the limits for the relay's configuration.
func (l *limits) relay() relay.Limits {
	twice := func(r rate) relay.Rate { return relay.Rate{PerSecond: 2 * r.PerSecond, Burst: r.Burst} }
	return relay.Limits{
		Clients: int(l.peers), ClientsPerIP: l.peersPerIP, Grace: l.grace,
		Sent: relay.Rate(l.datagrams), SentBytes: relay.Rate(l.bytes),
		Received: twice(l.datagrams), ReceivedBytes: twice(l.bytes),
		NewDestinations: relay.Rate(l.newDestinations), Unproven: relay.Rate(l.unproven),
	}
}
