package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the root of the repository, seen from this package.
const root = "../.."

// lineKind is the part that a line plays in a Markdown document.
type lineKind int

const (
	prose lineKind = iota
	table
	code
)

// line is one line of a Markdown document.
type line struct {
	kind   lineKind
	number int // from 1
	text   string
}

// parse splits a document into lines. Code is fenced, or indented by four columns
// after an empty line.
func parse(text string) []line {
	var list []line
	fenced, previous := false, line{}
	for i, s := range strings.Split(text, "\n") {
		l := line{number: i + 1, text: s}
		mark := strings.HasPrefix(strings.TrimSpace(s), "```")
		indented := strings.HasPrefix(s, "    ") && (previous.kind == code || strings.TrimSpace(previous.text) == "")
		switch {
		case mark, fenced, indented, s == "" && previous.kind == code:
			l.kind = code
		case strings.HasPrefix(strings.TrimSpace(s), "|"):
			l.kind = table
		}
		fenced = fenced != mark
		list, previous = append(list, l), l
	}
	return list
}

// documents returns the Markdown files of the repository by their path below its
// root, without those of installed packages.
func documents(t *testing.T) map[string][]line {
	t.Helper()
	list := make(map[string][]line)
	for _, path := range files(t) {
		if filepath.Ext(path) != ".md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		list[path] = parse(string(text))
	}
	if len(list) < 10 {
		t.Fatalf("%d documents found below %s, want 10 at least", len(list), root)
	}
	return list
}

// files returns all files of the repository by their path below its root, without
// built and installed ones.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", ".tools", ".venv", "artifacts", "bin", "node_modules"}, entry.Name()) {
			return skip(entry)
		}
		if !entry.IsDir() {
			list = append(list, strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// skip leaves out a folder with all that is in it, or one file: .git is a file in
// a linked work tree.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// codeOf returns the text of a line that stands in code: a whole line of a code
// block, or the spans between backticks.
func codeOf(l line) []string {
	if l.kind == code {
		return []string{l.text}
	}
	var list []string
	for _, m := range codeSpan.FindAllStringSubmatch(l.text, -1) {
		list = append(list, m[1])
	}
	return list
}

// eachCode calls yield for each piece of code in the documents, with the document's
// path and the number of the line.
func eachCode(t *testing.T, yield func(name string, number int, text string)) {
	t.Helper()
	for name, lines := range documents(t) {
		for _, l := range lines {
			for _, text := range codeOf(l) {
				yield(name, l.number, text)
			}
		}
	}
}

func TestParse(t *testing.T) {
	const text = "# Title\n\nprose\n    still prose\n\n    code\n\n    code\n\n| a | b |\n```\nfenced\n\n```\nprose"
	want := []lineKind{prose, prose, prose, prose, prose, code, code, code, code, table, code, code, code, code, prose}
	var got []lineKind
	for _, l := range parse(text) {
		got = append(got, l.kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("parse(%q) = %v, want %v", text, got, want)
	}
}
