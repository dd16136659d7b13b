//go:build chaos && linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/history"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// journal is the history of a run, written by all users.
type journal struct {
	begin time.Time
	mu    sync.Mutex // guards ops
	ops   []history.Op
}

// add notes an operation that began at start and is over now.
func (j *journal) add(o history.Op, start time.Time, err error) {
	o.Start, o.End = start.Sub(j.begin), time.Since(j.begin)
	if err != nil {
		o.Outcome, o.Note = outcome(err), err.Error()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ops = append(j.ops, o)
}

// all returns the operations so far.
func (j *journal) all() []history.Op {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]history.Op(nil), j.ops...)
}

// opTimeout is the longest time that a user waits for an operation.
const opTimeout = 30 * time.Second

// set sets a key through a node, and notes the outcome.
func (j *journal) set(ctx context.Context, n *core.Node, by, key, value string) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	o := history.Op{Kind: history.Set, Outcome: history.OK, Key: key, Value: value, By: by}
	start := time.Now()
	r, err := n.Store(ctx, core.Key(key), core.String(value), core.SetOptions{})
	o.Note = stored(r)
	j.add(o, start, err)
	return err
}

// delete deletes a key through a node, and notes the outcome.
func (j *journal) delete(ctx context.Context, n *core.Node, by, key string) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	o := history.Op{Kind: history.Delete, Outcome: history.OK, Key: key, By: by}
	start := time.Now()
	r, err := n.DeleteKey(ctx, core.Key(key), core.SetOptions{})
	o.Note = stored(r)
	j.add(o, start, err)
}

func stored(r core.SetResult) string {
	return fmt.Sprintf("on %d of %d nodes, version %d", r.Nodes, r.Asked, r.Version)
}

// get reads a key through a node, and notes the answer.
func (j *journal) get(ctx context.Context, n *core.Node, by, key string) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	o := history.Op{Kind: history.Get, Outcome: history.OK, Key: key, By: by}
	start := time.Now()
	f, err := n.Find(ctx, core.Key(key), core.GetOptions{})
	if errors.Is(err, core.ErrNotFound) {
		o.Missing, err = true, nil
	} else if err == nil {
		o.Value = f.Value.String()
		o.Note = fmt.Sprintf("from %v, %d holders in all, version %d", f.Holder, f.Holders, f.Version)
	}
	j.add(o, start, err)
}

// outcome returns the outcome of an operation that ended with err.
func outcome(err error) history.Outcome {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, core.ErrClosed) {
		return history.Unknown
	}
	return history.Failed
}

// join returns a client of the network that has joined through open nodes.
func (n *network) join(ctx context.Context, rng *rand.Rand, through int) (*core.Node, error) {
	seeds := n.open(rng, through)
	if len(seeds) == 0 {
		return nil, errors.New("no node is open")
	}
	return n.joinAt(ctx, seeds...)
}

// joinAt returns a client of the network that has joined through nodes.
func (n *network) joinAt(ctx context.Context, seeds ...netip.AddrPort) (*core.Node, error) {
	conn, err := udp.Listen(n.place.user())
	if err != nil {
		return nil, err
	}
	node := core.NewNode(conn, core.Config{Client: true, K: n.k})
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	if err := node.Bootstrap(ctx, seeds...); err != nil {
		node.Close()
		return nil, err
	}
	return node, nil
}

// user works on the network like a person or a program: one operation at a time, with
// pauses, through a client that lives long or through a new one.
type user struct {
	net     *network
	journal *journal
	name    string
	rng     *rand.Rand
	keys    int
	pause   time.Duration // the mean one
	client  *core.Node    // nil before the first operation
	writes  int
}

// work goes on until ctx is over.
func (u *user) work(ctx context.Context) {
	defer func() {
		if u.client != nil {
			u.client.Close()
		}
	}()
	for wait(ctx, time.Duration(u.rng.ExpFloat64()*float64(u.pause))) == nil {
		u.act(ctx)
	}
}

// key draws a key. Every other operation is on one of the first tenth: these are often
// overwritten, and most others have to keep a value for long.
func (u *user) key() string {
	among := u.keys
	if u.rng.IntN(2) == 0 {
		among = max(1, u.keys/10)
	}
	return fmt.Sprint("key-", u.rng.IntN(among))
}

// act does one operation. A user that cannot join does none.
func (u *user) act(ctx context.Context) {
	key, choice, fresh := u.key(), u.rng.IntN(100), u.rng.IntN(4) == 0
	node := u.client
	if node == nil || fresh {
		var err error
		if node, err = u.net.join(ctx, u.rng, 1+u.rng.IntN(3)); err != nil {
			return
		}
	}
	switch {
	case u.client == nil:
		u.client = node
	case fresh && u.rng.IntN(8) == 0:
		u.client.Close()
		u.client = node
	case fresh:
		defer node.Close()
	}
	// An operation that has begun goes on at the end of the run.
	ctx = context.WithoutCancel(ctx)
	switch {
	case choice < 35:
		u.writes++
		u.journal.set(ctx, node, u.name, key, fmt.Sprintf("%s-%d", u.name, u.writes))
	case choice < 38:
		u.journal.delete(ctx, node, u.name, key)
	default:
		u.journal.get(ctx, node, u.name, key)
	}
}
