package relay

import "net/netip"

// minPort is the lowest port that datagrams are passed to. The ports below it belong to
// the services of systems, which no node of a DHT uses.
const minPort = 1024

// policy decides with which addresses clients may exchange datagrams: public addresses
// only, unless the operator says otherwise.
type policy struct {
	allowPrivate bool                  // private and loopback addresses are allowed too
	isOwn        func(netip.Addr) bool // an address of the relay's machine, which is only allowed with allowPrivate
	deny         []netip.Prefix        // never allowed
}

// allows reports whether a datagram may go to a, or come from a. Lent addresses and
// bootstrap nodes are decided elsewhere.
func (p *policy) allows(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	if a.Port() < minPort || ip.Zone() != "" {
		return false
	}
	if p.denies(ip) {
		return false
	}
	if p.allowPrivate && isPrivate(ip) {
		return true
	}
	return isGlobal(ip) && (p.allowPrivate || !p.isOwn(ip))
}

// denies reports whether the operator has forbidden ip.
func (p *policy) denies(ip netip.Addr) bool { return in(ip.Unmap(), p.deny) }

// isPrivate reports whether ip is a loopback address, or one for private networks.
// Link-local addresses are not private: clouds keep their metadata there.
func isPrivate(ip netip.Addr) bool { return ip.IsLoopback() || in(ip, private) }

// IsGlobal reports whether the whole Internet can send to ip.
func IsGlobal(ip netip.Addr) bool { return isGlobal(ip.Unmap()) }

// isGlobal reports whether ip is a unicast address that the Internet routes to one place,
// according to the registries of IANA. Blocks that are not handed out and special blocks
// are not global. Special are also IPv6 blocks whose addresses carry an IPv4 address that
// a router on the way would send to.
func isGlobal(ip netip.Addr) bool {
	if ip.Is4() {
		return in(ip, unicast4) && !in(ip, special4)
	}
	return in(ip, unicast6) && !in(ip, special6) && !isISATAP(ip)
}

func in(ip netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// isISATAP reports whether the lower half of ip says that a host of the site
// tunnels it to the IPv4 address at its end (RFC 5214, section 6.1).
func isISATAP(ip netip.Addr) bool {
	b := ip.As16()
	return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

var private = prefixes(
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
	"100.64.0.0/10", // carrier-grade NAT, RFC 6598
	"fc00::/7",      // unique local, RFC 4193
)

// unicast4 and unicast6 are the blocks that addresses are handed out of.
var (
	unicast4 = prefixes("0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3")
	unicast6 = prefixes("2000::/3")
)

// special4 and special6 are the exceptions within them.
var (
	special4 = prefixes(
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
		"192.0.0.0/24",                                      // protocol assignments
		"192.88.99.0/24",                                    // 6to4 relays
		"192.52.193.0/24",                                   // multicast tunnels (AMT)
		"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", // documentation
		"198.18.0.0/15", // benchmarks
	)
	special6 = prefixes(
		"2001::/23",                  // protocol assignments, Teredo among them
		"2001:db8::/32", "3fff::/20", // documentation
		"2002::/16", // 6to4
	)
)

func prefixes(list ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}
