// Command mutate measures tests by mutation: it breaks the code of a package in one
// small way at a time, runs the package's own tests, and counts the breaks that no
// test notices.
//
//	go run ./scripts/mutate -n 150 -seed 7 ./core ./internal/wire
//
// The working tree is never changed: the compiler reads a mutated file through
// -overlay. A sample is drawn at random from all mutants of the packages; the same
// seed draws the same sample from the same code. Mutants that change nothing a user
// or a peer can notice are listed in equivalents.txt, each with the reason, and are
// left out of the score.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	packages    []string // patterns of go list
	n           int      // mutants in the sample
	seed        uint64
	workers     int
	only        *regexp.Regexp // nil: all
	equivalents string         // path of the file
	list, json  bool
	min         float64 // lowest score that is no error, in percent
}

func run(ctx context.Context, args []string) error {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	equivalents, err := readEquivalents(o.equivalents)
	if err != nil {
		return err
	}
	packages, err := load(ctx, o.packages)
	if err != nil {
		return err
	}
	var all []mutant
	for _, p := range packages {
		all = append(all, p.mutants()...)
	}
	for _, e := range equivalents.stale(packages, all) {
		fmt.Fprintf(os.Stderr, "%s: no such mutant any more:\n%s\n", o.equivalents, e)
	}
	chosen := sample(all, o)
	fmt.Fprintf(os.Stderr, "%d mutants in %d packages, %d drawn, seed %d\n", len(all), len(packages), len(chosen), o.seed)
	if o.list {
		for _, m := range chosen {
			fmt.Printf("# %s\n%s\n\n", m.where(), m)
		}
		return nil
	}
	return measure(ctx, len(all), chosen, equivalents, o)
}

// measure tries the sample and prints the report.
func measure(ctx context.Context, all int, chosen []mutant, known equivalents, o options) (err error) {
	r := report{Seed: o.seed, Mutants: all}
	if r.Results, err = tryAll(ctx, chosen, known, o.workers); err != nil {
		return err
	}
	r.count()
	if err := r.print(os.Stdout, o.json); err != nil {
		return err
	}
	if unbuilt := len(r.Results) - r.Tried; unbuilt > 0 {
		return fmt.Errorf("%d mutants were not built: the sample is smaller than it should be", unbuilt)
	}
	if r.Score < o.min {
		return fmt.Errorf("score %.1f %%, want at least %.1f %%", r.Score, o.min)
	}
	return nil
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.IntVar(&o.n, "n", 150, "`number` of mutants to try; 0 means all")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the sample; 0 means a random one, which is printed")
	flags.IntVar(&o.workers, "p", max(1, runtime.NumCPU()/2), "`number` of mutants to try at a time")
	flags.StringVar(&o.equivalents, "equivalents", "scripts/mutate/equivalents.txt", "`file` of the mutants that change nothing")
	flags.BoolVar(&o.list, "list", false, "print the sample, run nothing")
	flags.BoolVar(&o.json, "json", false, "print the report as JSON")
	flags.Float64Var(&o.min, "min", 0, "fail if the score is below so many `percent`")
	flags.Func("only", "draw from functions only whose \"package function\" matches `regexp`", func(s string) (err error) {
		o.only, err = regexp.Compile(s)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.packages = flags.Args()
	if len(o.packages) == 0 {
		return o, fmt.Errorf("no package given: go run ./scripts/mutate ./core")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano()) % 1e6
	}
	return o, nil
}

// sample draws as many mutants of each kind, in each kind one as likely as any other,
// and returns them in the order of the code: boundaries are few, and would hardly be
// drawn otherwise. A mutant that the compiler refuses is replaced by another.
func sample(all []mutant, o options) []mutant {
	order := rand.New(rand.NewPCG(o.seed, 0)).Perm(len(all))
	var left [][]int // for each kind, in the order in which they are drawn
	for _, kind := range kinds {
		left = append(left, slices.DeleteFunc(slices.Clone(order), func(i int) bool {
			return all[i].Kind != kind || o.only != nil && !o.only.MatchString(all[i].Package+" "+all[i].Func)
		}))
	}
	var drawn []int
	for turn := 0; len(left) > 0 && (o.n == 0 || len(drawn) < o.n); turn++ {
		k := turn % len(left)
		i := slices.IndexFunc(left[k], func(i int) bool { return all[i].compiles() })
		if i < 0 {
			left = slices.Delete(left, k, k+1)
			continue
		}
		drawn = append(drawn, left[k][i])
		left[k] = left[k][i+1:]
	}
	slices.Sort(drawn)
	chosen := make([]mutant, len(drawn))
	for i, d := range drawn {
		chosen[i] = all[d]
	}
	return chosen
}
