// Package docs checks the documents of this repository.
package docs

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// imports are the packages that a block may use without importing them.
var imports = []string{
	"context", "errors", "fmt", "log", "log/slog", "net/http", "net/netip", "os", "time",
	"github.com/kadmesh/kadmesh/core",
	"github.com/kadmesh/kadmesh/transport/udp",
	"github.com/kadmesh/kadmesh/transport/wsrelay",
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay",
}

// Each block of Go in the documents compiles.
func TestGoBlocksCompile(t *testing.T) {
	files, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, root+"/README.md", root+"/web/kadmesh/README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks(string(text)) {
			found++
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), b.line), func(t *testing.T) {
				if out := compile(t, program(b.code)); out != "" {
					t.Errorf("the block does not compile; with its package clause and imports it is\n\n%s\nand the compiler says\n\n%s", program(b.code), out)
				}
			})
		}
	}
	if found == 0 {
		t.Error("no block found, want that of the README at least")
	}
}

// block is Go in a document, and the line on which it begins.
type block struct {
	line int
	code string
}

var fence = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func blocks(text string) []block {
	var list []block
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		list = append(list, block{strings.Count(text[:m[2]], "\n") + 1, text[m[2]:m[3]]})
	}
	return list
}

var packageClause = regexp.MustCompile(`(?m)^package \w+$`)

// program makes a whole file out of code: what has no package clause is the body
// of a function that has a ctx.
func program(code string) string {
	if packageClause.MatchString(code) {
		return code
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, path := range imports {
		name := path[strings.LastIndex(path, "/")+1:]
		if path == "context" || regexp.MustCompile(`\b`+name+`\.`).MatchString(code) {
			fmt.Fprintf(&b, "\t%q\n", path)
		}
	}
	fmt.Fprintf(&b, ")\n\nfunc main() { run(context.Background()) }\n\nfunc run(ctx context.Context) {\n%s}\n", code)
	return b.String()
}

// compile returns what the compiler says against source, as a program of this
// module.
func compile(t *testing.T, source string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "block", "main.go"): file}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{file: []byte(source), overlay: replace} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-overlay", overlay, "-o", os.DevNull, "./block").CombinedOutput()
	if err != nil && len(out) == 0 {
		return err.Error()
	}
	if err == nil {
		return ""
	}
	return string(out)
}

func TestProgram(t *testing.T) {
	for _, tt := range []struct {
		code     string
		compiles bool
	}{
		{"fmt.Println(netip.Addr{}, ctx)\n", true},
		{"package main\n\nfunc main() {}\n", true},
		{"nodes := 1\n", false},
	} {
		if out := compile(t, program(tt.code)); (out == "") != tt.compiles {
			t.Errorf("%q compiles: %v, want %v; %s", tt.code, out == "", tt.compiles, out)
		}
	}
}
