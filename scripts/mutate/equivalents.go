package main

import (
	"fmt"
	"os"
	"strings"
)

// equivalents are mutants that change nothing a user or a peer can notice, each with
// the reason.
type equivalents map[[4]string]string

// readEquivalents reads a file of entries of four lines; lines that are empty or
// start with # are comments.
//
//	core (*table).closest
//	- if n > len(all) {
//	+ if n >= len(all) {
//	= a slice cut at its length is itself
func readEquivalents(name string) (equivalents, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	known := make(equivalents)
	var entry []string
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest, ok := line, true
		if want := []string{"", "-", "+", "="}[len(entry)]; want != "" {
			rest, ok = strings.CutPrefix(line, want)
		}
		if !ok {
			return nil, fmt.Errorf("%s:%d: an entry is a package and a function, then lines with -, + and =", name, i+1)
		}
		if entry = append(entry, strings.TrimSpace(rest)); len(entry) < 4 {
			continue
		}
		pkg, function, _ := strings.Cut(entry[0], " ")
		if function == "" || entry[3] == "" {
			return nil, fmt.Errorf("%s:%d: an entry needs a function and a reason", name, i+1)
		}
		known[[4]string{pkg, function, entry[1], entry[2]}] = entry[3]
		entry = nil
	}
	if len(entry) > 0 {
		return nil, fmt.Errorf("%s: the last entry is not whole", name)
	}
	return known, nil
}

// stale returns the entries for which the packages have no mutant: the code, or the
// function's name, is another one now.
func (known equivalents) stale(packages []*source, all []mutant) []string {
	loaded, exists := make(map[string]bool), make(map[[4]string]bool)
	for _, p := range packages {
		loaded[p.name] = true
	}
	for _, m := range all {
		exists[m.id()] = true
	}
	var gone []string
	for id := range known {
		if loaded[id[0]] && !exists[id] {
			gone = append(gone, mutant{Package: id[0], Func: id[1], Before: id[2], After: id[3]}.String())
		}
	}
	return gone
}
