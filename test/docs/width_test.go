package docs

import (
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"
)

// maxColumns bounds a line of prose. Tables, code and link targets cannot be broken.
const maxColumns = 119

// wide are documents that still have longer lines.
var wide = []string{
	"docs/browser.md",
	"web/README.md", "web/kadmesh/README.md",
}

var linkTarget = regexp.MustCompile(`\]\([^)]*\)`)

func TestProseFitsTheScreen(t *testing.T) {
	for name, lines := range documents(t) {
		if slices.Contains(wide, name) {
			continue
		}
		for _, l := range lines {
			columns := utf8.RuneCountInString(linkTarget.ReplaceAllString(l.text, "]"))
			if l.kind == prose && columns > maxColumns {
				t.Errorf("%s:%d has %d columns, want %d at most", name, l.number, columns, maxColumns)
			}
		}
	}
}
