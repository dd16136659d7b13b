package main

import (
	"encoding/json"
	"fmt"
	"io"
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
				fmt.Fprintf(w, "%s %s%s\n\n", o, x.where(), x)
			}
		}
	}
	byPackage := make(map[string]*report)
	var names []string
	for _, x := range r.Results {
		if byPackage[x.Package] == nil {
			byPackage[x.Package] = &report{}
			names = append(names, x.Package)
		}
		p := byPackage[x.Package]
		p.Results = append(p.Results, x)
	}
	for _, name := range names {
		p := byPackage[name]
		p.count()
		fmt.Fprintf(w, "%-24s %s\n", name, p.summary())
	}
	_, err := fmt.Fprintf(w, "%-24s %s; %.0f %% equivalent; seed %d, %d mutants in all\n", "together", r.summary(),
		100-percent(r.Tried-r.Equivalent, r.Tried), r.Seed, r.Mutants)
	return err
}

func (r *report) summary() string {
	return fmt.Sprintf("score %5.1f %%: %d tried, %d killed (%d by time-out), %d survived, %d equivalent",
		r.Score, r.Tried, r.Killed, r.Timeouts, r.Survived, r.Equivalent)
}
