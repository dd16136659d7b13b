package core

import (
	"bytes"
	"crypto/sha1"
	"testing"
)

func TestSHA1(t *testing.T) {
	b := bytes.Repeat([]byte("\x00kadmesh\xff"), 40)
	for n := range len(b) {
		if got, want := sha1Sum(b[:n]), ID(sha1.Sum(b[:n])); got != want {
			t.Fatalf("SHA-1 of %d bytes is %v, want %v", n, got, want)
		}
	}
}
