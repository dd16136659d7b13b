// Command compress writes FILE.br and FILE.gz beside each FILE among its arguments, for
// a server to send. The output is deterministic.
package main

import (
	"fmt"
	"os"

	"github.com/andybalholm/brotli"

	"github.com/kadmesh/kadmesh/internal/site"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compress:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("no file given: go run ./scripts/compress FILE")
	}
	for _, name := range names {
		plain, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		br, gz := site.Brotli(plain, brotli.BestCompression), site.Gzip(plain)
		if err := os.WriteFile(name+".br", br, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(name+".gz", gz, 0o644); err != nil {
			return err
		}
		fmt.Printf("%s: %d bytes, %d with brotli, %d with gzip\n", name, len(plain), len(br), len(gz))
	}
	return nil
}
