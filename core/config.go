package core

import (
	"math/rand/v2"
	"time"
)

// Config holds the tunable parts of a node. The zero value is ready to use, and
// so is every value: a number that is zero or less means the default.
type Config struct {
	// ID is the node's id. The zero ID means a random one.
	ID ID

	// K is the bucket size and the number of nodes that a value is stored on
	// (paper, section 2.2). Default 20. It should be the same in all the network.
	K int

	// Alpha is how many requests of one lookup are under way at a time (paper,
	// section 2.3). Default 3.
	Alpha int

	// B is how many bits of an id each step of a lookup resolves at least, in a
	// large network (paper, section 4.2). Default 5.
	B int

	// RPCTimeout is how long a request may wait for its answer. Default 5s,
	// which is also what Python's rpcudp waits. Lookups go on much earlier: see
	// LookupTimeout for their end.
	RPCTimeout time.Duration

	// LookupTimeout ends a lookup with what has been found until then. Default
	// 15s.
	LookupTimeout time.Duration

	// TTL is how long a value lives after it was set (paper, section 2.3).
	// Default 24h; more than MaxTTL is cut to that.
	TTL time.Duration

	// RefreshInterval is after how long without a lookup a bucket is refreshed
	// (paper, section 2.3). Default 1h.
	RefreshInterval time.Duration

	// RepublishInterval is how often one of its holders stores a value anew on
	// the nodes nearest to it (paper, section 2.5). Default 1h.
	RepublishInterval time.Duration

	// PublishInterval is how often Publish publishes a value anew (paper, section
	// 2.3), to which up to a sixth is added at random. Default: three quarters of
	// TTL, so that the value's life does not end before.
	PublishInterval time.Duration

	// StoreBytes bounds what the node keeps for others: encoded values and
	// RecordOverhead for each. Default 64 MiB.
	StoreBytes int64

	// Store is where values are kept. Default: in memory.
	Store Store

	// Client makes a node that asks but does not serve: it answers no request but the ping of a node that it is asking,
	// keeps no values, and tells other nodes to leave it out of their tables.
	// For programs that end after one operation. All clients go by one id,
	// ClientID, if ID is zero.
	Client bool

	// Family restricts the node to contacts it can reach. Default: that of the
	// Conn's address, or both.
	Family Family

	// Direct, if it is not nil, has the node announce that it takes direct paths
	// (docs/webrtc.md), and is told of each peer that has answered under its id and
	// announces the same; near says that it is one of the nearest to this node. It
	// is called with the node's lock held, and must return at once.
	Direct func(c Contact, near bool)

	// Log is told of what an operator may want to know; *slog.Logger fits.
	// Default: nothing is logged.
	Log Logger

	// Trace is told what the node does. Default: nothing is told.
	Trace Trace

	// Rand is the source of ids, message ids and jitter. Message ids are what
	// protects from forged answers, so outside of simulations it must be
	// unpredictable. It is used under the node's lock only. Default: ChaCha8
	// with a seed from the system.
	Rand rand.Source

	// Scratch is the engine's working memory. The engines of a simulation, which are
	// driven in turn, may share one if Flush is called after each call of an Engine's
	// method: then each contact is kept once for all of them. Default: its own.
	Scratch *Scratch
}

// MaxTTL is the longest that a value lives after it was set: a week, which is
// how long Python's kademlia keeps values.
const MaxTTL = 7 * 24 * time.Hour

// ClientID is the id that all nodes with Config.Client use. Python nodes take
// every sender of a request for a lasting contact; if all short-lived programs
// share one id, they take up one place in a table at most. It is the Key of
// "kadmesh client".
var ClientID = Key("kadmesh client")

// Logger is the part of *slog.Logger that a node uses: a constant message with
// pairs of key and value.
type Logger interface {
	Debug(msg string, args ...any)
	Info(msg string, args ...any)
	Warn(msg string, args ...any)
}

type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}

// Family is which addresses a node can reach.
type Family uint8

// The families. The zero Family means that it is not known, and is like both.
const (
	FamilyIPv4 Family = 1 << iota
	FamilyIPv6
	FamilyBoth = FamilyIPv4 | FamilyIPv6
)

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
		c.ID = ClientID
		if !c.Client {
			c.ID = randomID(c.Rand)
		}
	}
	return c
}

func positive[T int | int64](n *T, otherwise T) {
	if *n <= 0 {
		*n = otherwise
	}
}

// forever is the longest of the times that can be configured: sums of some of them
// still are times.
const forever = 20 * 365 * 24 * time.Hour

func lasting(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
	*d = min(*d, forever)
}
