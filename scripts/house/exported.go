package main

import (
	"fmt"
	"go/ast"
	"slices"
)

// name is a name that a package exports: Node, Node.Get, Config.K.
type name struct {
	text, at   string
	documented bool
	abstract   bool // a method of an interface
}

// exported leaves out the methods of interfaces: a user implements them.
func (t *tree) exported(dir string) figure {
	f := figure{name: "exported", what: "exported names of " + dir + ", with methods and fields"}
	for _, n := range t.names(dir) {
		if !n.abstract {
			f.at = append(f.at, n.text)
		}
	}
	return f.counted()
}

func (t *tree) undocumented(dir string) figure {
	f := figure{name: "undocumented", what: "exported names of " + dir + " without a comment"}
	for _, n := range t.names(dir) {
		if !n.documented {
			f.at = append(f.at, fmt.Sprintf("%s %s", n.at, n.text))
		}
	}
	return f.counted()
}

// names are the exported names of a package, each once.
func (t *tree) names(dir string) []name {
	var all []name
	add := func(list ...name) {
		for _, n := range list {
			if !slices.ContainsFunc(all, func(have name) bool { return have.text == n.text }) {
				all = append(all, n)
			}
		}
	}
	for _, file := range t.files {
		if file.dir != dir {
			continue
		}
		for _, d := range file.syntax.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				of := receiverOf(d)
				if d.Name.IsExported() && (of == "" || ast.IsExported(of)) {
					add(name{text: join(of, d.Name.Name), at: t.place(d), documented: d.Doc != nil})
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					add(t.inSpec(s, d.Doc != nil)...)
				}
			}
		}
	}
	return all
}

// inSpec returns the names of a type with its members, of constants or of variables.
// A comment on a group counts for each of them.
func (t *tree) inSpec(s ast.Spec, grouped bool) (list []name) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			if id.IsExported() {
				list = append(list, name{text: id.Name, at: t.place(id), documented: grouped || s.Doc != nil || s.Comment != nil})
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		list = append(list, name{text: s.Name.Name, at: t.place(s), documented: grouped || s.Doc != nil || s.Comment != nil})
		switch x := s.Type.(type) {
		case *ast.StructType:
			list = append(list, t.members(s.Name.Name, x.Fields, false)...)
		case *ast.InterfaceType:
			list = append(list, t.members(s.Name.Name, x.Methods, true)...)
		}
	}
	return list
}

func (t *tree) members(of string, fields *ast.FieldList, abstract bool) (list []name) {
	for _, m := range fields.List {
		for _, id := range m.Names {
			if id.IsExported() {
				list = append(list, name{join(of, id.Name), t.place(id), m.Doc != nil || m.Comment != nil, abstract})
			}
		}
	}
	return list
}

func join(of, name string) string {
	if of == "" {
		return name
	}
	return of + "." + name
}
