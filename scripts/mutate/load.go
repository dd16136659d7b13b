package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// source is a package under test, for the platform that this program runs on; so
// files of other platforms are left out.
type source struct {
	name  string // import path without the module's: core
	path  string // import path
	dir   string
	root  string // directory of the module
	files []*file

	fset     *token.FileSet
	info     *types.Info
	importer types.Importer
}

// file is one of its files, without tests.
type file struct {
	name   string // path
	text   []byte
	plain  []byte // text with each comment blanked out
	syntax *ast.File
}

// listed is the answer of go list for one package.
type listed struct {
	ImportPath, Dir, Export   string
	DepOnly                   bool
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
	Module                    *struct{ Path, Dir string }
}

// load reads and type-checks the packages that have tests.
func load(ctx context.Context, patterns []string) ([]*source, error) {
	list, err := goList(ctx, patterns)
	if err != nil {
		return nil, err
	}
	exports := make(map[string]string)
	for _, l := range list {
		exports[l.ImportPath] = l.Export
	}
	var packages []*source
	for _, l := range list {
		if l.DepOnly {
			continue
		}
		if len(l.TestGoFiles)+len(l.XTestGoFiles) == 0 {
			fmt.Fprintf(os.Stderr, "%s has no tests of its own: left out\n", l.ImportPath)
			continue
		}
		p, err := read(l, exports)
		if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	if len(packages) == 0 {
		return nil, errors.New("no package with tests")
	}
	return packages, nil
}

func goList(ctx context.Context, patterns []string) ([]listed, error) {
	fields := "-json=ImportPath,Dir,Export,DepOnly,GoFiles,TestGoFiles,XTestGoFiles,Module"
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-export", "-deps", fields, "--"}, patterns...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var list []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		list = append(list, l)
	}
}

func read(l listed, exports map[string]string) (*source, error) {
	p := &source{path: l.ImportPath, name: l.ImportPath, dir: l.Dir, root: l.Dir, fset: token.NewFileSet()}
	if l.Module != nil {
		p.name, p.root = strings.TrimPrefix(p.path, l.Module.Path+"/"), l.Module.Dir
	}
	p.importer = importer.ForCompiler(p.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, name := range l.GoFiles {
		f, err := p.parse(filepath.Join(l.Dir, name))
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
	}
	p.info = &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object)}
	if err := p.check(p.info, nil, nil); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *source) parse(name string) (*file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	syntax, err := parser.ParseFile(p.fset, name, text, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	f := &file{name: name, text: text, plain: bytes.Clone(text), syntax: syntax}
	for _, group := range syntax.Comments {
		for i := p.fset.Position(group.Pos()).Offset; i < p.fset.Position(group.End()).Offset; i++ {
			if f.plain[i] != '\n' {
				f.plain[i] = ' '
			}
		}
	}
	return f, nil
}

// check type-checks the package, with another syntax for one of its files if changed
// is not nil.
func (p *source) check(info *types.Info, changed *file, syntax *ast.File) error {
	var files []*ast.File
	for _, f := range p.files {
		if f == changed {
			files = append(files, syntax)
			continue
		}
		files = append(files, f.syntax)
	}
	conf := types.Config{Importer: p.importer}
	_, err := conf.Check(p.path, p.fset, files, info)
	return err
}
