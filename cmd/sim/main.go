// Command kadmesh-sim runs networks of Kadmesh nodes in virtual time and prints
// what they do: how fast they find values, what that costs, what gets lost.
//
// It exits with 0 if all numbers are as they should be, with 1 if some are not or
// the simulation could not be run, and with 2 if it was asked for in the wrong way.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/sim"
)

// version is set by the linker, with -X main.version=v1.2.3. Otherwise it is
// that of the module.
var version string

func main() {
	p := &program{Program: cli.Program{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}}
	os.Exit(p.Exit(p.Run(p.root(), os.Args[1:])))
}

// program is one run of kadmesh-sim.
type program struct {
	cli.Program
	scenario string
	options  sim.Options
	list     bool
	quiet    bool
	svg      string
}

func (p *program) root() *cobra.Command {
	build := cli.Built(version)
	root := &cobra.Command{
		Use:   "kadmesh-sim --scenario NAME [flags]",
		Short: "Run networks of Kadmesh nodes in virtual time",
		Long: `Kadmesh-sim runs a network of Kadmesh nodes, the production code with its real
datagrams, in virtual time, and prints what was measured. The same seed gives the
same run. It exits with 1 if a number is not as it should be.

With --json: the numbers and histograms as one object; with --list, one object
per scenario: {"name", "about"}`,
		Example: `  kadmesh-sim --list
  kadmesh-sim --scenario dead30 --nodes 10000 --svg dead30.svg`,
		Version:           build.String(),
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return p.run() },
	}
	f := root.Flags()
	f.StringVar(&p.scenario, "scenario", "scale", "play the scenario `NAME`: see --list")
	f.BoolVar(&p.list, "list", false, "list the scenarios")
	f.IntVar(&p.options.Nodes, "nodes", 1000, "have `N` nodes")
	f.Uint64Var(&p.options.Seed, "seed", 1, "draw what is random from the seed `N`")
	f.DurationVar(&p.options.Duration, "duration", 0, "let `D` of virtual time pass (default: what the scenario has)")
	f.IntVar(&p.options.Ops, "ops", 1000, "measure `N` operations of each kind")
	f.IntVar(&p.options.K, "k", 20, "buckets of `K` contacts")
	f.IntVar(&p.options.B, "b", 5, "resolve `B` bits with each step of a lookup")
	f.StringVar(&p.svg, "svg", "", "draw histograms into `FILE`")
	f.BoolVar(&p.quiet, "quiet", false, "show no progress")
	cli.Complete(root, "scenario", names()...)
	root.AddCommand(p.Version(build))
	return root
}

func names() []string {
	var list []string
	for _, s := range sim.Scenarios {
		list = append(list, s.Name)
	}
	return list
}

func (p *program) run() error {
	if p.list {
		return p.printList()
	}
	if !slices.Contains(names(), p.scenario) {
		return cli.Usagef("--scenario %q: want one of %s", p.scenario, strings.Join(names(), ", "))
	}
	if p.options.Nodes < 10 || p.options.Ops < 1 || p.options.K < 1 || p.options.B < 1 {
		return cli.Usagef("want at least 10 nodes, and 1 operation, contact in a bucket and bit")
	}
	if p.options.Duration < 0 {
		return cli.Usagef("--duration %v: want a time that is not negative", p.options.Duration)
	}
	// Nearly all of the memory stays in use: half as much again for garbage will do,
	// or less where there is no more.
	debug.SetGCPercent(50)
	if free := memoryFree(); free > 0 {
		debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), int64(free/10*9))) // or what GOMEMLIMIT says
	}
	meter := &meter{out: p.Err, start: time.Now()}
	p.options.Progress = func(now sim.Progress) {
		meter.measure()
		if !p.quiet {
			meter.show(now)
		}
	}
	p.options.Charts = p.svg != "" || p.JSON
	report, err := sim.Play(p.scenario, p.options)
	if err != nil {
		return err
	}
	if !p.quiet {
		meter.end()
	}
	if p.svg != "" {
		if err := os.WriteFile(p.svg, []byte(report.SVG()), 0o644); err != nil {
			return fmt.Errorf("draw histograms: %w", err)
		}
	}
	if err := p.Print(report.String(), report); err != nil {
		return err
	}
	if missed := report.Missed(); len(missed) > 0 {
		return fmt.Errorf("%d numbers are not as they should be, the first: %s", len(missed), missed[0].Name)
	}
	return nil
}

func (p *program) printList() error {
	for _, s := range sim.Scenarios {
		if err := p.Print(fmt.Sprintf("%-10s %s", s.Name, s.About), s); err != nil {
			return err
		}
	}
	return nil
}

// meter shows how far a run has come.
type meter struct {
	out    io.Writer
	start  time.Time
	last   time.Time
	events uint64
	memory uint64 // bytes
	most   uint64 // of them
	large  uint64 // how many there were when large pages were asked for
	seen   sim.Progress
}

// every is how often progress is shown.
const every = 2 * time.Second

func (m *meter) show(p sim.Progress) {
	m.seen = p
	now := time.Now()
	if now.Sub(m.last) < every {
		return
	}
	if !m.last.IsZero() {
		rate := float64(p.Events-m.events) / now.Sub(m.last).Seconds()
		fmt.Fprintf(m.out, "%8s: %d nodes, virtual time %v, %.0f events/s, %d MB\n",
			now.Sub(m.start).Round(time.Second), p.Nodes, p.Virtual.Round(time.Second), rate, m.memory>>20)
	}
	m.last, m.events = now, p.Events
}

// growth is how much more memory has to be in use for large pages to be asked for anew.
const growth = 32 << 20

// measure looks at how much memory is in use.
func (m *meter) measure() {
	m.memory = memoryUsed()
	m.most = max(m.most, m.memory)
	if m.memory > m.large+growth {
		m.large = m.memory
		wantLargePages()
	}
}

// end shows what the run has cost.
func (m *meter) end() {
	m.measure()
	took := time.Since(m.start)
	fmt.Fprintf(m.out, "took %v, %.0f events/s, %d MB of memory at most, %.1f kB per node\n", took.Round(time.Millisecond),
		float64(m.seen.Events)/took.Seconds(), m.most>>20, float64(m.most)/1e3/float64(max(m.seen.Nodes, 1)))
}
