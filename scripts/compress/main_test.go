package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// Both files say the same as the first.
func TestRun(t *testing.T) {
	name, plain := filepath.Join(t.TempDir(), "module"), strings.Repeat("machine code ", 100)
	if err := os.WriteFile(name, []byte(plain), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{name}); err != nil {
		t.Fatal(err)
	}
	for suffix, open := range map[string]func(io.Reader) (io.Reader, error){
		".br": func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		".gz": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
	} {
		f, err := os.Open(name + suffix)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r, err := open(f)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); string(got) != plain || err != nil {
			t.Errorf("%s = %d bytes, %v, want the %d of the file", suffix, len(got), err, len(plain))
		}
	}
	if run(nil) == nil || run([]string{name + ".missing"}) == nil {
		t.Error("run = nil, want errors without a file")
	}
}
