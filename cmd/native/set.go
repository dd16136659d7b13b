package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

const setHelp = `Set stores a value under a key, on the nodes nearest to the key, and prints the number
of nodes that took it. It exits with 1 unless more than half of these nodes did.

The value is VALUE, or the content of the file given with --file. A dash in place of
VALUE or of the file means standard input. Its type is str, unless --type says
otherwise, for files too. The types are

  str    up to %[1]d bytes of UTF-8 text
  bytes  up to %[1]d bytes, stored unchanged
  int    a whole number from -2^63 to 2^64-1
  float  a 64-bit number, nan, inf or -inf
  bool   true or false

A negative number is a value: set depth -5 --type int. Any other key or value that
begins with a dash goes behind --, and all flags before it.

The nodes keep the value for 24 hours, or for the time given with --ttl, or until it is
set again.

With --if-version, the value is set only if the present one has that version, as printed
by get --json, or with none if there is no present one. Otherwise set exits with 1. In a
network that is cut in two, two writers can both succeed. Python nodes know no versions.

` + clientNote + `

With --json: {"key", "id": the key's SHA-1, "type", "nodes": number that took it,
"asked": number that were sent it, "version": version of the value}`

const setExample = `  kadmesh set greeting "hello, world" --bootstrap 127.0.0.1:8468
  kadmesh set depth -11034 --type int --bootstrap 127.0.0.1:8468
  kadmesh set --bootstrap 127.0.0.1:8468 -- -dashed-key value
  kadmesh set logo --type bytes --file logo.png --bootstrap 127.0.0.1:8468
  kadmesh set leader node1 --if-version none --bootstrap 127.0.0.1:8468
  date | kadmesh set now - --bootstrap 127.0.0.1:8468`

func (p *program) set() *cobra.Command {
	var s setFlags
	cmd := &cobra.Command{
		Use:               "set KEY [VALUE] --bootstrap HOST:PORT [flags]",
		Short:             "Store a value under a key",
		Long:              fmt.Sprintf(setHelp, maxContent),
		Example:           setExample,
		Args:              takes("KEY", "[VALUE]"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.fromFile = cmd.Flags().Changed("file")
			return p.runSet(cmd.Context(), s, args)
		},
	}
	s.flags(cmd)
	return cmd
}

// setFlags are the flags of set.
type setFlags struct {
	networkFlags
	kind     string // --type
	file     string
	fromFile bool // whether --file is given
	ttl      time.Duration
	version  condition // --if-version
}

func (s *setFlags) flags(cmd *cobra.Command) {
	s.networkFlags.flags(cmd)
	cmd.Flags().StringVarP(&s.kind, "type", "t", "str",
		"`TYPE` of the value: "+strings.Join(valueTypes, ", "))
	cli.Complete(cmd, "type", valueTypes...)
	cmd.Flags().StringVarP(&s.file, "file", "f", "", "read the value from the file `PATH`; - is standard input")
	cmd.Flags().DurationVar(&s.ttl, "ttl", 24*time.Hour,
		"lifetime of the value, from 1s to 168h; Python nodes keep every value for 168h")
	cli.Complete(cmd, "ttl")
	s.version.flag(cmd, "set")
}

// value returns the value to set. args are the arguments after the key.
func (s *setFlags) value(p *program, args []string) (core.Value, error) {
	var text []byte
	var err error
	switch {
	case s.fromFile && len(args) > 0:
		return core.Value{}, cli.Usagef("both VALUE and --file given: only one can be set")
	case s.fromFile && s.file == "":
		return core.Value{}, cli.Usagef("--file is empty: name a file, or - for standard input")
	case s.fromFile:
		text, err = readContent(s.file, p.In)
	case len(args) == 0:
		return core.Value{}, cli.Usagef("no VALUE given: pass it as an argument, with --file, or - to read standard input")
	case args[0] == "-":
		text, err = readContent("-", p.In)
	default:
		text = []byte(args[0])
	}
	if err != nil {
		return core.Value{}, err
	}
	return parseValue(s.kind, text)
}

func (p *program) runSet(ctx context.Context, s setFlags, args []string) error {
	if err := s.check(); err != nil {
		return err
	}
	ttl, err := lifetime(s.ttl)
	if err != nil {
		return err
	}
	key := args[0]
	v, err := s.value(p, args[1:])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// The lookup gets half of the time, the requests to store the other half.
	node, err := s.join(ctx, core.Config{LookupTimeout: s.timeout / 2})
	if err != nil {
		return err
	}
	defer node.Close()
	r, err := node.Store(ctx, core.Key(key), v, core.SetOptions{TTL: ttl, IfVersion: uint64(s.version)})
	if err != nil {
		return s.explainChange(err, r)
	}
	return p.Print("stored on "+plural(r.Nodes, "node"), struct {
		Key     string  `json:"key"`
		ID      core.ID `json:"id"`
		Type    string  `json:"type"`
		Nodes   int     `json:"nodes"`
		Asked   int     `json:"asked"`
		Version uint64  `json:"version"`
	}{key, core.Key(key), v.Kind().String(), r.Nodes, r.Asked, r.Version})
}

// lifetime checks the value of --ttl and rounds it up to whole seconds, the unit on the
// wire.
func lifetime(ttl time.Duration) (time.Duration, error) {
	if ttl < time.Second || ttl > core.MaxTTL {
		return 0, cli.Usagef("--ttl %v: want from 1s to %v", ttl, core.MaxTTL)
	}
	return (ttl + time.Second - 1).Truncate(time.Second), nil
}

// plural returns a number of things: 1 node, 2 nodes.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
