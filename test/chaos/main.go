//go:build chaos && linux

// Command chaos runs a network of node processes, kills, restarts and stops them, has
// users set and get values meanwhile, and judges each get: no acknowledged value may be
// lost, and no overwritten one may come back.
//
// It exits with 0 if every promise was kept, with 1 if one was not or the run fails,
// and with 2 for wrong usage.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
)

func main() {
	p := &program{Program: cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}}
	os.Exit(p.Exit(p.Run(p.root(), os.Args[1:])))
}

// program is one run of chaos.
type program struct {
	cli.Program
	options
	quiet bool
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chaos [flags]",
		Short: "Break a network of real nodes, and judge what its users see",
		Long: `Chaos starts a network of node processes, kills, restarts, replaces and stops them,
and has users set, delete and get values meanwhile. At the end all keys are read
through several nodes, and each get of the run is judged: no acknowledged value may be
lost, and no overwritten one may come back.

As root, each node has a network namespace, and datagrams are lost, late, or cut off.
The same seed gives the same faults and the same work of each user, but processes take
their own time. The history and the logs of the nodes are kept in --logs.

Exit status: 0 if every promise was kept; 1 if one was not, or the run fails; 2 if the
command is not understood.`,
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context()) },
	}
	f := root.Flags()
	f.DurationVar(&p.duration, "duration", 10*time.Minute, "let users and faults work for `D`")
	f.Uint64Var(&p.seed, "seed", 1, "seed `N` of the faults and of the users' work")
	f.IntVar(&p.nodes, "nodes", 20, "number `N` of node processes, at least 3")
	f.IntVar(&p.k, "k", 8, "number `K` of nodes that keep a value")
	f.IntVar(&p.users, "users", 4, "number `N` of users at work at a time")
	f.IntVar(&p.keys, "keys", 400, "number `N` of keys; half of all operations are on a tenth of them")
	f.DurationVar(&p.pause, "pause", 200*time.Millisecond, "mean pause `D` of a user between two operations")
	f.DurationVar(&p.pace, "pace", 5*time.Second, "time `D` from the end of one fault to the next")
	f.StringSliceVar(&p.faults, "faults", nil, "bring about the `KINDS`, as in kill,pause (default: all)")
	f.StringVar(&p.binary, "kadmesh", "", "run the nodes with the program `FILE` (default: build it)")
	f.StringVar(&p.apart, "apart", "auto", "namespaces for the nodes: `WHEN` is auto, always or never")
	f.StringVar(&p.logs, "logs", "artifacts/chaos", "keep the history and the nodes' logs below `DIR`")
	f.BoolVar(&p.quiet, "quiet", false, "print no progress on standard error")
	return root
}

// check returns a usage error if a flag has a wrong value.
func (o options) check() error {
	switch {
	case o.duration <= 0:
		return cli.Usagef("--duration %v: want more than zero", o.duration)
	case o.nodes < 3 || o.nodes > 250:
		return cli.Usagef("--nodes %d: want 3 to 250", o.nodes)
	case o.k < 1:
		return cli.Usagef("--k %d: want at least 1", o.k)
	case o.users < 1 || o.keys < 1:
		return cli.Usagef("--users %d --keys %d: want at least 1", o.users, o.keys)
	case o.pace < 0 || o.pause < 0:
		return cli.Usagef("--pace %v --pause %v: want zero or more", o.pace, o.pause)
	case slices.ContainsFunc(o.faults, func(f string) bool { return !slices.Contains(kinds, f) }):
		return cli.Usagef("--faults %s: want some of %s", strings.Join(o.faults, ","), strings.Join(slices.Compact(slices.Clone(kinds)), ","))
	case o.apart != "auto" && o.apart != "always" && o.apart != "never":
		return cli.Usagef("--apart %q: want auto, always or never", o.apart)
	}
	return nil
}

func (p *program) run(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	ctx, stop := cli.UntilSignal(ctx)
	defer stop()
	dir, err := os.MkdirTemp("", "kadmesh-chaos")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := p.options
	if o.binary == "" {
		if o.binary, err = build(dir); err != nil {
			return err
		}
	}
	o.logs = filepath.Join(o.logs, fmt.Sprint("seed-", o.seed))
	if err := os.RemoveAll(o.logs); err != nil {
		return err
	}
	if err := os.MkdirAll(o.logs, 0o755); err != nil {
		return err
	}
	r, err := run(ctx, o, p.say)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.seed, err)
	}
	if err := p.Print(r.String(), r); err != nil {
		return err
	}
	if n := r.Broken(); n > 0 {
		return fmt.Errorf("%d gets break a promise; their history is in %s", n, o.logs)
	}
	return nil
}

// say prints progress.
func (p *program) say(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.Err, format+"\n", args...)
	}
}
