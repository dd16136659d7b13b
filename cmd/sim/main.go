// Command kadmesh-sim runs networks of Kadmesh nodes in virtual time and prints
// what they do: how fast they find values, what that costs, what gets lost.
//
// It exits with 0 if all numbers are as they should be, with 1 if some are not or
// the simulation could not be run, and with 2 if it was asked for in the wrong way.
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
		return fmt.Errorf("%d numbers are not as they should be, the first: %s", len(missed), missed[0].Name)
	}
	return nil
}

// check says which flag is wrong.
func (p *program) check() error {
	switch o := p.options; {
	case !slices.Contains(names(), p.scenario):
		return cli.Usagef("--scenario %q: want one of %s", p.scenario, strings.Join(names(), ", "))
	case o.Nodes < 10 || o.Ops < 1 || o.K < 1 || o.B < 1:
		return cli.Usagef("want at least 10 nodes, and 1 operation, contact in a bucket and bit")
	case o.Duration < 0:
		return cli.Usagef("--duration %v: want a time that is not negative", o.Duration)
	}
	return nil
}

// play runs the scenario, and shows how far it is.
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
