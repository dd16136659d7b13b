package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"strconv"
	"strings"
)

// finder collects the mutants of one declaration.
type finder struct {
	source *source
	file   *file
	name   string // of the function, variable or constant
	found  []mutant
}

// mutants returns all mutants of a package, in the order of its files. Some of them
// the compiler may refuse.
func (p *source) mutants() []mutant {
	var all []mutant
	for _, f := range p.files {
		for _, decl := range f.syntax.Decls {
			all = append(all, p.inDecl(f, decl)...)
		}
	}
	return unlike(all)
}

// unlike leaves out a mutant whose identity an earlier one has: the same break twice
// on one line, or on two equal lines of a function.
func unlike(all []mutant) []mutant {
	var kept []mutant
	seen := make(map[[4]string]bool)
	for _, m := range all {
		if !seen[m.id()] {
			seen[m.id()] = true
			kept = append(kept, m)
		}
	}
	return kept
}

func (p *source) inDecl(f *file, decl ast.Decl) []mutant {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Body == nil {
			return nil
		}
		name := d.Name.Name
		if d.Recv != nil && len(d.Recv.List) > 0 {
			name = "(" + types.ExprString(d.Recv.List[0].Type) + ")." + name
		}
		return p.inNode(f, name, d.Body)
	case *ast.GenDecl:
		var all []mutant
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				all = append(all, p.inNode(f, d.Tok.String()+" "+v.Names[0].Name, v)...)
			}
		}
		return all
	}
	return nil
}

func (p *source) inNode(f *file, name string, n ast.Node) []mutant {
	d := &finder{source: p, file: f, name: name}
	ast.Inspect(n, d.visit)
	return d.found
}

// add notes that the source from one position to another can be replaced.
func (d *finder) add(kind string, from, to token.Pos, replacement string) {
	p := d.source
	start, end := p.fset.Position(from).Offset, p.fset.Position(to).Offset
	name, err := filepath.Rel(p.root, d.file.name)
	if err != nil {
		name = d.file.name
	}
	d.found = append(d.found, mutant{
		Package: p.name, Func: d.name, Kind: kind, File: filepath.ToSlash(name), Line: p.fset.Position(from).Line,
		Before: d.file.lines(start, end, false, ""), After: d.file.lines(start, end, true, replacement),
		source: p, file: d.file, start: start, end: end, replacement: replacement,
	})
}

// visit is called for each node, outer ones first; false leaves out the inner ones.
func (d *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ArrayType:
		return false // the length is a type
	case *ast.CallExpr:
		if d.logs(n) {
			return false
		}
		if d.builtin(n) == "make" {
			d.lengths(n)
			return false
		}
	case *ast.BasicLit:
		d.number(n)
	case *ast.Ident:
		d.truth(n)
	case *ast.BinaryExpr:
		d.boundary(n)
		d.operands(n)
	case *ast.IfStmt:
		d.always(n.Cond, true, false)
	case *ast.ForStmt:
		d.always(n.Cond, false)
	case *ast.SwitchStmt:
		d.cases(n)
	case *ast.ReturnStmt:
		d.values(n.Results)
	case *ast.AssignStmt:
		d.values(n.Rhs)
		d.assignment(n)
	case *ast.ExprStmt:
		d.statement(n)
	case *ast.IncDecStmt, *ast.DeferStmt, *ast.SendStmt, *ast.BranchStmt:
		d.add("removed", n.Pos(), n.End(), "")
	}
	return true
}

// lengths looks for numbers in the arguments of make that have a meaning: the length
// of a slice, the buffer of a channel. Capacities and the size of a map have none.
func (d *finder) lengths(call *ast.CallExpr) {
	if _, isMap := d.typeOf(call).Underlying().(*types.Map); isMap || len(call.Args) < 2 {
		return
	}
	ast.Inspect(call.Args[1], d.visit)
}

// boundary moves the end of a range by one. Floating-point numbers are hardly ever
// equal, so their boundary is left alone.
func (d *finder) boundary(n *ast.BinaryExpr) {
	other, ok := map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}[n.Op]
	basic, isBasic := d.typeOf(n.X).Underlying().(*types.Basic)
	if ok && !(isBasic && basic.Info()&types.IsFloat != 0) {
		d.add("boundary", n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), other)
	}
}

// operands takes one side of && or || out of the decision.
func (d *finder) operands(n *ast.BinaryExpr) {
	if n.Op == token.LAND || n.Op == token.LOR {
		d.always(n.X, n.Op == token.LAND)
		d.always(n.Y, n.Op == token.LAND)
	}
}

