//go:build js

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
)

// outage is for how long operations wait for a relay, all waits of one together.
const outage = 30 * time.Second

// errOffline is wrapped by the error of an operation that had no relay for too long.
var errOffline = errors.New("not connected to a relay")

// online is whether there is a relay, for operations that need one. All is done in
// the one thread, without a lock: see operations.
type online struct {
	state   wsrelay.State
	times   int           // how often a relay was connected
	changes chan struct{} // closed with the next state
}

func newOnline() *online { return &online{changes: make(chan struct{})} }

// is takes note of a state of the connection.
func (o *online) is(s wsrelay.State) {
	o.state = s
	if s.Phase == wsrelay.Connected {
		o.times++
	}
	close(o.changes)
	o.changes = make(chan struct{})
}

// wait returns the number of the connection when a relay is connected. It returns an
// error if there will be none, if ctx ends, or when late fires.
func (o *online) wait(ctx context.Context, late <-chan time.Time) (connection int, err error) {
	for o.state.Phase != wsrelay.Connected {
		if o.state.Phase == wsrelay.Stopped {
			return 0, o.offline()
		}
		select {
		case <-o.changes:
		case <-late:
			return 0, o.offline()
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return o.times, nil
}

func (o *online) offline() error {
	if o.state.Reason == nil {
		return errOffline
	}
	return fmt.Errorf("%w: %w", errOffline, o.state.Reason)
}

// held reports whether a connection has been there ever since.
func (o *online) held(connection int) bool {
	return o.state.Phase == wsrelay.Connected && o.times == connection
}

// do performs an operation while a relay is connected. If the relay was lost on the
// way and try reports that this may be the reason, the operation is tried again.
func (o *online) do(ctx context.Context, try func() (poor bool, err error)) error {
	late := time.NewTimer(outage)
	defer late.Stop()
	for {
		connection, err := o.wait(ctx, late.C)
		if err != nil {
			return err
		}
		poor, err := try()
		if !poor && !lonely(err) || o.held(connection) {
			return err
		}
	}
}

// lonely reports whether err may mean that nobody could be reached.
func lonely(err error) bool {
	return errors.Is(err, core.ErrNotFound) || errors.Is(err, core.ErrNoAnswer) || errors.Is(err, core.ErrNotStored)
}
