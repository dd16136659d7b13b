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

A get ends when 3 nodes that keep the value have returned the same one and none a newer
one: see --quorum. With --max-age, one answer is enough, and copies count that nodes
beside the keepers have made within that time: keys that many read are then read from
many nodes.

With --json: {"key", "id", "type", "value", "encoding", "from", "published", "version",
"holders"}

  id         the key's SHA-1, unambiguous also for keys that are not UTF-8
  type       str, bytes, int, float, bool, nil, list, map or other
  value      an int has all its digits, also beyond 53 bits; a float has a point or
             an exponent, or is "NaN", "+Inf" or "-Inf"
  encoding   only if value is an encoded string: "hex" for bytes, "msgpack hex" for
             values that JSON cannot express
  from       {"id", "addr"} of the node that had the value
  published  time of the set; only if that node knows it
  version    for set --if-version; only if a node knows it
  holders    number of keepers that returned this value; 0 if it is a copy`

const getExample = `  kadmesh get greeting --bootstrap 127.0.0.1:8468
  kadmesh get greeting --max-age 1m --bootstrap 127.0.0.1:8468
  kadmesh get logo --raw --bootstrap 127.0.0.1:8468 > logo.png`

func (p *program) get() *cobra.Command {
	var g getFlags
	cmd := &cobra.Command{
		Use:               "get KEY --bootstrap HOST:PORT [flags]",
		Short:             "Print the value under a key",
		Long:              getHelp,
		Example:           getExample,
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.runGet(cmd.Context(), g, args[0])
		},
	}
	g.flags(cmd)
	return cmd
}

// getFlags are the flags of get.
type getFlags struct {
	networkFlags
	raw     bool
	options core.GetOptions
}

// defaultQuorum is the default of core.GetOptions.Quorum.
const defaultQuorum = 3

func (g *getFlags) flags(cmd *cobra.Command) {
	g.networkFlags.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&g.raw, "raw", "r", false, "write the value unchanged, without a newline")
	f.IntVar(&g.options.Quorum, "quorum", defaultQuorum, "number of nodes that must return the same value")
	f.DurationVar(&g.options.MaxAge, "max-age", 0, "take a copy that is at most so old, from one node (default no copy)")
	cli.Complete(cmd, "quorum")
	cli.Complete(cmd, "max-age")
}

// check returns a usage error if a flag has a wrong value.
func (g *getFlags) check() error {
	switch {
	case g.options.Quorum < 1 || g.options.Quorum > maxK:
		return cli.Usagef("--quorum %d: want 1 to %d", g.options.Quorum, maxK)
	case g.options.MaxAge < 0:
		return cli.Usagef("--max-age %v: must not be negative", g.options.MaxAge)
	}
	return g.networkFlags.check()
}

func (p *program) runGet(ctx context.Context, g getFlags, key string) error {
	if err := g.check(); err != nil {
		return err
	}
	if g.raw && p.JSON {
		return cli.Usagef("both --raw and --json given: choose one")
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	node, err := g.join(ctx, core.Config{LookupTimeout: g.timeout})
	if err != nil {
		return err
	}
	defer node.Close()
	id := core.Key(key)
	f, err := node.Find(ctx, id, g.options)
	if err != nil {
		return g.explain(err)
	}
	if g.raw {
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
		Version   uint64       `json:"version,omitempty"`
		Holders   int          `json:"holders"`
	}{key, id, jsonOf(f.Value), f.Holder, f.Published.UTC().Truncate(time.Second), f.Version, f.Holders})
}
