package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

func (p *program) lookup() *cobra.Command {
	var a networkFlags
	var isID bool
	cmd := &cobra.Command{
		Use:   "lookup KEY --bootstrap HOST:PORT [flags]",
		Short: "List the nodes nearest to a key, which keep its value",
		Long: `Lookup lists the nodes nearest to a key, nearest first, among the nodes that answer. A
set of the key stores on them. It exits with 1 if no node answers.

` + clientNote + `

With --json: {"id": id of the key, "nodes": [{"id", "addr"}]}`,
		Example: `  kadmesh lookup greeting --bootstrap 127.0.0.1:8468
  kadmesh lookup --id $(kadmesh id) --bootstrap 127.0.0.1:8468`,
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			target := core.Key(args[0])
			if isID {
				var err error
				if target, err = core.ParseID(args[0]); err != nil {
					return cli.Usagef("%w", err)
				}
			}
			return p.runLookup(cmd.Context(), a, target)
		},
	}
	a.flags(cmd)
	cmd.Flags().BoolVar(&isID, "id", false, "KEY is an id, of 40 hexadecimal digits")
	return cmd
}

func (p *program) runLookup(ctx context.Context, a networkFlags, target core.ID) error {
	if err := a.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	node, err := a.join(ctx, core.Config{LookupTimeout: a.timeout / 2})
	if err != nil {
		return err
	}
	defer node.Close()
	nodes, err := node.Lookup(ctx, target)
	if err != nil {
		return a.explain(err)
	}
	if len(nodes) == 0 {
		return errNoneNear
	}
	var lines []string
	for _, c := range nodes {
		lines = append(lines, fmt.Sprintf("%v %v", c.ID, c.Addr))
	}
	return p.Print(strings.Join(lines, "\n"), struct {
		ID    core.ID        `json:"id"`
		Nodes []core.Contact `json:"nodes"`
	}{target, nodes})
}
