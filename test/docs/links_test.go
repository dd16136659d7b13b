package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Each relative link leads to a file, and each fragment to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	all := documents(t)
	for name, lines := range all {
		for _, l := range lines {
			if l.kind == code {
				continue
			}
			for _, m := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(l.text, ""), -1) {
				if strings.Contains(m[1], ":") {
					continue // an absolute URL
				}
				target, fragment, _ := strings.Cut(m[1], "#")
				file := name
				if target != "" {
					file = path.Join(path.Dir(name), target)
				}
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s:%d links to %s: %v", name, l.number, m[1], err)
				} else if fragment != "" && !slices.Contains(anchors(all[file]), fragment) {
					t.Errorf("%s:%d links to %s, and %s has no such heading", name, l.number, m[1], file)
				}
			}
		}
	}
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchors returns the fragments under which a forge shows the headings of a document.
func anchors(lines []line) []string {
	var list []string
	for _, l := range lines {
		if title := strings.TrimLeft(l.text, "#"); l.kind == prose && title != l.text {
			title = notInAnchors.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			list = append(list, strings.ReplaceAll(title, " ", "-"))
		}
	}
	return list
}
