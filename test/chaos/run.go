//go:build chaos && linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/history"
)

// options are the flags of a run.
type options struct {
	duration time.Duration
	seed     uint64
	nodes, k int
	users    int
	keys     int
	pause    time.Duration
	pace     time.Duration
	faults   []string // kinds; none stands for all
	binary   string
	apart    string
	logs     string
}

// rules are the promises. A client goes on for up to 15 s with a set that its user
// does not wait for any more; the rest is for slow machines.
var rules = history.Rules{Linger: opTimeout, Settle: 5 * time.Second}

// report is the result of a run.
type report struct {
	Seed     uint64         `json:"seed"`
	Nodes    int            `json:"nodes"`
	K        int            `json:"k"`
	Duration time.Duration  `json:"duration_ns"`
	Faults   map[string]int `json:"faults"` // victims by kind; or times, where all nodes are victims
	Skipped  string         `json:"skipped,omitempty"`
	// Nearest has the addresses of the k nodes nearest to each key with a violation, at
	// the end of the run.
	Nearest map[string][]string `json:"nearest,omitempty"`
	history.Summary
}

// String returns the report as text.
func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d nodes, k %d, %v\nfaults     ", r.Seed, r.Nodes, r.K, r.Duration)
	for _, kind := range []string{faultKill, faultLeave, faultReplace, faultPause, faultLoss, faultDelay, faultCut} {
		fmt.Fprintf(&b, " %s %d", kind, r.Faults[kind])
	}
	b.WriteByte('\n')
	if r.Skipped != "" {
		fmt.Fprintf(&b, "skipped     %s\n", r.Skipped)
	}
	b.WriteString(r.Summary.String())
	for i, v := range r.Violations {
		if i == 30 {
			fmt.Fprintf(&b, "  and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintf(&b, "  %v\n", v)
	}
	for _, key := range slices.Sorted(maps.Keys(r.Nearest)) {
		fmt.Fprintf(&b, "  nearest to %s: %s\n", key, strings.Join(r.Nearest[key], " "))
	}
	return b.String()
}

// Broken returns the number of broken promises.
func (r *report) Broken() int { return len(r.Violations) }

// build builds the program of the nodes into dir.
func build(dir string) (string, error) {
	program := filepath.Join(dir, "kadmesh")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/kadmesh/kadmesh/cmd/native").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the node: %w\n%s", err, out)
	}
	return program, nil
}

// quiet is the time without faults and writes before all keys are read.
const quiet = 10 * time.Second

// run plays a whole run: users and faults, a time of quiet, and a reading of all keys.
func run(ctx context.Context, o options, say func(format string, args ...any)) (*report, error) {
	p, w, skipped, err := newPlace(o.apart, o.nodes)
	if err != nil {
		return nil, err
	}
	n := &network{place: p, program: o.binary, k: o.k, logs: o.logs}
	defer n.close()
	if err := newNetwork(ctx, n, o.nodes, rand.New(rand.NewPCG(o.seed, 0))); err != nil {
		return nil, err
	}
	if err := wait(ctx, 2*settled); err != nil {
		return nil, err
	}
	r := &report{Seed: o.seed, Nodes: o.nodes, K: o.k, Duration: o.duration, Faults: make(map[string]int), Skipped: skipped}
	faults := plan(o, w != nil)
	for _, f := range faults {
		r.Faults[f.Kind] += max(1, len(f.Victims))
	}
	j := &journal{begin: time.Now()}
	if err := o.work(ctx, n, w, j, faults, say); err != nil {
		return nil, err
	}
	say("%7.1fs  quiet, and then all keys are read", time.Since(j.begin).Seconds())
	if err := wait(ctx, quiet); err != nil {
		return nil, err
	}
	if err := o.readAll(ctx, n, j); err != nil {
		return nil, err
	}
	r.Summary, r.Nearest = rules.Summarize(j.all()), make(map[string][]string)
	for _, v := range r.Violations {
		r.Nearest[v.Get.Key] = n.nearest(v.Get.Key)
	}
	return r, j.save(filepath.Join(o.logs, "history.json"))
}

// work has users and faults at work at the same time.
func (o options) work(ctx context.Context, n *network, w wires, j *journal, faults []fault, say func(string, ...any)) error {
	ctx, stop := context.WithTimeout(ctx, o.duration)
	defer stop()
	var users sync.WaitGroup
	for i := range o.users {
		u := &user{
			net: n, journal: j, name: fmt.Sprint("user-", i), keys: o.keys, pause: o.pause,
			rng: rand.New(rand.NewPCG(o.seed, uint64(100+i))),
		}
		users.Go(func() { u.work(ctx) })
	}
	ne := &nemesis{net: n, wires: w, say: say, rng: rand.New(rand.NewPCG(o.seed, 2))}
	err := ne.run(ctx, j.begin, faults)
	if err != nil {
		stop()
	} else {
		<-ctx.Done()
	}
	users.Wait()
	return err
}

// finalReaders is how many new clients read all keys at the end, each through another
// node.
const finalReaders = 4

func (o options) readAll(ctx context.Context, n *network, j *journal) error {
	rng := rand.New(rand.NewPCG(o.seed, 3))
	var reading sync.WaitGroup
	defer reading.Wait()
	for i := range finalReaders {
		node, err := n.join(ctx, rng, 1)
		if err != nil {
			return fmt.Errorf("join to read at the end: %w", err)
		}
		reading.Go(func() {
			defer node.Close()
			for key := range o.keys {
				j.get(ctx, node, fmt.Sprint("reader-", i), fmt.Sprint("key-", key))
			}
		})
	}
	return nil
}

// save writes the operations to a file.
func (j *journal) save(file string) error {
	text, err := json.Marshal(j.all())
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
