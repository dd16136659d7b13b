//go:build chaos && linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// network is a number of processes, each a node at a seat with an address that stays.
type network struct {
	place   place
	program string
	k       int
	logs    string // the directory of the nodes' logs

	mu    sync.Mutex // guards seats
	seats []seat
}

// seat has a node, and other nodes before and after.
type seat struct {
	id    core.ID
	node  *process // nil if there is none now
	since time.Time
	aside bool // stopped or cut off: no user asks it
}

type process struct {
	cmd  *exec.Cmd
	over chan struct{} // closed after the exit
}

// startTimeout is the longest time from the start of a node to its first line.
const startTimeout = 20 * time.Second

// newNetwork starts a node at each seat.
func newNetwork(ctx context.Context, n *network, nodes int, rng *rand.Rand) error {
	n.seats = make([]seat, nodes)
	for i := range n.seats {
		n.seats[i].id = randomID(rng)
	}
	for i := range n.seats {
		if err := n.start(i, doors(rng, i, i)); err != nil {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func randomID(rng *rand.Rand) (id core.ID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}

// doors draws up to three of the first n seats, without the one of a node itself.
func doors(rng *rand.Rand, n, without int) (seats []int) {
	for _, i := range rng.Perm(n) {
		if i != without && len(seats) < 3 {
			seats = append(seats, i)
		}
	}
	return seats
}

// command returns the command of the node at a seat.
func (n *network) command(i int, bootstrap []int) *exec.Cmd {
	n.mu.Lock()
	id := n.seats[i].id
	n.mu.Unlock()
	args := []string{
		"node", "--listen", n.place.addr(i).String(), "--id", id.String(), "--k", fmt.Sprint(n.k), "--log-level", "warn",
	}
	for _, b := range bootstrap {
		args = append(args, "--bootstrap", n.place.addr(b).String())
	}
	return n.place.command(i, n.program, args...)
}

// start runs a node at a seat that is free, and waits until it listens.
func (n *network) start(i int, bootstrap []int) error {
	cmd := n.command(i, bootstrap)
	log, err := os.OpenFile(filepath.Join(n.logs, fmt.Sprintf("node-%02d.log", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start node %d: %w", i, err)
	}
	p := &process{cmd: cmd, over: make(chan struct{})}
	listening := make(chan error, 1)
	go func() {
		defer close(p.over)
		_, err := bufio.NewReader(out).ReadString('\n')
		listening <- err
		io.Copy(io.Discard, out)
		cmd.Wait()
	}()
	n.mu.Lock()
	n.seats[i].node, n.seats[i].since = p, time.Now()
	n.mu.Unlock()
	select {
	case err = <-listening:
	case <-time.After(startTimeout):
		err = errors.New("says nothing")
	}
	if err != nil {
		return fmt.Errorf("start node %d: %w; see %s", i, err, log.Name())
	}
	return nil
}

// signal sends a signal to the node at a seat.
func (n *network) signal(i int, sig syscall.Signal) error {
	n.mu.Lock()
	p := n.seats[i].node
	n.mu.Unlock()
	if p == nil {
		return fmt.Errorf("no node at seat %d", i)
	}
	select {
	case <-p.over:
		return fmt.Errorf("node %d has ended by itself: %v", i, p.cmd.ProcessState)
	default:
		return p.cmd.Process.Signal(sig)
	}
}

// leaveTimeout is the longest time that a node may take to leave after SIGTERM.
const leaveTimeout = 20 * time.Second

// end ends the node at a seat with a signal, and waits for the exit.
func (n *network) end(i int, sig syscall.Signal) error {
	n.setAside(i, true)
	if err := n.signal(i, sig); err != nil {
		return err
	}
	n.mu.Lock()
	p := n.seats[i].node
	n.seats[i].node = nil
	n.mu.Unlock()
	select {
	case <-p.over:
		return nil
	case <-time.After(leaveTimeout):
		p.cmd.Process.Kill()
		return fmt.Errorf("node %d has not ended %v after %v", i, leaveTimeout, sig)
	}
}

// setAside says whether users may ask the node at a seat.
func (n *network) setAside(i int, aside bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seats[i].aside = aside
}

// settled is the age from which users join through a node.
const settled = time.Second

// open returns the addresses of up to limit nodes, drawn by rng, that users may ask.
func (n *network) open(rng *rand.Rand, limit int) (addrs []netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, i := range rng.Perm(len(n.seats)) {
		s := &n.seats[i]
		if s.node != nil && !s.aside && time.Since(s.since) > settled && len(addrs) < limit {
			addrs = append(addrs, n.place.addr(i))
		}
	}
	return addrs
}

// nearest returns the addresses of the k nodes nearest to a key, nearest first.
func (n *network) nearest(key string) (addrs []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	order := make([]int, len(n.seats))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return core.Key(key).CompareDistance(n.seats[a].id, n.seats[b].id)
	})
	for _, i := range order[:min(n.k, len(order))] {
		addrs = append(addrs, n.place.addr(i).String())
	}
	return addrs
}

// close kills all nodes, and waits for their exit.
func (n *network) close() {
	for i := range n.seats {
		if p := n.seats[i].node; p != nil {
			p.cmd.Process.Kill()
			<-p.over
		}
	}
	n.place.close()
}

// wait waits for a time, or for the end of ctx.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
