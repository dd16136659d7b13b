package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/transport/udp"
)

// clientNote is a warning in the help of commands that send requests and exit.
const clientNote = `Python nodes that receive requests of this command add it to their routing tables. As
it exits soon, a later lookup of each may take up to 5 seconds longer, once.`

// networkFlags are the flags of commands that join a network, use it and exit.
type networkFlags struct {
	bootstrap peerList
	network   string
	k         bucketSize
	timeout   time.Duration
}

func (a *networkFlags) flags(cmd *cobra.Command) {
	cmd.Flags().VarP(&a.bootstrap, "bootstrap", "b", "join through the node at `HOST:PORT`; may be repeated")
	cli.Complete(cmd, "bootstrap")
	networkName(cmd, &a.network)
	a.k.flag(cmd)
	a.timeoutFlag(cmd, 10*time.Second)
}

func (a *networkFlags) timeoutFlag(cmd *cobra.Command, otherwise time.Duration) {
	cmd.Flags().DurationVar(&a.timeout, "timeout", otherwise, "longest time in all, as in 500ms or 1m")
	cli.Complete(cmd, "timeout")
}

// check returns a usage error if a flag has a wrong value.
func (a *networkFlags) check() error {
	if len(a.bootstrap) == 0 {
		return cli.Usagef("no --bootstrap given: name a node of the network, as in --bootstrap 127.0.0.1:8468")
	}
	return a.checkTimeout()
}

func (a *networkFlags) checkTimeout() error {
	if a.timeout <= 0 {
		return cli.Usagef("--timeout %v: must be more than zero", a.timeout)
	}
	return nil
}

// answerTime is the longest wait for a bootstrap node's answer, equal to the nodes'
// default for each other.
const answerTime = 5 * time.Second

// join returns a client that has joined the network.
func (a *networkFlags) join(ctx context.Context, cfg core.Config) (*core.Node, error) {
	cfg.K = int(a.k)
	cfg.Network = a.network
	cfg.RPCTimeout = answerTime
	node, addrs, err := dial(ctx, a.bootstrap, cfg)
	if err != nil {
		return nil, err
	}
	if err := node.Bootstrap(ctx, addrs...); err != nil {
		node.Close()
		if errors.Is(err, core.ErrOtherNetwork) {
			return nil, a.otherNetwork()
		}
		if errors.Is(err, core.ErrNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer from %s within %v: is the node running, and does the firewall pass UDP?",
				a.bootstrap, min(answerTime, a.timeout))
		}
		return nil, err
	}
	return node, nil
}

// errNoneNear: the client has joined, but no node near the key answered.
var errNoneNear = fmt.Errorf("%w from any node near the key; try again", core.ErrNoAnswer)

// explain returns the error of an operation without core's name for it, which has an id
// where the user gave a key, and with a remedy if there is one.
func (a *networkFlags) explain(err error) error {
	switch {
	case errors.Is(err, core.ErrNotFound):
		return core.ErrNotFound
	case errors.Is(err, core.ErrNoAnswer):
		return errNoneNear
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no result within %v: allow more time with --timeout", a.timeout)
	}
	return err
}

// explainChange is explain for a set or a deletion that had the result r.
func (a *networkFlags) explainChange(err error, r core.SetResult) error {
	switch {
	case errors.Is(err, core.ErrConflict):
		return fmt.Errorf("%w: get it anew, and give its version with --if-version", core.ErrConflict)
	case !errors.Is(err, core.ErrNotStored):
		return a.explain(err)
	case r.Nodes == 0:
		return fmt.Errorf("%w: no node near the key took it; try again", core.ErrNotStored)
	}
	return fmt.Errorf("%w: %d of %s acknowledged, which is no majority; "+
		"readers may see either value, so try again", core.ErrNotStored, r.Nodes, plural(r.Asked, "node"))
}

// otherNetwork is the error for bootstrap nodes of another network.
func (a *networkFlags) otherNetwork() error {
	if a.network == "" {
		return fmt.Errorf("the network of %s has a name: give it with --network", a.bootstrap)
	}
	return fmt.Errorf("the network of %s is not called %q: correct --network or --bootstrap", a.bootstrap, a.network)
}

// dial opens a client that can reach peers, and resolves their addresses. The client
// has not joined yet.
//
// Its socket is never bound to the loopback interface, since a node on this machine may
// name contacts anywhere.
func dial(ctx context.Context, peers peerList, cfg core.Config) (*core.Node, []netip.AddrPort, error) {
	addrs, err := resolveAny(ctx, peers)
	if err != nil {
		return nil, nil, err
	}
	addrs = slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !routable(a) })
	if len(addrs) == 0 {
		return nil, nil, fmt.Errorf("this machine has no route to %s", peers)
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
