package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command matches a call of make in a shell line, with its targets and variables.
var command = regexp.MustCompile(`(?:^\s*|&& |; )make((?: [A-Za-z0-9_.=/-]+)+)`)

// Each target of make in the documents is one of the Makefile.
func TestMakeTargetsExist(t *testing.T) {
	targets := makeTargets(t)
	found := 0
	eachCode(t, func(name string, number int, text string) {
		text, _, _ = strings.Cut(text, "#")
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			for target := range strings.FieldsSeq(m[1]) {
				if strings.Contains(target, "=") {
					continue // a variable
				}
				found++
				if !targets[target] {
					t.Errorf("%s:%d says make %s, and the Makefile has no such target", name, number, target)
				}
			}
		}
	})
	if found < 20 {
		t.Errorf("%d targets of make found in the documents, want 20 at least", found)
	}
}

var rule = regexp.MustCompile(`(?m)^([^\s#:=][^:=\n]*):(?:[^=]|$)`)

// makeTargets returns the targets of the Makefile.
func makeTargets(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := make(map[string]bool)
	for _, m := range rule.FindAllStringSubmatch(string(text), -1) {
		for target := range strings.FieldsSeq(m[1]) {
			targets[target] = true
		}
	}
	return targets
}

// somePath matches a path of several parts, or the name of a source file.
var somePath = regexp.MustCompile(`(?:^|[\s(,])((?:[\w.*-]+/)+[\w.*-]*|[\w.*-]+\.(?:go|sh|py|mjs|md))`)

// Each path of this repository in the documents exists. A name without a folder is
// that of any file.
func TestPathsExist(t *testing.T) {
	repository := newTree(t)
	found := 0
	eachCode(t, func(name string, number int, text string) {
		for _, m := range somePath.FindAllStringSubmatch(text, -1) {
			p := strings.TrimPrefix(strings.TrimRight(m[1], "./"), "./")
			if !repository.claims(p) {
				continue
			}
			found++
			if !repository.has(p) && !repository.has(path.Join(path.Dir(name), p)) {
				t.Errorf("%s:%d names %s, which does not exist", name, number, p)
			}
		}
	})
	if found < 50 {
		t.Errorf("%d paths found in the documents, want 50 at least", found)
	}
}

// tree is the repository as documents name its parts.
type tree struct {
	paths   map[string]bool // files and folders
	names   map[string]bool // files without their folder
	ignored []string        // patterns of built files, as .gitignore has them
}

func newTree(t *testing.T) tree {
	t.Helper()
	tr := tree{paths: make(map[string]bool), names: make(map[string]bool)}
	for _, p := range files(t) {
		tr.names[path.Base(p)] = true
		for ; p != "."; p = path.Dir(p) {
			tr.paths[p] = true
		}
	}
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for pattern := range strings.FieldsSeq(string(text)) {
		tr.ignored = append(tr.ignored, strings.Trim(pattern, "/"))
	}
	return tr
}

// claims says whether p would be a part of this repository: its first folder is, or
// it is a file name.
func (tr tree) claims(p string) bool {
	first, _, nested := strings.Cut(p, "/")
	if nested {
		return tr.paths[first]
	}
	return path.Ext(p) != ""
}

// has says whether the pattern p matches a path, a file name or a built file.
func (tr tree) has(p string) bool {
	if tr.paths[p] || tr.names[p] || tr.built(p) {
		return true
	}
	if !strings.Contains(p, "*") {
		return false
	}
	return anyMatches(p, tr.paths) || anyMatches(p, tr.names)
}

func (tr tree) built(p string) bool {
	for _, pattern := range tr.ignored {
		if match, _ := path.Match(pattern, p); match || strings.Contains(p, "/"+pattern+"/") {
			return true
		}
	}
	return false
}

func anyMatches(pattern string, names map[string]bool) bool {
	for name := range names {
		if match, _ := path.Match(pattern, name); match {
			return true
		}
	}
	return false
}
