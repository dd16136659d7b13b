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
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 6 || !regexp.MustCompile(`^\s*[A-Z]\d+$`).MatchString(cells[0]) {
			continue
		}
		id, state, note := strings.TrimSpace(cells[0]), cells[3], strings.TrimSpace(cells[4])
		got = append(got, id)
		if !slices.Contains([]string{"met", "met differently", "not"}, state) || state != "met" && note == "" {
			t.Errorf("%s: its state is %q, because %q", id, state, note)
		}
		tests := regexp.MustCompile("`([a-z/_0-9]+\\.go): (Test\\w+)`").FindAllStringSubmatch(cells[5], -1)
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
	if !slices.Equal(got, want) {
		t.Errorf("the statements are %v, want %v", got, want)
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
