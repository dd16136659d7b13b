package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// The texts in the headings of docs/relay.md's troubleshooting are texts of the relay, or of
// the system. People search for them.
func TestRelaySaysWhatIsQuoted(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/relay.md")
	if err != nil {
		t.Fatal(err)
	}
	said := syscall.EMFILE.Error() + "\n" + syscall.EADDRINUSE.Error() + "\n"
	for _, dir := range []string{"cmd/relay", "transport/wsrelay", "transport/wsrelay/message", "transport/wsrelay/relay"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				said += string(source)
			}
		}
	}
	_, section, _ := strings.Cut(string(text), "\n## Troubleshooting\n")
	found := 0
	for line := range strings.Lines(section) {
		symptom, isHeading := strings.CutPrefix(line, "### ")
		if !isHeading {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(symptom, -1) {
			if !strings.Contains(m[1], " ") {
				continue // a path, or a header
			}
			found++
			for _, part := range strings.Split(m[1], "…") {
				if part = strings.TrimSpace(part); !strings.Contains(said, part) {
					t.Errorf("docs/relay.md quotes %q, and nothing of the relay says %q", m[1], part)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("%d texts found, want 8 at least", found)
	}
}
