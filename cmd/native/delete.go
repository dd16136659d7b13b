package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

const deleteHelp = `Delete removes the values under one or more keys from the nodes nearest to each key,
and prints for each the number of nodes that did so. Those nodes remember the deletion
for a week, so that an older copy does not bring the value back. A deletion of a key
without a value succeeds too.

Python nodes cannot delete. A Python node that keeps the value goes on to keep it for up
to a week. Python readers that ask it get the value, and so do all others where nearly
all nodes near the key are Python nodes.

` + clientNote + `

With --json, for each key: {"key", "id": the key's SHA-1, "nodes": number that removed
the value, "asked": number that were asked, "version": version of the deletion}`

const deleteExample = `  kadmesh delete greeting --bootstrap 127.0.0.1:8468
  kadmesh delete greeting now logo --bootstrap 127.0.0.1:8468`

func (p *program) delete() *cobra.Command {
	var a networkFlags
	var ifVersion condition
	cmd := &cobra.Command{
		Use:               "delete KEY... --bootstrap HOST:PORT [flags]",
		Short:             "Delete the values under keys",
		Long:              deleteHelp,
		Example:           deleteExample,
		Args:              someKeys,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runDelete(cmd.Context(), a, args, core.SetOptions{IfVersion: uint64(ifVersion)})
		},
	}
	a.flags(cmd)
	ifVersion.flag(cmd, "delete")
	return cmd
}

// someKeys is the cobra.PositionalArgs of a command that takes one key or more.
func someKeys(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cli.Usagef("no KEY given")
	}
	return nil
}

func (p *program) runDelete(ctx context.Context, a networkFlags, keys []string, o core.SetOptions) error {
	if err := a.check(); err != nil {
		return err
	}
	if o.IfVersion != 0 && len(keys) > 1 {
		return cli.Usagef("--if-version is for one key: %d are given", len(keys))
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	node, err := a.join(ctx, core.Config{LookupTimeout: a.timeout / 2})
	if err != nil {
		return err
	}
	defer node.Close()
	var errs []error
	for _, key := range keys {
		r, err := node.DeleteKey(ctx, core.Key(key), o)
		if err != nil {
			err = a.explainChange(err, r)
			if len(keys) > 1 {
				err = fmt.Errorf("%s: %w", key, err)
			}
			errs = append(errs, err)
			continue
		}
		if err := p.Print("deleted on "+plural(r.Nodes, "node"), struct {
			Key     string  `json:"key"`
			ID      core.ID `json:"id"`
			Nodes   int     `json:"nodes"`
			Asked   int     `json:"asked"`
			Version uint64  `json:"version"`
		}{key, core.Key(key), r.Nodes, r.Asked, r.Version}); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}
