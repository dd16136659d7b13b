package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// module has a custom section, and one with the data.
func module(data string) []byte {
	return []byte("\x00asm\x01\x00\x00\x00\x00\x02\x01x\x0b" + string(rune(len(data))) + data)
}

func TestJoin(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"one", "\x01\x00\x41\x08\x0b\x02ab", "\x01\x00\x41\x08\x0b\x02ab"},
		{"close", "\x02\x00\x41\x08\x0b\x02ab\x00\x41\x0d\x0b\x01c", "\x01\x00\x41\x08\x0b\x06ab\x00\x00\x00c"},
		{"in no order", "\x02\x00\x41\x0d\x0b\x01c\x00\x41\x08\x0b\x02ab", "\x01\x00\x41\x08\x0b\x06ab\x00\x00\x00c"},
		{"far apart", "\x02\x00\x41\x08\x0b\x02ab\x00\x41\x80\x80\x01\x0b\x01c",
			"\x02\x00\x41\x08\x0b\x02ab\x00\x41\x80\x80\x01\x0b\x01c"},
		{"at 64, whose sign bit would be set", "\x01\x00\x41\xc0\x00\x0b\x01a", "\x01\x00\x41\xc0\x00\x0b\x01a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := join(module(tt.data))
			if want := module(tt.want); !bytes.Equal(got, want) || err != nil {
				t.Errorf("join = %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	for _, data := range []string{"", "\x00", "\x02\x00\x41\x08\x0b\x02ab\x00\x41\x09\x0b\x01c",
		"\x01\x02\x00\x41\x08\x0b\x02ab", "\x01\x00\x41\x08\x0b\x03ab"} {
		if got, err := join(module(data)); err == nil {
			t.Errorf("join of data %q = %q, want an error", data, got)
		}
	}
	if _, err := join([]byte("#!/bin/sh")); err == nil {
		t.Error("join of a script = nil, want an error")
	}
}

func TestRun(t *testing.T) {
	name := filepath.Join(t.TempDir(), "module")
	if err := os.WriteFile(name, module("\x02\x00\x41\x0d\x0b\x01c\x00\x41\x08\x0b\x02ab"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{name}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); !bytes.Equal(got, module("\x01\x00\x41\x08\x0b\x06ab\x00\x00\x00c")) {
		t.Errorf("file = %q, %v, want one segment", got, err)
	}
	if run(nil) == nil || run([]string{name + ".missing"}) == nil {
		t.Error("run = nil, want errors without a file")
	}
}
