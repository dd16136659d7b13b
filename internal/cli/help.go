package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// strictHelp makes the commands help and completion fail on unknown arguments. By
// default cobra prints something and succeeds.
func strictHelp(root *cobra.Command, args []string) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = knownTopic
		case "completion":
			// Cobra checks the arguments of runnable commands only.
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// knownTopic is the cobra.PositionalArgs of help: args must name a command.
func knownTopic(help *cobra.Command, args []string) error {
	cmd, rest, err := help.Root().Find(args)
	if err != nil || len(rest) > 0 || cmd == nil {
		return fmt.Errorf("unknown help topic %q", strings.Join(args, " "))
	}
	return nil
}

// versionTemplate returns the template of --version: b as a line, or as JSON with
// --json.
func versionTemplate(b Build) string {
	object, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{{if (.Flag %q).Changed}}{{print %s}}{{else}}{{print %s}}{{end}}\n",
		"json", strconv.Quote(string(object)), strconv.Quote(b.String()))
}
