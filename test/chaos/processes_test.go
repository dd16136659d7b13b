//go:build chaos && linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/history"
)

var kadmesh string // the program of the nodes

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kadmesh-chaos")
	if err == nil {
		defer os.RemoveAll(dir)
		kadmesh, err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// story is a network of processes, and the history of one test.
type story struct {
	*network
	journal
	t   *testing.T
	ctx context.Context
	rng *rand.Rand
}

// newStory starts a network, and waits until it is whole.
func newStory(t *testing.T, nodes, k int) *story {
	t.Helper()
	s := &story{
		network: &network{place: newLoopback(), program: kadmesh, k: k, logs: t.TempDir()},
		t:       t,
		ctx:     t.Context(),
		rng:     rand.New(rand.NewPCG(1, 0)),
	}
	t.Cleanup(s.network.close)
	if err := newNetwork(s.ctx, s.network, nodes, s.rng); err != nil {
		t.Fatal(err)
	}
	s.pass(2 * time.Second)
	s.begin = time.Now()
	return s
}

// pass lets time pass.
func (s *story) pass(d time.Duration) {
	s.t.Helper()
	if err := wait(s.ctx, d); err != nil {
		s.t.Fatal(err)
	}
}

// through does something with a new client that has joined through one node.
func (s *story) through(seat int, do func(n *core.Node, by string)) {
	s.t.Helper()
	n, err := s.joinAt(s.ctx, s.place.addr(seat))
	if err != nil {
		s.t.Fatalf("join through node %d: %v", seat, err)
	}
	defer n.Close()
	do(n, fmt.Sprint("a client of node ", seat))
}

func (s *story) setThrough(seat int, key, value string) {
	s.t.Helper()
	s.through(seat, func(n *core.Node, by string) {
		if err := s.set(s.ctx, n, by, key, value); err != nil {
			s.t.Fatalf("set %s through node %d: %v", key, seat, err)
		}
	})
}

func (s *story) getThrough(seat int, keys ...string) {
	s.t.Helper()
	s.through(seat, func(n *core.Node, by string) {
		for _, key := range keys {
			s.get(s.ctx, n, by, key)
		}
	})
}

// must does what cannot fail.
func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// judge checks that no get of the story breaks a promise, and that all were answered.
func (s *story) judge() {
	s.t.Helper()
	sum := rules.Summarize(s.all())
	s.t.Logf("%v", sum)
	if sum.Gets.Failed+sum.Gets.Unknown > 0 {
		s.t.Errorf("%d of %d gets had no answer, want none", sum.Gets.Failed+sum.Gets.Unknown, sum.Operations)
	}
	for i, v := range sum.Violations {
		if i == 10 {
			s.t.Logf("and %d more", len(sum.Violations)-i)
			break
		}
		s.t.Error(v)
	}
}

func keys(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("key-", i))
	}
	return list
}

// Values outlive a rolling restart: each node ends and starts again, with its id and
// without its records, 1.5 s apart.
func TestRollingRestart(t *testing.T) {
	sizes := []int{3, 10}
	if *everySeed {
		sizes = append(sizes, 30)
	}
	for _, nodes := range sizes {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%d nodes, %v", nodes, sig), func(t *testing.T) {
				t.Parallel()
				s := newStory(t, nodes, 20)
				all := keys(50)
				for i, key := range all {
					s.setThrough(i%nodes, key, "first")
				}
				for i := range nodes {
					s.must(s.end(i, sig))
					s.pass(200 * time.Millisecond)
					s.must(s.start(i, doors(s.rng, nodes, i)))
					s.pass(1500 * time.Millisecond)
				}
				s.pass(2 * time.Second)
				for i, key := range all {
					s.getThrough(i%nodes, key)
				}
				s.judge()
			})
		}
	}
}

// An overwritten value does not come back, although the nodes on the paths of many
// readers have copies of it.
func TestOverwriteAfterReads(t *testing.T) {
	const nodes = 60
	s := newStory(t, nodes, 20)
	all := keys(10)
	readAll := func() {
		for i := range nodes {
			s.getThrough(i, all...)
		}
	}
	for i, key := range all {
		s.setThrough(i*7%nodes, key, "old")
	}
	readAll()
	for i, key := range all {
		s.setThrough((i*13+5)%nodes, key, "new")
	}
	readAll()
	s.pass(5 * time.Second)
	readAll()
	s.judge()
}

// Sets of one key by one node take effect in their order, although the node does not
// wait for one before the next. Two nodes are stopped, which makes the sets meet.
func TestSetsInOrder(t *testing.T) {
	t.Parallel()
	const nodes, sets = 10, 5
	s := newStory(t, nodes, 8)
	all := keys(25)
	s.must(s.signal(1, syscall.SIGSTOP))
	s.must(s.signal(2, syscall.SIGSTOP))
	s.through(0, func(n *core.Node, by string) {
		done := make(chan error)
		for _, key := range all {
			for i := range sets {
				go func() {
					_, err := n.Set(s.ctx, key, core.Int(int64(i)))
					done <- err
				}()
				s.pass(20 * time.Millisecond)
			}
		}
		for range len(all) * sets {
			s.must(<-done)
		}
	})
	s.must(s.signal(1, syscall.SIGCONT))
	s.must(s.signal(2, syscall.SIGCONT))
	now := time.Since(s.begin)
	for _, key := range all {
		// What was set before the last is not allowed any more.
		last := history.Op{Kind: history.Set, Outcome: history.OK, Key: key, Value: fmt.Sprint(sets - 1), Start: now, End: now}
		s.ops = append(s.ops, last)
	}
	for i := range nodes {
		s.getThrough(i, all...)
	}
	s.pass(5 * time.Second)
	for i := range nodes {
		s.getThrough(i, all...)
	}
	s.judge()
}

// A node that was stopped while a key was set anew does not serve the old value, and
// gets the new one.
func TestStoppedWhileSet(t *testing.T) {
	t.Parallel()
	const nodes = 20
	s := newStory(t, nodes, 8)
	all := keys(40)
	for i, key := range all {
		s.setThrough(i%nodes, key, "old")
	}
	stopped := []int{3, 11}
	for _, i := range stopped {
		s.must(s.signal(i, syscall.SIGSTOP))
	}
	for _, key := range all {
		s.setThrough(0, key, "new")
	}
	for _, i := range stopped {
		s.must(s.signal(i, syscall.SIGCONT))
	}
	for i := range nodes {
		s.getThrough(i, all...)
	}
	s.pass(5 * time.Second)
	for i := range nodes {
		s.getThrough(i, all...)
	}
	s.judge()
}
