// Command kadmesh runs a node of a Kademlia network over UDP, and uses such a network
// from the command line. Nodes of the Python package kademlia can be in the same
// network.
//
// It exits with 0 on success, with 1 on failure, and with 2 on wrong usage.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// version is set by the linker: -X main.version=v1.2.3. If it is empty, the module's
// version counts.
var version string

func main() {
	p := &program{cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}}
	os.Exit(p.Exit(p.Run(p.root(), os.Args[1:])))
}

// program is one run of kadmesh.
type program struct{ cli.Program }

func (p *program) root() *cobra.Command {
	build := cli.Built(version)
	root := &cobra.Command{
		Use:   "kadmesh",
		Short: "A Kademlia network over UDP, shared with Python's kademlia",
		Long: `Kadmesh stores values under keys on a network of nodes that find each other over
UDP: a distributed hash table (Kademlia). Nodes of the Python package kademlia can be
in the same network.

Start a first node, let a second one join it, and use them:

  kadmesh node --listen 127.0.0.1:8468
  kadmesh node --listen 127.0.0.1:0 --bootstrap 127.0.0.1:8468
  kadmesh set greeting hello --bootstrap 127.0.0.1:8468
  kadmesh get greeting --bootstrap 127.0.0.1:8468

Exit status: 0 on success; 1 on failure, as when no value was found or no node
answered; 2 if the command was not understood.`,
		Version: build.String(),
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	for _, cmd := range []*cobra.Command{
		p.node(), p.set(), p.get(), p.delete(), p.ping(), p.lookup(), p.id(), p.Version(build), p.demo(),
	} {
		cmd.DisableFlagsInUseLine = true
		root.AddCommand(cmd)
	}
	return root
}

// flagError adds to an error about an unknown flag how to pass a key or value that
// begins with a dash.
func flagError(err error) error {
	if strings.HasPrefix(err.Error(), "unknown shorthand flag") {
		return fmt.Errorf("%w (a key or value that begins with - and is no number goes behind --, "+
			"as in: kadmesh set --bootstrap HOST:PORT KEY -- -v)", err)
	}
	return err
}

// takes returns the check of a command's arguments. A name in brackets is optional;
// only the last names may be.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			extra, hint := args[len(names)], "a key or value that has spaces goes in quotes"
			dash := cmd.ArgsLenAtDash()
			if dash >= 0 && len(names) >= dash && strings.HasPrefix(extra, "-") && !cli.IsNegative(extra) {
				hint = "flags go before --"
			}
			return fmt.Errorf("unexpected argument %q (%s)", extra, hint)
		}
		if len(args) < len(names) && !strings.HasPrefix(names[len(args)], "[") {
			return fmt.Errorf("no %s given", names[len(args)])
		}
		return nil
	}
}
