//go:build compat

package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A clone without tags has the release all the same. One without the history, and a
// tag at another commit, are told apart in words.
func TestExtract(t *testing.T) {
	dir := t.TempDir()
	must := func(args ...string) string {
		t.Helper()
		out, err := git(dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	must("init", "--quiet")
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	must("add", "file")
	must("commit", "--quiet", "--message", "first")
	first := must("rev-parse", "HEAD")
	must("commit", "--quiet", "--allow-empty", "--message", "second")
	must("tag", "v9")

	sources := filepath.Join(t.TempDir(), "sources")
	if err := extract(dir, "v1", first, sources); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(sources, "file")); string(text) != "first" || err != nil {
		t.Errorf("extracted %q, %v", text, err)
	}
	if err := extract(dir, "v9", first, sources); err == nil || !strings.Contains(err.Error(), "but the tag is at") {
		t.Errorf("error = %v, want one about the tag", err)
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	must("clone", "--quiet", "--depth", "1", "--no-tags", "file://"+dir, shallow)
	if err := extract(shallow, "v1", first, sources); err == nil || !strings.Contains(err.Error(), "git fetch --unshallow") {
		t.Errorf("error = %v, want one that says how to get the history", err)
	}
}

func TestReadRelease(t *testing.T) {
	file := filepath.Join(t.TempDir(), "RELEASE")
	for text, good := range map[string]bool{
		"v1.2.3 " + strings.Repeat("0a", 20) + "\n": true,
		"v1.2.3\n": false, "v1.2.3 daeef02\n": false, "": false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if tag, commit, err := readRelease(file); good != (err == nil) || good && (tag != "v1.2.3" || len(commit) != 40) {
			t.Errorf("%q: %s, %s, %v", text, tag, commit, err)
		}
	}
}
