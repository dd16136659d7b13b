package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources returns the text of all Go files of a folder, without its tests.
func sources(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s (%v)", dir, err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

var describe = regexp.MustCompile(`\.Desc\("(\w+)"`)

// Each metric of a program stands in the document about its metrics.
func TestMetricsAreDocumented(t *testing.T) {
	for dir, document := range map[string]string{"cmd/native": "docs/metrics.md", "cmd/relay": "docs/relay.md"} {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Fatal(err)
		}
		metrics := describe.FindAllStringSubmatch(sources(t, dir), -1)
		if len(metrics) < 10 {
			t.Errorf("%d metrics found in %s, want 10 at least", len(metrics), dir)
		}
		for _, m := range metrics {
			if !regexp.MustCompile("`" + m[1] + "[`{]").Match(text) {
				t.Errorf("%s does not have the metric %s of %s", document, m[1], dir)
			}
		}
	}
}

var (
	programLine = regexp.MustCompile(`(?:^|[\s/])(kadmesh|kadmesh-relay|kadmesh-sim) `)
	flagName    = regexp.MustCompile(`(?:^|[\s\[])--([a-z][a-z0-9-]+)`)
)

// Each flag in a command line of the documents is one of the program's.
func TestFlagsExist(t *testing.T) {
	shared := sources(t, "internal/cli")
	programs := map[string]string{
		"kadmesh":       sources(t, "cmd/native") + shared,
		"kadmesh-relay": sources(t, "cmd/relay") + shared,
		"kadmesh-sim":   sources(t, "cmd/sim") + shared,
	}
	found := 0
	eachCode(t, func(name string, number int, text string) {
		text, _, _ = strings.Cut(text, " #")
		program := programLine.FindStringSubmatch(text)
		if program == nil {
			return
		}
		for _, m := range flagName.FindAllStringSubmatch(text, -1) {
			found++
			if !strings.Contains(programs[program[1]], `"`+m[1]+`"`) {
				t.Errorf("%s:%d gives %s the flag --%s, which it does not have", name, number, program[1], m[1])
			}
		}
	})
	if found < 20 {
		t.Errorf("%d flags found in the documents, want 20 at least", found)
	}
}
