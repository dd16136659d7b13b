package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// statements are how many there are of each kind in docs/fidelity.md.
var statements = []struct {
	kind  string
	count int
}{{"K", 7}, {"B", 10}, {"P", 22}, {"T", 3}, {"E", 5}, {"Q", 7}, {"I", 7}}

// docs/fidelity.md has each statement of the paper once, in order, with its state
// and the tests that decide it. Those exist, and their comments name the statement.
func TestFidelity(t *testing.T) {
	text, err := os.ReadFile("../../docs/fidelity.md")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, s := range statements {
		for i := range s.count {
			want = append(want, fmt.Sprint(s.kind, i+1))
		}
	}
	comments := make(map[string]map[string]string)
	states := make(map[string]int)
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		id, state, _ := strings.Cut(heading, ": ")
		if !regexp.MustCompile(`^[A-Z]\d+$`).MatchString(id) {
			continue
		}
		got = append(got, id)
		states[state]++
		body, decided, _ := strings.Cut(body, "Decided by ")
		_, note, _ := strings.Cut(strings.TrimSpace(body), "\n\n")
		if state != "met" && note == "" {
			t.Errorf("%s is %s, without a reason", id, state)
		}
		checkTests(t, id, decided, comments)
	}
	summary := fmt.Sprintf("Of %d statements %d are met, %d are met differently, and %d is not.",
		len(got), states["met"], states["met differently"], states["not"])
	if !strings.Contains(strings.ReplaceAll(string(text), "\n", " "), summary) {
		t.Errorf("docs/fidelity.md does not say %q", summary)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the statements are %v, want %v", got, want)
	}
}

var decidedBy = regexp.MustCompile("`([a-z/_0-9]+\\.go): (Test\\w+)`")

// checkTests checks that the tests which text names exist, and that their comments
// name the statement id. comments has the comments of the files read so far.
func checkTests(t *testing.T, id, text string, comments map[string]map[string]string) {
	t.Helper()
	tests := decidedBy.FindAllStringSubmatch(text, -1)
	if len(tests) == 0 {
		t.Errorf("%s: no test decides it", id)
	}
	for _, test := range tests {
		file, name := test[1], test[2]
		if comments[file] == nil {
			comments[file] = testComments(t, "../../"+file)
		}
		comment, exists := comments[file][name]
		if !exists {
			t.Errorf("%s: there is no %s in %s", id, name, file)
		} else if !regexp.MustCompile(`\b` + id + `\b`).MatchString(comment) {
			t.Errorf("%s: the comment of %s in %s does not name it", id, name, file)
		}
	}
}

// testComments returns the comments of the functions in a file, by their names.
func testComments(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]string)
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			list[fn.Name.Name] = fn.Doc.Text()
		}
	}
	return list
}
