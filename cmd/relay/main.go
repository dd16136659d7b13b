// Command kadmesh-relay lends UDP ports to browser tabs over WebSockets, so that
// they can be nodes of a Kademlia network, and serves the page that makes a tab
// one. See docs/relay.md for how to run it for others.
//
// It exits with 0 if all went well, with 1 if what was asked for could not be
// done, and with 2 if it was asked for in the wrong way.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// version is set by the linker, with -X main.version=v1.2.3. Otherwise it is
// that of the module.
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
		Use:   "kadmesh-relay --public-ip IP [flags]",
		Short: "Lend UDP ports to browser tabs, for a Kademlia network",
		Long: `Kadmesh-relay lets browser tabs take part in a Kademlia network. Each tab that
connects over a WebSocket, at /relay, is lent a UDP port of this machine, until it
leaves. The page that makes a tab a node is served at /.

When it is ready it prints one line on standard output, and no more:

  listening URL udp IP:FROM-TO

where FROM-TO are the ports to lend, or the word any if the system chooses them;
with two addresses there is a comma between them. All else is logged on standard
error. On SIGINT or SIGTERM it tells all tabs when to come back, and exits with 0;
a second signal ends it at once. SIGHUP makes it read --tls-cert again, if that was
given, and does nothing else.

With --json the line is {"listening": "URL", "udp": ["IP:FROM-TO"]}`,
		Example: `  # on this machine alone, for a node that listens on port 8468
  kadmesh-relay --allow-private --bootstrap 127.0.0.1:8468

  # for everybody, with a certificate of Let's Encrypt
  kadmesh-relay --public-ip 198.51.100.7 --udp-ports 20000-20999 \
      --acme-domain relay.example.org --acme-cache /var/lib/kadmesh-relay/acme \
      --secret-file /var/lib/kadmesh-relay/secret --bootstrap node1.example.org:8468`,
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