// always gives a condition one outcome. The condition itself stays in the code, so
// that its variables stay used.
func (d *finder) always(cond ast.Expr, outcomes ...bool) {
	if cond == nil || d.source.info.Types[cond].Value != nil {
		return
	}
	for _, outcome := range outcomes {
		before := "(false && ("
		if outcome {
			before = "(true || ("
		}
		d.add("condition", cond.Pos(), cond.End(), before+d.text(cond)+"))")
	}
}

func (d *finder) cases(n *ast.SwitchStmt) {
	if n.Tag != nil {
		return
	}
	for _, s := range n.Body.List {
		for _, cond := range s.(*ast.CaseClause).List {
			d.always(cond, true, false)
		}
	}
}

// values looks for conditions among results and assigned values.
func (d *finder) values(list []ast.Expr) {
	for _, e := range list {
		switch x := e.(type) {
		case *ast.BinaryExpr:
			if basic, ok := d.typeOf(x).Underlying().(*types.Basic); ok && basic.Info()&types.IsBoolean != 0 {
				d.always(x, true, false)
			}
		case *ast.UnaryExpr:
			if x.Op == token.NOT {
				d.always(x, true, false)
			}
		}
	}
}

// number makes a constant about twice as large, and about half as large.
func (d *finder) number(n *ast.BasicLit) {
	v := d.source.info.Types[n].Value
	switch {
	case v == nil:
	case n.Kind == token.INT:
		i, exact := constant.Int64Val(constant.ToInt(v))
		if !exact || i > 1<<32 {
			return
		}
		larger, smaller := 2*i, i/2
		if i < 3 {
			larger, smaller = i+1, i-1
		}
		d.add("constant", n.Pos(), n.End(), strconv.FormatInt(larger, 10))
		if i > 0 {
			d.add("constant", n.Pos(), n.End(), strconv.FormatInt(smaller, 10))
		}
	case n.Kind == token.FLOAT:
		f, _ := constant.Float64Val(v)
		d.add("constant", n.Pos(), n.End(), strconv.FormatFloat(2*f, 'g', -1, 64))
		d.add("constant", n.Pos(), n.End(), strconv.FormatFloat(f/2, 'g', -1, 64))
	}
}

// truth turns true into false and back.
func (d *finder) truth(n *ast.Ident) {
	switch d.source.info.Uses[n] {
	case types.Universe.Lookup("true"):
		d.add("constant", n.Pos(), n.End(), "false")
	case types.Universe.Lookup("false"):
		d.add("constant", n.Pos(), n.End(), "true")
	}
}

// statement removes a call.
func (d *finder) statement(n *ast.ExprStmt) {
	if call, ok := n.X.(*ast.CallExpr); ok && !d.logs(call) {
		d.add("removed", n.Pos(), n.End(), "")
	}
}

// assignment removes one, but computes its value still, so that variables stay used.
func (d *finder) assignment(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	blank, all := make([]string, len(n.Lhs)), true
	for i, left := range n.Lhs {
		blank[i] = "_"
		id, ok := left.(*ast.Ident)
		all = all && ok && id.Name == "_"
	}
	if all {
		return
	}
	replacement := strings.Join(blank, ", ") + " = " + d.file.slice(d.source, n.Rhs[0].Pos(), n.End())
	if len(n.Rhs) == 1 && d.source.info.Types[n.Rhs[0]].IsNil() {
		replacement = ""
	}
	d.add("removed", n.Pos(), n.End(), replacement)
}

// logs reports whether a call writes a log: a message to an operator is no promise.
func (d *finder) logs(call *ast.CallExpr) bool {
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	switch fun.Sel.Name {
	case "Debug", "Info", "Warn", "Error", "Log":
		name := strings.ToLower(types.ExprString(fun.X))
		return strings.HasSuffix(name, "log") || strings.HasSuffix(name, "logger")
	}
	return false
}

// builtin returns the name of the predeclared function that is called, or "".
func (d *finder) builtin(call *ast.CallExpr) string {
	if id, ok := call.Fun.(*ast.Ident); ok {
		if b, ok := d.source.info.Uses[id].(*types.Builtin); ok {
			return b.Name()
		}
	}
	return ""
}

func (d *finder) typeOf(e ast.Expr) types.Type { return d.source.info.TypeOf(e) }

func (d *finder) text(n ast.Node) string { return d.file.slice(d.source, n.Pos(), n.End()) }

// slice is the source from one position to another, without comments.
func (f *file) slice(p *source, from, to token.Pos) string {
	return string(f.plain[p.fset.Position(from).Offset:p.fset.Position(to).Offset])
}
