// Command kadmesh-relay lends UDP ports to browser tabs over WebSockets, so that the tabs
// can be nodes of a Kademlia network. It also serves the page that makes a tab a node.
// docs/relay.md explains how to run a relay for others.
//
// The exit status is 0 after a shutdown in order, 1 after a failure, and 2 after a wrong
// command line.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// version is set by the linker, with -X main.version=v1.2.3. If it is empty, the version
// of the module counts.
var version string

func main() {
	p := &cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(p.Exit(p.Run(root(p), os.Args[1:])))
}

func root(p *cli.Program) *cobra.Command {
	var o options
	built := cli.Built(version)
	built.Program = "kadmesh-relay"
	cmd := &cobra.Command{
		Use:                   "kadmesh-relay --public-ip IP [flags]",
		Short:                 "Lend UDP ports to browser tabs, for a Kademlia network",
		Long:                  long,
		Example:               examples,
		Version:               built.String(),
		DisableFlagsInUseLine: true,
		Args:                  cli.NoArgs,
		ValidArgsFunction:     cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), p, &o)
		},
	}
	o.flags(cmd)
	cmd.AddCommand(p.Version(built))
	return cmd
}

const long = `Kadmesh-relay lets browser tabs take part in a Kademlia network. A tab connects over
a WebSocket, at /relay, and is lent a UDP port of this machine until it leaves. The
page that makes a tab a node is served at /.

When the relay is ready it prints one line on standard output, and no more:

  listening URL udp IP:FROM-TO

FROM-TO are the ports to lend, or the word any if the system chooses them. With two
addresses there is a comma between them. The log goes to standard error. On SIGINT or
SIGTERM the relay tells all tabs when to come back, and exits with 0. A second signal
ends it at once. On SIGHUP it reads --tls-cert again, and does nothing without that.

With --json the line is {"listening": "URL", "udp": ["IP:FROM-TO"]}`

const examples = `  # on this machine alone, for a node that listens on port 8468
  kadmesh-relay --allow-private --bootstrap 127.0.0.1:8468

  # for everybody, with a certificate of Let's Encrypt
  kadmesh-relay --public-ip 198.51.100.7 --udp-ports 20000-20999 \
      --acme-domain relay.example.org --acme-cache /var/lib/kadmesh-relay/acme \
      --secret-file /var/lib/kadmesh-relay/secret --bootstrap node1.example.org:8468`
