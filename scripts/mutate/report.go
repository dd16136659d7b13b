package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is the outcome of a sample.
type report struct {
	Seed       uint64   `json:"seed"`
	Mutants    int      `json:"mutants"` // in the packages, before the sample
	Tried      int      `json:"tried"`   // in the sample, without the unbuilt
	Killed     int      `json:"killed"`  // with time-outs
	Timeouts   int      `json:"timeouts"`
	Survived   int      `json:"survived"`
	Equivalent int      `json:"equivalent"`
	Score      float64  `json:"score"` // killed in percent of the tried, without equivalents
	Results    []result `json:"results"`
}

func (r *report) count() {
	for _, x := range r.Results {
		switch x.Outcome {
		case killed:
			r.Killed++
		case timedOut:
			r.Killed++
			r.Timeouts++
		case survived:
			r.Survived++
		case equivalent:
			r.Equivalent++
		case unbuilt:
			continue
		}
		r.Tried++
	}
	r.Score = percent(r.Killed, r.Killed+r.Survived)
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}

// print writes the report. Survivors are in the form of equivalents.txt, so that one
// that changes nothing can be copied there, with a reason.
func (r *report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	for _, o := range []outcome{unbuilt, timedOut, survived} {
		for _, x := range r.Results {
			if x.Outcome == o {
				fmt.Fprintf(w, "# %s: %s%s\n%s\n\n", o, x.where(), because(x.By), x)
			}
		}
	}
	r.printGroups(w, func(x result) string { return x.Kind })
	r.printGroups(w, func(x result) string { return x.Package })
	_, err := fmt.Fprintf(w, "%-24s %s; %.0f %% equivalent; seed %d, %d mutants in all\n", "together", r.summary(),
		100-percent(r.Tried-r.Equivalent, r.Tried), r.Seed, r.Mutants)
	return err
}

// because is the first line of a reason, to be appended.
func because(reason string) string {
	line, _, _ := strings.Cut(reason, "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}

// printGroups prints a line for each part of the sample that has a name in common.
func (r *report) printGroups(w io.Writer, nameOf func(result) string) {
	groups := make(map[string]*report)
	for _, x := range r.Results {
		name := nameOf(x)
		if groups[name] == nil {
			groups[name] = &report{}
		}
		groups[name].Results = append(groups[name].Results, x)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		groups[name].count()
		fmt.Fprintf(w, "%-24s %s\n", name, groups[name].summary())
	}
	fmt.Fprintln(w)
}

func (r *report) summary() string {
	return fmt.Sprintf("score %5.1f %%: %d tried, %d killed (%d by time-out), %d survived, %d equivalent",
		r.Score, r.Tried, r.Killed, r.Timeouts, r.Survived, r.Equivalent)
}
