package main

import (
	"fmt"
	"go/parser"
	"strings"
)

// kinds are the breaks: the end of a range, the outcome of a condition, a number or
// a truth value, a statement.
var kinds = []string{"boundary", "condition", "constant", "removed"}

// mutant is a package with one small break in it. Package, Func, Before and After
// identify it, so that it is found again after lines have moved or a file has
// another name.
type mutant struct {
	Package string `json:"package"` // without the module's path: core
	Func    string `json:"func"`    // (*Engine).Receive, NewNode, var x, const y
	Kind    string `json:"kind"`    // of kinds
	Before  string `json:"before"`  // the lines around the break, joined, without comments
	After   string `json:"after"`   // the same lines with the break
	File    string `json:"file"`
	Line    int    `json:"line"`

	source      *source
	file        *file
	start, end  int // offsets of the replaced text
	replacement string
}

// id tells mutants apart.
func (m mutant) id() [4]string { return [4]string{m.Package, m.Func, m.Before, m.After} }

// String is the mutant as equivalents.txt has it, without the reason.
func (m mutant) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%s %s\n- %s\n+ %s", m.Package, m.Func, m.Before, m.After), " ")
}

// where leads to the code.
func (m mutant) where() string { return fmt.Sprintf("%s:%d, %s", m.File, m.Line, m.Kind) }

// text is the whole file with the break in it.
func (m mutant) text() []byte {
	var b []byte
	b = append(b, m.file.text[:m.start]...)
	b = append(b, m.replacement...)
	return append(b, m.file.text[m.end:]...)
}

// compiles reports whether the compiler takes the mutant: a break may leave a
// variable unused, or a function without a return.
func (m mutant) compiles() bool {
	syntax, err := parser.ParseFile(m.source.fset, m.file.name, m.text(), parser.SkipObjectResolution)
	return err == nil && m.source.check(nil, m.file, syntax) == nil
}

// lines returns the text of the lines from start to end, with the text between them
// replaced if replaced is set. Comments are gone and white space is single.
func (f *file) lines(start, end int, replaced bool, replacement string) string {
	from, to := start, end
	for from > 0 && f.plain[from-1] != '\n' {
		from--
	}
	for to < len(f.plain) && f.plain[to] != '\n' {
		to++
	}
	text := string(f.plain[from:to])
	if replaced {
		text = string(f.plain[from:start]) + replacement + string(f.plain[end:to])
	}
	return strings.Join(strings.Fields(text), " ")
}
