package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

const getHelp = `Get prints the value under a key and a newline. If there is no value, it prints "not
found" on standard error and exits with 1.

A str is printed unchanged, but without control characters on a terminal. Bytes are
printed as hexadecimal digits. A nil, list or map, which other programs may have stored,
is printed as JSON, or as its type and its msgpack encoding in hexadecimal digits if
JSON cannot express it.

` + clientNote + `

With --raw, a str or bytes is written unchanged and without a newline, a number or
boolean as text, and any other value in its msgpack encoding.

With --json: {"key", "id", "type", "value", "encoding", "from", "published"}

  id         the key's SHA-1, unambiguous also for keys that are not UTF-8
  type       str, bytes, int, float, bool, nil, list, map or other
  value      an int has all its digits, also beyond 53 bits; a float has a point or
             an exponent, or is "NaN", "+Inf" or "-Inf"
  encoding   only if value is an encoded string: "hex" for bytes, "msgpack hex" for
             values that JSON cannot express
  from       {"id", "addr"} of the node that had the value
  published  time of the set; only if that node knows it`

const getExample = `  kadmesh get greeting --bootstrap 127.0.0.1:8468
  kadmesh get logo --raw --bootstrap 127.0.0.1:8468 > logo.png`

func (p *program) get() *cobra.Command {
	var a networkFlags
	var raw bool
	cmd := &cobra.Command{
		Use:               "get KEY --bootstrap HOST:PORT [flags]",
		Short:             "Print the value under a key",
		Long:              getHelp,
		Example:           getExample,
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runGet(cmd.Context(), a, args[0], raw)
		},
	}
	a.flags(cmd)
	cmd.Flags().BoolVarP(&raw, "raw", "r", false, "write the value unchanged, without a newline")
	return cmd
}

func (p *program) runGet(ctx context.Context, a networkFlags, key string, raw bool) error {
	if err := a.check(); err != nil {
		return err
	}
	if raw && p.JSON {
		return cli.Usagef("both --raw and --json given: choose one")
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	node, err := a.join(ctx, core.Config{LookupTimeout: a.timeout})
	if err != nil {
		return err
	}
	defer node.Close()
	id := core.Key(key)
	f, err := node.Find(ctx, id)
	if err != nil {
		return a.explain(err)
	}
	if raw {
		_, err := p.Out.Write(payload(f.Value))
		return err
	}
	text := textOf(f.Value)
	if isTerminal(p.Out) {
		text = sanitize(text)
	}
	return p.Print(text, struct {
		Key string  `json:"key"`
		ID  core.ID `json:"id"`
		jsonValue
		From      core.Contact `json:"from"`
		Published time.Time    `json:"published,omitzero"`
	}{key, id, jsonOf(f.Value), f.Holder, f.Published.UTC().Truncate(time.Second)})
}
