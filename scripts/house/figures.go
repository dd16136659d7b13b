package main

import (
	"fmt"
	"go/ast"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxColumns  = 120
	maxFields   = 12
	maxFunction = 40
	maxFile     = 300
)

func (t *tree) figures() []figure {
	return []figure{
		t.methods("core", "Engine"),
		t.structs(),
		t.functions(),
		t.longFiles(),
		t.notJS("transport/wsrelay"),
		t.public(),
		t.words(),
		t.comments(),
		t.documents(),
		t.exported("core"),
		t.undocumented("core"),
	}
}

func (t *tree) methods(dir, receiver string) figure {
	f := figure{name: "methods", what: fmt.Sprintf("methods on %s.%s", dir, receiver)}
	t.eachFunc(func(file goFile, d *ast.FuncDecl) {
		if file.dir == dir && receiverOf(d) == receiver {
			f.at = append(f.at, t.place(d)+" "+d.Name.Name)
		}
	})
	return f.counted()
}

// counted sets the value to the number of places.
func (f figure) counted() figure {
	f.value = float64(len(f.at))
	return f
}

// options are the names of structs that may be large: settings, counters, reports.
var options = regexp.MustCompile(`(?i)config|options|flags|settings|stats|metrics|counters|report|trace`)

func (t *tree) structs() figure {
	f := figure{name: "structs", what: fmt.Sprintf("structs above %d fields, without options and statistics", maxFields)}
	for _, file := range t.files {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			s, ok := spec.Type.(*ast.StructType)
			if count := fields(s); ok && count > maxFields && !options.MatchString(spec.Name.Name) {
				f.at = append(f.at, fmt.Sprintf("%s %s: %d fields", t.place(spec), spec.Name.Name, count))
			}
			return true
		})
	}
	return f.counted()
}

func fields(s *ast.StructType) (count int) {
	if s == nil {
		return 0
	}
	for _, f := range s.Fields.List {
		count += max(1, len(f.Names))
	}
	return count
}

func (t *tree) functions() figure {
	f := figure{name: "functions", what: fmt.Sprintf("functions above %d lines", maxFunction)}
	t.eachFunc(func(_ goFile, d *ast.FuncDecl) {
		lines := t.fset.Position(d.End()).Line - t.fset.Position(d.Pos()).Line + 1
		if lines > maxFunction {
			f.at = append(f.at, fmt.Sprintf("%s %s: %d lines", t.place(d), d.Name.Name, lines))
		}
	})
	return f.counted()
}

func (t *tree) longFiles() figure {
	f := figure{name: "files", what: fmt.Sprintf("files above %d lines", maxFile)}
	for _, file := range t.files {
		if lines := len(file.lines) - 1; lines > maxFile {
			f.at = append(f.at, fmt.Sprintf("%s: %d lines", file.name, lines))
		}
	}
	return f.counted()
}

func (t *tree) notJS(dir string) figure {
	f := figure{name: "notjs", what: "files with //go:build !js in " + dir}
	for _, file := range t.files {
		if file.dir == dir && slices.Contains(file.lines, "//go:build !js") {
			f.at = append(f.at, file.name)
		}
	}
	return f.counted()
}

// manyPrefixes is how many literals of networks, such as 10.0.0.0/8, make a list.
const manyPrefixes = 3

// public finds the packages that ask whether an address is private, or have a list of
// networks that are not public.
func (t *tree) public() figure {
	f := figure{name: "public", what: "packages that decide whether an address is public"}
	prefixes := make(map[string]int)
	for _, file := range t.files {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if n.Sel.Name == "IsPrivate" || n.Sel.Name == "IsGlobalUnicast" {
					prefixes[file.dir] += manyPrefixes
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					for _, w := range strings.Fields(text) {
						if _, err := netip.ParsePrefix(w); err == nil {
							prefixes[file.dir]++
						}
					}
				}
			}
			return true
		})
	}
	for _, dir := range slices.Sorted(maps.Keys(prefixes)) {
		if prefixes[dir] >= manyPrefixes {
			f.at = append(f.at, dir)
		}
	}
	return f.counted()
}

func (t *tree) eachFunc(do func(goFile, *ast.FuncDecl)) {
	for _, file := range t.files {
		for _, d := range file.syntax.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				do(file, d)
			}
		}
	}
}

// receiverOf returns the name of a method's type, or "".
func receiverOf(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	e := d.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if generic, ok := e.(*ast.IndexExpr); ok {
		e = generic.X
	}
	id, ok := e.(*ast.Ident)
	if !ok {
		return ""
	}
	return id.Name
}

// perHundred rounds to two digits.
func perHundred(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(10000*part/whole) / 100
}

// joined is the text of a comment without its marks and directives, on one line.
func joined(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }
