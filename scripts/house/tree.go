package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// tree is the repository's Go files without tests, and its documents.
type tree struct {
	fset  *token.FileSet
	files []goFile
	docs  []document
}

type goFile struct {
	name   string // from the root, with slashes
	dir    string
	lines  []string
	syntax *ast.File
}

type document struct {
	name  string
	lines []string
}

// readTree reads the files below root. Directories of installed or built files are left
// out.
func readTree(root string) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if foreign(name) {
				return filepath.SkipDir
			}
			return nil
		}
		return t.read(path, name)
	})
	return t, err
}

func foreign(dir string) bool {
	base := dir[strings.LastIndex(dir, "/")+1:]
	switch base {
	case ".", ".github":
		return false
	case "node_modules", "artifacts", "bin", "testdata":
		return true
	}
	return strings.HasPrefix(base, ".")
}

func (t *tree) read(path, name string) error {
	isGo := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
	if !isGo && !strings.HasSuffix(name, ".md") {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	if !isGo {
		t.docs = append(t.docs, document{name, lines})
		return nil
	}
	syntax, err := parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	dir := filepath.ToSlash(filepath.Dir(name))
	t.files = append(t.files, goFile{name, dir, lines, syntax})
	return nil
}

// place is a position as editors read it.
func (t *tree) place(n ast.Node) string {
	p := t.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// columns is the width of a line, with a tab as 4.
func columns(line string) int { return utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    ")) }
