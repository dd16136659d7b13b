package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Build describes the build of a program.
type Build struct {
	Program string `json:"-"` // empty means kadmesh
	Version string `json:"version"`
	// Commit is the git commit of the source, with "-dirty" appended if the source had
	// changes. It is empty if unknown.
	Commit string `json:"commit,omitempty"`
	Go     string `json:"go"`
	System string `json:"system"`
}

// Built returns the build of this program. version is the version set by the linker; if
// it is empty, the module's version counts.
func Built(version string) Build {
	b := Build{Version: version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
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

// String returns a line for people.
func (b Build) String() string {
	return fmt.Sprintf("%s %s (%s, %s)", cmp.Or(b.Program, "kadmesh"), b.Version, b.Go, b.System)
}

// Version returns a command that prints b. It also makes --version print b.
func (p *Program) Version(b Build) *cobra.Command {
	p.built = b
	return &cobra.Command{
		Use:   "version [flags]",
		Short: "Print the version",
		Long: `Version prints the version, the git commit and the Go version of this program.

With --json: {"version", "commit": only if known, "go", "system"}`,
		DisableFlagsInUseLine: true,
		Args:                  NoArgs,
		ValidArgsFunction:     cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return p.Print(b.String(), b)
		},
	}
}
