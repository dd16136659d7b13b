//go:build js

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"syscall/js"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

func (o *operations) set(ctx context.Context, n int, name, kind string, b []byte, options core.SetOptions) error {
	v, err := value(kind, b)
	if err != nil {
		return fmt.Errorf("set %q: %w", name, err)
	}
	return o.change(ctx, n, fmt.Sprintf("set %q", name), options, func() (core.SetResult, error) {
		return o.node.Store(ctx, core.Key(name), v, options)
	})
}

func (o *operations) delete(ctx context.Context, n int, name string, options core.SetOptions) error {
	return o.change(ctx, n, fmt.Sprintf("delete %q", name), options, func() (core.SetResult, error) {
		return o.node.DeleteKey(ctx, core.Key(name), options)
	})
}

// change performs a set or a deletion, and replies with its result. A conditional one is
// not tried again: the first attempt may have changed the version.
func (o *operations) change(ctx context.Context, n int, what string, options core.SetOptions,
	attempt func() (core.SetResult, error)) error {
	var r core.SetResult
	var failed error
	err := o.online.do(ctx, func() (poor bool, err error) {
		if r, failed = attempt(); options.IfVersion != 0 {
			return false, nil
		}
		return r.Nodes == 1, failed // perhaps this node alone
	})
	// The node's error names the id of the key, which the page does not know.
	if err = cmp.Or(err, errors.Unwrap(failed)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	o.host.reply(n, map[string]any{"nodes": r.Nodes, "asked": r.Asked, "version": r.Version}, nil)
	return nil
}

// changeOptions reads the life of a value in milliseconds, 0 for the default, and the
// version that it replaces: 0 for any, -1 for no value.
func changeOptions(args []js.Value) core.SetOptions {
	o := core.SetOptions{TTL: duration(args[0]), IfVersion: core.NoVersion}
	if version := args[1].Float(); version >= 0 {
		o.IfVersion = uint64(version)
	}
	return o
}

// duration reads a number of milliseconds.
func duration(v js.Value) time.Duration { return time.Duration(v.Float() * float64(time.Millisecond)) }
