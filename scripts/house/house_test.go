package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var long = strings.Repeat("x", 121)

// sources is a small repository, with one place for each figure.
func sources() map[string]string {
	return map[string]string{
		"core/engine.go": `//go:build !js

// Package core does what it says to those who ask.
package core

// Engine is an engine. ` + long + `
type Engine struct {
	A, B int // fields
	C    int
	d    int
}

// Run runs.
func (e *Engine) Run() {}

func (e Engine) stop() {}

// Conn carries.
type Conn interface {
	Read()
}

// The constants.
const (
	One = 1
	two = 2
)

func (c conn) Hidden() {}

type conn struct{ a, b, c, d, e, f, g, h, i, j, k, l, m int }

type connConfig struct{ a, b, c, d, e, f, g, h, i, j, k, l, m int }
`,
		"core/engine_js.go":       "package core\n\n// Run runs.\nfunc (e *Engine) Run() {}\n",
		"core/engine_test.go":     "package core\n\n// who whom " + long + "\n",
		"a/addr.go":               "package a\n\nvar deny = []string{\"10.0.0.0/8\", \"127.0.0.0/8\", \"fe80::/10\"}\n",
		"b/addr.go":               "package b\n\nfunc f() bool { return addr.IsPrivate() }\n",
		"c/addr.go":               "package c\n\nvar all = \"0.0.0.0/0\"\n",
		"transport/wsrelay/x.go":  "//go:build !js\n\npackage wsrelay\n",
		"node_modules/m/m.go":     "not Go at all",
		".hidden/h.md":            long,
		"README.md":               long + "\n| " + long + " |\n\n    " + long + "\n\n```\n" + long + "\n```\n",
		"docs/link.md":            "[a](" + long + ") and https://" + long + "\n- list\n    " + long + "\n",
		".github/CONTRIBUTING.md": long + "\n",
	}
}

func write(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFigures(t *testing.T) {
	tree, err := readTree(write(t, sources()))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"methods":      {"core/engine.go:14 Run", "core/engine.go:16 stop", "core/engine_js.go:4 Run"},
		"structs":      {"core/engine.go:31 conn: 13 fields"},
		"functions":    nil,
		"files":        nil,
		"notjs":        {"transport/wsrelay/x.go"},
		"public":       {"a", "b"},
		"columns":      {"core/engine.go:6: 145 columns"},
		"documents":    {".github/CONTRIBUTING.md:1: 121 columns", "README.md:1: 121 columns", "docs/link.md:3: 125 columns"},
		"exported":     {"Engine", "Engine.A", "Engine.B", "Engine.C", "Engine.Run", "Conn", "One"},
		"undocumented": {"core/engine.go:9 Engine.C", "core/engine.go:20 Conn.Read"},
	}
	for _, f := range tree.figures() {
		list, known := want[f.name]
		if known && (!slices.Equal(f.at, list) || f.value != float64(len(list))) {
			t.Errorf("%s is %v: %q, want %q", f.name, f.value, f.at, list)
		}
		if f.name == "words" && (f.value != 12.5 || len(f.at) != 8 || f.at[1] != "core/engine.go:3: what") {
			t.Errorf("words is %v: %q, want what, those and who in 24 words, with their places", f.value, f.at)
		}
	}
}

func TestLimits(t *testing.T) {
	root := write(t, sources())
	tests := []struct {
		args  string
		err   string // a part of the error
		print string // a part of the output
	}{
		{"", "", "methods             3"},
		{"-limit methods=3 -limits-only", "", ""},
		{"-limit methods=2 -limits-only", "methods is 3, the limit is 2", "core/engine.go:14 Run"},
		{"-limit structs=0 -limit words=0.4", "structs is 1", "conn: 13 fields"},
		{"-limit method=2", "no figure is called method", ""},
		{"-limit methods=many", "many", ""},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var out strings.Builder
			err := run(&out, append([]string{"-root", root}, strings.Fields(tt.args)...))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error = %v, want %q", err, tt.err)
			}
			if !strings.Contains(out.String(), tt.print) || strings.Contains(tt.args, "-limits-only") && tt.print == "" && out.Len() > 0 {
				t.Errorf("printed:\n%s\nwant %q", &out, tt.print)
			}
		})
	}
}
