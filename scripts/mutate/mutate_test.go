package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const code = `package small

import "slices"

const limit = 8

// Add appends v to list, up to limit.
func Add(list []int, v int) []int {
	if len(list) < limit && !slices.Contains(list, v) { // full, or there
		list = append(list, v)
	}
	return list
}

type counter struct{ n int }

func (c *counter) next() int {
	c.n++
	return c.n
}

func unused(debug bool) (v int) {
	if debug {
		v = cap(make([]int, 0, 64))
	}
	return v
}
`

const tests = `package small

import "testing"

func TestAdd(t *testing.T) {
	list := Add(Add(Add(nil, 1), 1), 2)
	if len(list) != 2 {
		t.Errorf("Add = %v, want two", list)
	}
	for i := range 100 {
		list = Add(list, i)
	}
	if len(list) != 8 {
		t.Errorf("%d in the list, want 8", len(list))
	}
}

func TestNext(t *testing.T) {
	if n := new(counter).next(); n != 1 {
		t.Errorf("next = %d, want 1", n)
	}
}
`

// small makes a module of one package and goes there.
func small(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.25\n"
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func mutantsOf(t *testing.T, pattern string) []mutant {
	t.Helper()
	packages, err := load(t.Context(), []string{pattern})
	if err != nil {
		t.Fatal(err)
	}
	var all []mutant
	for _, p := range packages {
		all = append(all, p.mutants()...)
	}
	return all
}

func TestMutants(t *testing.T) {
	small(t, map[string]string{
		"small/small.go":      code,
		"small/small_test.go": tests,
		"small/only_js.go":    "package small\n\nconst port = 80\n",
	})
	condition := "if len(list) < limit && !slices.Contains(list, v) {"
	want := []string{
		"const limit | constant | const limit = 8 | const limit = 16",
		"const limit | constant | const limit = 8 | const limit = 4",
		"Add | condition | " + condition + " | if (true || (len(list) < limit && !slices.Contains(list, v))) {",
		"Add | condition | " + condition + " | if (false && (len(list) < limit && !slices.Contains(list, v))) {",
		"Add | condition | " + condition + " | if (true || (len(list) < limit)) && !slices.Contains(list, v) {",
		"Add | condition | " + condition + " | if len(list) < limit && (true || (!slices.Contains(list, v))) {",
		"Add | boundary | " + condition + " | if len(list) <= limit && !slices.Contains(list, v) {",
		"Add | removed | list = append(list, v) | _ = append(list, v)",
		"(*counter).next | removed | c.n++ | ",
		"unused | condition | if debug { | if (true || (debug)) {",
		"unused | condition | if debug { | if (false && (debug)) {",
		"unused | removed | v = cap(make([]int, 0, 64)) | _ = cap(make([]int, 0, 64))",
		"unused | constant | v = cap(make([]int, 0, 64)) | v = cap(make([]int, 1, 64))",
	}
	slices.Sort(want)
	var got []string
	for _, m := range mutantsOf(t, "./small") {
		got = append(got, strings.Join([]string{m.Func, m.Kind, m.Before, m.After}, " | "))
		if m.Package != "small" || m.File != "small/small.go" || !m.compiles() {
			t.Errorf("package %s, file %s, compiles: %v", m.Package, m.File, m.compiles())
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("mutants:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A mutant that leaves a variable unused is never drawn, and the same seed draws the
// same mutants after lines have moved, from a file with another name.
func TestSample(t *testing.T) {
	unusable := "\nfunc f(v int) { g := v; use(g) }\n\nfunc use(int) {}\n"
	small(t, map[string]string{"a/a.go": code + unusable, "a/a_test.go": tests, "b/b.go": "// Package small\n// moved.\n" + code + unusable, "b/a_test.go": tests})
	ids := func(pattern string, o options) (list []string) {
		for _, m := range sample(mutantsOf(t, pattern), o) {
			list = append(list, strings.Join([]string{m.Func, m.Kind, m.Before, m.After}, " | "))
		}
		return list
	}
	one, two := ids("./a", options{n: 6, seed: 5}), ids("./b", options{n: 6, seed: 5})
	if len(one) != 6 || !slices.Equal(one, two) {
		t.Errorf("samples of one seed: %q and %q", one, two)
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(one, func(id string) bool { return strings.Contains(id, kind) }) {
			t.Errorf("no mutant of kind %s in a sample of 6: %q", kind, one)
		}
	}
	if all := ids("./a", options{}); len(all) != 13 || slices.ContainsFunc(all, func(id string) bool { return strings.HasPrefix(id, "f |") }) {
		t.Errorf("drew %d of 13 mutants that compile: %q", len(all), all)
	}
	if only := ids("./a", options{only: regexp.MustCompile(`^a Add$`)}); len(only) != 6 {
		t.Errorf("drew %d of the 6 mutants of one function", len(only))
	}
}

func TestTryAll(t *testing.T) {
	small(t, map[string]string{"small/small.go": code, "small/small_test.go": tests})
	all := sample(mutantsOf(t, "./small"), options{})
	known := equivalents{all[len(all)-1].id(): "nobody calls it"}
	results, err := tryAll(t.Context(), all, known, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		want, by := killed, "TestAdd"
		switch {
		case i == len(all)-1:
			want, by = equivalent, "nobody calls it"
		case r.Func == "unused":
			want, by = survived, ""
		case r.Func == "(*counter).next":
			by = "TestNext"
		}
		if r.Outcome != want || r.By != by {
			t.Errorf("%s: %s by %q, want %s by %q", r, r.Outcome, r.By, want, by)
		}
	}
	r := report{Results: results}
	if r.count(); r.Tried != 13 || r.Killed != 9 || r.Survived != 3 || r.Equivalent != 1 || r.Score != 75 {
		t.Errorf("report %+v", r)
	}
	if now, err := os.ReadFile("small/small.go"); string(now) != code || err != nil {
		t.Errorf("the code has changed: %v", err)
	}
}

// Mutants of code that somebody edits meanwhile would be mixtures of old and new.
func TestCodeChanges(t *testing.T) {
	small(t, map[string]string{"small/small.go": code, "small/small_test.go": tests})
	all := mutantsOf(t, "./small")
	if err := os.WriteFile("small/small.go", []byte(code+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	results, err := tryAll(t.Context(), all[:1], nil, 1)
	if err != nil || results[0].Outcome != unbuilt || !strings.Contains(results[0].By, "small.go has changed") {
		t.Errorf("%+v, %v, want that the file has changed", results, err)
	}
}

func TestTestsFail(t *testing.T) {
	small(t, map[string]string{"small/small.go": strings.Replace(code, "limit = 8", "limit = 9", 1), "small/small_test.go": tests})
	_, err := tryAll(t.Context(), mutantsOf(t, "./small"), nil, 1)
	if err == nil || !strings.Contains(err.Error(), "without a mutant") {
		t.Errorf("error = %v, want one that says that the tests fail", err)
	}
}

func TestVerdict(t *testing.T) {
	failure := new(exec.ExitError)
	tests := []struct {
		name, out string
		err       error
		want      outcome
		by        string
	}{
		{"pass", "PASS\n", nil, survived, ""},
		{"fail", "--- FAIL: TestA (0.00s)\n    a_test.go:9: got 1\nFAIL\n", failure, killed, "TestA"},
		{"subtest", "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n", failure, killed, "TestA"},
		{"panic", "panic: deadlock: all goroutines in bubble are blocked\n", failure, killed, "panic: deadlock: all goroutines in bubble are blocked"},
		{"time-out", "panic: test timed out after 9s\n\trunning tests:\n", failure, timedOut, "panic: test timed out after 9s"},
		{"never ends", "", context.DeadlineExceeded, timedOut, "does not end"},
		{"says nothing", "", errors.New("signal: killed"), killed, "signal: killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, by := verdict([]byte(tt.out), tt.err); got != tt.want || by != tt.by {
				t.Errorf("verdict = %s by %q, want %s by %q", got, by, tt.want, tt.by)
			}
		})
	}
}

func TestReport(t *testing.T) {
	m := mutant{Package: "core", Func: "f", Kind: "boundary", Before: "a < b", After: "a <= b", File: "core/f.go", Line: 3}
	r := report{Seed: 4, Mutants: 90}
	for _, o := range []outcome{killed, killed, timedOut, survived, equivalent, unbuilt} {
		r.Results = append(r.Results, result{mutant: m, Outcome: o})
	}
	r.count()
	var text strings.Builder
	if err := r.print(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# survived: core/f.go:3, boundary\ncore f\n- a < b\n+ a <= b\n",
		"score  75.0 %: 5 tried, 3 killed (1 by time-out), 1 survived, 1 equivalent; 20 % equivalent; seed 4, 90 mutants",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("report:\n%s\nwithout:\n%s", &text, want)
		}
	}
	if err := r.print(io.Discard, true); err != nil {
		t.Error(err)
	}
}

func TestEquivalents(t *testing.T) {
	known, err := readEquivalents("equivalents.txt")
	if err != nil {
		t.Fatal(err)
	}
	for id, reason := range known {
		if len(reason) > 120 {
			t.Errorf("%q: a reason of %d characters, want one line", id, len(reason))
		}
	}
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "equivalents.txt")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	known, err = readEquivalents(write("# comment\n\ncore (*T).f\n- x++\n+\n= nobody reads x\n"))
	id := mutant{Package: "core", Func: "(*T).f", Before: "x++"}.id()
	if err != nil || known[id] != "nobody reads x" {
		t.Errorf("read %v, %v", known, err)
	}
	if gone := known.stale([]*source{{name: "core"}}, nil); len(gone) != 1 || gone[0] != "core (*T).f\n- x++\n+" {
		t.Errorf("stale entries: %q, want the one whose function is gone", gone)
	}
	for _, bad := range []string{"core f\nx\n", "core\n- a\n+ b\n= c\n", "core f\n- a\n+ b\n=\n", "core f\n- a\n"} {
		if _, err := readEquivalents(write(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}
