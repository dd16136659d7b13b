package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// strictHelp makes root's commands help and completion fail for what they do not
// know, where cobra has them print something and succeed.
func strictHelp(root *cobra.Command, args []string) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = knownTopic
		case "completion":
			// Args are only looked at if there is something to run.
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// knownTopic checks that args lead to a command.
func knownTopic(help *cobra.Command, args []string) error {
	cmd, rest, err := help.Root().Find(args)
	if err != nil || len(rest) > 0 || cmd == nil {
		return fmt.Errorf("unknown help topic %q", strings.Join(args, " "))
	}
	return nil
}

// versionTemplate makes --version print b, with --json as JSON.
func versionTemplate(b Build) string {
	object, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("{{if (.Flag %q).Changed}}{{print %s}}{{else}}{{print %s}}{{end}}\n",
		"json", strconv.Quote(string(object)), strconv.Quote(b.String()))
}
