package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker, with -X main.version=v1.2.3. Otherwise it is
// that of the module.
var version string

// build is what this program was built from.
type build struct {
	Version string `json:"version"`
	// Commit is where the source was in git, if that is known, with "-dirty"
	// behind it if it had been changed since.
	Commit string `json:"commit,omitempty"`
	Go     string `json:"go"`
	System string `json:"system"`
}

func built() build {
	b := build{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if b.Commit != "" {
		b.Commit += dirty
	}
	return b
}

func (b build) String() string {
	return fmt.Sprintf("kadmesh %s (%s, %s)", b.Version, b.Go, b.System)
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version",
		Long: `Version prints what this program is built from.

With --json: {"version", "commit": only if known, "go", "system"}`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			b := built()
			return p.print(b.String(), b)
		},
	}
}
