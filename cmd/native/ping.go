package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
)

func (p *program) ping() *cobra.Command {
	var a networkFlags
	cmd := &cobra.Command{
		Use:   "ping HOST:PORT [flags]",
		Short: "Ask a node whether it is there",
		Long: `Ping asks the node at HOST:PORT for its id, and prints the id and the round-trip time.
It asks again each second, and exits with 1 if no answer comes.

` + clientNote + `

With --json: {"addr", "id", "ms": the round-trip time in milliseconds}`,
		Example:           `  kadmesh ping 127.0.0.1:8468`,
		Args:              takes("HOST:PORT"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.bootstrap.Set(args[0]); err != nil {
				return err
			}
			return p.runPing(cmd.Context(), a)
		},
	}
	networkName(cmd, &a.network)
	a.timeoutFlag(cmd, answerTime)
	return cmd
}

func (p *program) runPing(ctx context.Context, a networkFlags) error {
	if err := a.checkTimeout(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	node, addrs, err := dial(ctx, a.bootstrap, core.Config{Network: a.network, RPCTimeout: a.timeout})
	if err != nil {
		return err
	}
	defer node.Close()
	r, err := pingAny(ctx, node, addrs)
	if errors.Is(err, core.ErrOtherNetwork) {
		return a.otherNetwork()
	}
	if err != nil {
		return fmt.Errorf("no answer from %s within %v", a.bootstrap, a.timeout)
	}
	return p.Print(fmt.Sprintf("pong from %v id %v in %s", r.addr, r.id, brief(r.rtt)), struct {
		Addr netip.AddrPort `json:"addr"`
		ID   core.ID        `json:"id"`
		MS   float64        `json:"ms"`
	}{r.addr, r.id, ms(r.rtt)})
}

// pong is the answer to a ping.
type pong struct {
	addr netip.AddrPort
	id   core.ID
	rtt  time.Duration
	err  error // core.ErrOtherNetwork, if not nil
}

// pingInterval is the time between two pings: a datagram may get lost, or the node may
// just be starting.
const pingInterval = time.Second

// pingAny pings all of addrs until one answers. It returns the first answer, or the
// error of ctx if it ends first, or an error that wraps core.ErrOtherNetwork.
func pingAny(ctx context.Context, node *core.Node, addrs []netip.AddrPort) (pong, error) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	answers := make(chan pong)
	again := time.NewTicker(pingInterval)
	defer again.Stop()
	for {
		for _, addr := range addrs {
			asking.Go(func() {
				id, rtt, err := node.Ping(ctx, addr)
				if err != nil && !errors.Is(err, core.ErrOtherNetwork) {
					return
				}
				select {
				case answers <- pong{addr, id, rtt, err}:
				case <-ctx.Done():
				}
			})
		}
		select {
		case r := <-answers:
			return r, r.err
		case <-again.C:
		case <-ctx.Done():
			return pong{}, ctx.Err()
		}
	}
}
