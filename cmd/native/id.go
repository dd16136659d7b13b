package main

import (
	"crypto/rand"

	"github.com/spf13/cobra"

	"github.com/kadmesh/kadmesh/core"
)

func (p *program) id() *cobra.Command {
	return &cobra.Command{
		Use:   "id [KEY] [flags]",
		Short: "Print the id of a key, or a random one",
		Long: `Id prints the id of a key: its SHA-1, the argument of set_digest in the Python package.
Without a key it prints a random id, for node --id.

With --json: {"id", "key": only if one was given}`,
		Example: `  kadmesh id greeting
  kadmesh node --id $(kadmesh id)`,
		Args:              takes("[KEY]"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			var r struct {
				ID  core.ID `json:"id"`
				Key *string `json:"key,omitempty"`
			}
			if len(args) == 0 {
				rand.Read(r.ID[:])
			} else {
				r.ID, r.Key = core.Key(args[0]), &args[0]
			}
			return p.Print(r.ID.String(), r)
		},
	}
}
