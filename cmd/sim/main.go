// Command kadmesh-sim runs networks of Kadmesh nodes in virtual time and prints
// measurements: the success and speed of gets and lookups, and their cost.
//
// It exits with 0 if all numbers keep their limits, with 1 if some do not or the
// simulation fails, and with 2 for wrong usage.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/sim"
)

// version is set by the linker: -X main.version=v1.2.3. If it is empty, the module's
// version counts.
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
		Long: `Kadmesh-sim runs a network of Kadmesh nodes in virtual time and prints measurements.
The nodes run the production code and send real datagrams. The same seed gives the
same run.

Some numbers have limits. Exit status: 0 if all numbers keep their limits; 1 if some
do not, or the simulation fails; 2 if the command is not understood.

With --json: the numbers and histograms as one object. With --list --json: one object
for each scenario: {"name", "about"}`,
		Example: `  kadmesh-sim --list
  kadmesh-sim --scenario dead30 --nodes 10000 --svg dead30.svg`,
		Version:           build.String(),
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return p.run() },
	}
	f := root.Flags()
	f.StringVar(&p.scenario, "scenario", "scale", "run the scenario `NAME`; --list shows all")
	f.BoolVar(&p.list, "list", false, "list the scenarios and exit")
	f.IntVar(&p.options.Nodes, "nodes", 1000, "number `N` of nodes, at least 10")
	f.Uint64Var(&p.options.Seed, "seed", 1, "seed `N` of all random numbers")
	f.DurationVar(&p.options.Duration, "duration", 0,
		"run for `D` of virtual time, as in 30m or 24h, if the scenario allows (default: see --list)")
	f.IntVar(&p.options.Ops, "ops", 1000, "number `N` of operations to measure, of each kind")
	f.IntVar(&p.options.K, "k", 20, "bucket size `K`, and number of nodes that keep a value")
	f.IntVar(&p.options.B, "b", 5, "bits `B` of an id resolved in each step of a lookup")
	f.StringVar(&p.svg, "svg", "", "write histograms to `FILE`, as a picture")
	f.BoolVar(&p.quiet, "quiet", false, "print no progress on standard error")
	cli.Complete(root, "scenario", names()...)
	root.AddCommand(p.Version(build))
	return root
}

// names returns the names of all scenarios.
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
	if err := p.check(); err != nil {
		return err
	}
	limitMemory()
	report, err := p.play()
	if err != nil {
		return err
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
		return fmt.Errorf("%d of the numbers miss their limits, the first: %s", len(missed), missed[0].Name)
	}
	return nil
}

// check returns a usage error if a flag has a wrong value.
func (p *program) check() error {
	switch o := p.options; {
	case !slices.Contains(names(), p.scenario):
		return cli.Usagef("--scenario %q: want one of %s", p.scenario, strings.Join(names(), ", "))
	case o.Nodes < 10:
		return cli.Usagef("--nodes %d: want at least 10", o.Nodes)
	case o.Ops < 1:
		return cli.Usagef("--ops %d: want at least 1", o.Ops)
	case o.K < 1:
		return cli.Usagef("--k %d: want at least 1", o.K)
	case o.B < 1:
		return cli.Usagef("--b %d: want at least 1", o.B)
	case o.Duration < 0:
		return cli.Usagef("--duration %v: want zero or more", o.Duration)
	}
	return nil
}

// play runs the scenario and shows its progress.
func (p *program) play() (*sim.Report, error) {
	meter := &meter{out: p.Err, start: time.Now()}
	p.options.Progress = func(now sim.Progress) {
		meter.measure()
		if !p.quiet {
			meter.show(now)
		}
	}
	p.options.Charts = p.svg != "" || p.JSON
	report, err := sim.Play(p.scenario, p.options)
	if err == nil && !p.quiet {
		meter.end()
	}
	return report, err
}

func (p *program) printList() error {
	for _, s := range sim.Scenarios {
		if err := p.Print(fmt.Sprintf("%-10s %s", s.Name, s.About), s); err != nil {
			return err
		}
	}
	return nil
}
