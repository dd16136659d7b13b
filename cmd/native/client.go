package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// access is how a short-lived command gets at the network.
type access struct {
	bootstrap []string
	timeout   time.Duration
}

func (a *access) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&a.bootstrap, "bootstrap", "b", nil, "reach the network through the node at `HOST:PORT`; may be repeated")
	complete(cmd, "bootstrap")
	a.timeoutFlag(cmd, 10*time.Second)
}

func (a *access) timeoutFlag(cmd *cobra.Command, otherwise time.Duration) {
	cmd.Flags().DurationVar(&a.timeout, "timeout", otherwise, "how long to wait in all, as in 500ms or 1m")
	complete(cmd, "timeout")
}

// peers returns the bootstrap nodes.
func (a *access) peers() ([]hostPort, error) {
	if a.timeout <= 0 {
		return nil, usagef("--timeout %v: must be more than zero", a.timeout)
	}
	if len(a.bootstrap) == 0 {
		return nil, usagef("no --bootstrap given: name a node of the network, as in --bootstrap 127.0.0.1:8468")
	}
	return parsePeers(a.bootstrap)
}

// answerTime is how long a bootstrap node may take to answer: what the nodes of
// a network grant each other.
const answerTime = 5 * time.Second

// join returns a client, by cfg, that has found the network through peers.
func (a *access) join(ctx context.Context, peers []hostPort, cfg core.Config) (*core.Node, error) {
	cfg.RPCTimeout = answerTime
	node, addrs, err := dial(ctx, peers, cfg)
	if err != nil {
		return nil, err
	}
	if err := node.Bootstrap(ctx, addrs...); err != nil {
		node.Close()
		if errors.Is(err, core.ErrNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer from %s within %v: is the node running, and UDP let through?", names(peers), min(answerTime, a.timeout))
		}
		return nil, err
	}
	return node, nil
}

// errSilence is said when the network was there, but nobody near the key.
var errSilence = fmt.Errorf("%w from any node near the key; try again", core.ErrNoAnswer)

// explain says what to do about an operation's error.
func (a *access) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no result within %v: give it longer with --timeout", a.timeout)
	}
	return err
}

// dial opens a client that can reach peers, and returns their addresses too. The
// node is not joined yet.
//
// Its socket is never bound to the loopback interface: a node on this machine
// may name contacts anywhere.
func dial(ctx context.Context, peers []hostPort, cfg core.Config) (*core.Node, []netip.AddrPort, error) {
	addrs, err := resolveAny(ctx, peers)
	if err != nil {
		return nil, nil, err
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !routable(a) })
	if len(addrs) == 0 {
		return nil, nil, fmt.Errorf("this machine has no route to %s", names(peers))
	}
	local := netip.IPv4Unspecified()
	if slices.ContainsFunc(addrs, func(a netip.AddrPort) bool { return a.Addr().Is6() }) {
		local = netip.IPv6Unspecified()
	}
	conn, err := udp.Listen(netip.AddrPortFrom(local, 0))
	if err != nil {
		return nil, nil, err
	}
	cfg.Client = true
	return core.NewNode(conn, cfg), addrs, nil
}

// names lists peers for a message.
func names(peers []hostPort) string {
	var list []string
	for _, h := range peers {
		list = append(list, h.String())
	}
	return strings.Join(list, ", ")
}

// complete offers values for a flag to the shell, and no file names.
func complete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}
