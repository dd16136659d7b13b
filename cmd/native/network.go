package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

// networkName adds the flag for the name of the network.
func networkName(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "network", "", "`NAME` of the network (default the network without a name)")
	cli.Complete(cmd, "network")
}

// maxK keeps an answer of k contacts within one datagram. It also bounds alpha.
const maxK = 1000

// bucketSize is the value of --k. Zero, which cannot be given, stands for the k of the
// network.
type bucketSize int

func (k *bucketSize) flag(cmd *cobra.Command) {
	cmd.Flags().VarP(k, "k", "k",
		"`NUMBER` of nodes that keep a value (default that of the bootstrap nodes, or 20)")
	cli.Complete(cmd, "k")
}

// Set implements pflag.Value.
func (k *bucketSize) Set(s string) error {
	n, err := strconv.Atoi(s)
	switch {
	case err != nil:
		return cli.Usagef("%q: want a whole number", s)
	case n < 1 || n > maxK:
		return cli.Usagef("%d: want 1 to %d", n, maxK)
	}
	*k = bucketSize(n)
	return nil
}

// String implements pflag.Value.
func (k *bucketSize) String() string {
	if *k == 0 {
		return ""
	}
	return strconv.Itoa(int(*k))
}

// Type implements pflag.Value.
func (k *bucketSize) Type() string { return "number" }

// condition is the value of --if-version: a core.SetOptions.IfVersion.
type condition uint64

// noVersion is the word for core.NoVersion.
const noVersion = "none"

func (c *condition) flag(cmd *cobra.Command, what string) {
	cmd.Flags().Var(c, "if-version",
		what+" only if the value has the version `N`, or if there is no value (N = "+noVersion+")")
	cli.Complete(cmd, "if-version", noVersion)
}

// Set implements pflag.Value.
func (c *condition) Set(s string) error {
	if s == noVersion {
		*c = condition(core.NoVersion)
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || n == core.NoVersion {
		return cli.Usagef("%q: want a version, as get --json prints it, or %s", s, noVersion)
	}
	*c = condition(n)
	return nil
}

// String implements pflag.Value.
func (c *condition) String() string {
	switch uint64(*c) {
	case 0:
		return ""
	case core.NoVersion:
		return noVersion
	}
	return strconv.FormatUint(uint64(*c), 10)
}

// Type implements pflag.Value.
func (c *condition) Type() string { return "version" }
