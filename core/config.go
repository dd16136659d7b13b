package core

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/kadmesh/kadmesh/core/trace"
	"github.com/kadmesh/kadmesh/internal/wire"
)

// Config holds the tunable parts of a node. Every value is usable: a number that is
// zero or less means the default.
type Config struct {
	// ID is the node's id. The zero ID means a random one.
	ID ID

	// Network is the name of the network. Extended nodes with different names refuse
	// each other. Python nodes know no names, and are always taken. Default: the network
	// without a name.
	Network string

	// K is the bucket size and the number of nodes that a value is stored on
	// (paper, section 2.2). It should be the same in the whole network. Default: the K
	// of the bootstrap nodes when the node joins, 20 in a network of its own.
	K int

	// Alpha is how many requests of one lookup are under way at a time (paper,
	// section 2.3). Default 3.
	Alpha int

	// B is how many bits of an id each step of a lookup resolves at least, in a
	// large network (paper, section 4.2). Default 5.
	B int

	// RPCTimeout is how long a request may wait for its answer. Default 5s, as in
	// Python's rpcudp. A lookup goes on much earlier; it ends after LookupTimeout.
	RPCTimeout time.Duration

	// LookupTimeout is the time after which a lookup ends with its result so far.
	// Default 15s.
	LookupTimeout time.Duration

	// TTL is how long a value lives after it was set (paper, section 2.3).
	// Default 24h, at most MaxTTL.
	TTL time.Duration

	// RefreshInterval is the time without a lookup after which a bucket is refreshed
	// (paper, section 2.3). Default 1h.
	RefreshInterval time.Duration

	// RepublishInterval is how often one of its holders stores a value anew on
	// the nodes nearest to it (paper, section 2.5). Default 1h.
	RepublishInterval time.Duration

	// PublishInterval is how often Publish publishes a value again (paper, section
	// 2.3). Up to a sixth is added at random. Default: three quarters of TTL, so that
	// the value does not expire before.
	PublishInterval time.Duration

	// StoreBytes bounds the records that the node keeps for others: encoded values
	// plus 384 bytes for each. Default 64 MiB.
	StoreBytes int64

	// Store keeps the values. Default: in memory.
	Store Store

	// Client makes a node that asks and does not serve. It answers only the ping of a
	// node that it is asking, keeps no values, and tells other nodes to leave it out of
	// their tables. Client is for programs that end after one operation. If ID is zero,
	// the id is ClientID.
	Client bool

	// Family restricts the node to contacts it can reach. Default: that of the
	// Conn's address, or both.
	Family Family

	// Direct, if not nil, makes the node announce that it takes direct paths
	// (docs/webrtc.md). It is called for each peer that has answered under its id and
	// announces the same; near is set for the peers nearest to this node. It is called
	// with the node's lock held, and must return at once.
	Direct func(c Contact, near bool)

	// Log gets the messages for an operator. *slog.Logger implements it. Default: no
	// log.
	Log Logger

	// Trace has functions that are called for the events of the node. Default: none.
	Trace trace.Hooks

	// Rand is the source of ids, message ids and jitter. Message ids protect from
	// forged answers, so outside of simulations it must be unpredictable. It is used
	// under the node's lock only. Default: ChaCha8 with a seed from the system.
	Rand rand.Source

	// Scratch is the engine's working memory. The engines of a simulation take turns
	// and may share one, if Flush is called after each call of an engine's method: then
	// each contact is kept once for all of them. Default: a Scratch of its own.
	Scratch *Scratch
}

// MaxTTL is the longest life of a value: a week, the time for which Python's
// kademlia keeps values.
const MaxTTL = 7 * 24 * time.Hour

// ClientID returns the id of nodes with Config.Client, the Key of "kadmesh client".
// A Python node takes every sender of a request for a lasting contact. Short-lived
// programs that share one id take up one place in its table at most.
func ClientID() ID { return Key("kadmesh client") }

// Logger is the part of *slog.Logger that a node uses. Each message is constant,
// with pairs of key and value as arguments.
type Logger interface {
	Debug(msg string, args ...any) // single contacts and values
	Info(msg string, args ...any)  // joining
	Warn(msg string, args ...any)  // an operator should look
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}

// Family is a set of IP versions.
type Family uint8

// The families. The zero Family stands for an unknown one, and is treated as both.
const (
	FamilyIPv4 Family = 1 << iota
	FamilyIPv6
	FamilyBoth = FamilyIPv4 | FamilyIPv6
)

// networkHash returns the hash of a network's name that is in trailers. The network
// without a name has 0.
func networkHash(name string) uint32 {
	if name == "" {
		return 0
	}
	sum := sha1Sum([]byte("kadmesh network " + name))
	return max(binary.BigEndian.Uint32(sum[:]), 1)
}

func (c Config) withDefaults() Config {
	positive(&c.K, 20)
	positive(&c.Alpha, 3)
	positive(&c.B, 5)
	lasting(&c.RPCTimeout, 5*time.Second)
	lasting(&c.LookupTimeout, 15*time.Second)
	lasting(&c.TTL, 24*time.Hour)
	lasting(&c.RefreshInterval, time.Hour)
	lasting(&c.RepublishInterval, time.Hour)
	positive(&c.StoreBytes, 64<<20)
	c.TTL = min(c.TTL, MaxTTL)
	lasting(&c.PublishInterval, max(c.TTL/4*3, time.Second))
	if c.Family == 0 {
		c.Family = FamilyBoth
	}
	if c.Store == nil {
		c.Store = NewMemoryStore()
	}
	if c.Log == nil {
		c.Log = silent{}
	}
	if c.Rand == nil {
		c.Rand = rand.NewChaCha8(randomSeed())
	}
	if c.Scratch == nil {
		c.Scratch = newScratch(&contactPool{})
	}
	if c.ID == (ID{}) {
		c.ID = ClientID()
		if !c.Client {
			c.ID = RandomID(c.Rand)
		}
	}
	return c
}

// caps returns the capabilities that the node announces in its trailers.
func (c Config) caps() (caps wire.Caps) {
	for _, x := range []struct {
		has bool
		cap wire.Caps
	}{
		{c.Client, wire.CapClient},
		{c.Family&FamilyIPv4 != 0, wire.CapIPv4},
		{c.Family&FamilyIPv6 != 0, wire.CapIPv6},
		{c.Direct != nil, wire.CapDirect},
	} {
		if x.has {
			caps |= x.cap
		}
	}
	return caps
}

func positive[T int | int64](n *T, otherwise T) {
	if *n <= 0 {
		*n = otherwise
	}
}

// forever is the longest time that can be configured: the sum of several fits a
// time.Duration.
const forever = 20 * 365 * 24 * time.Hour

func lasting(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
	*d = min(*d, forever)
}
