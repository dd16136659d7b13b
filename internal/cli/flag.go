package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// wanted describes the values of flags, by the type's name in package pflag.
var wanted = map[string]string{
	"duration": "a number with a unit, as in 500ms, 10s or 24h",
	"bool":     "true or false",
	"int":      "a whole number",
	"int64":    "a whole number",
	"uint16":   "a number up to 65535",
}

// plainFlagErrors gives root and its commands errors that describe the value that a
// flag takes, in place of the error of the value's parser.
func plainFlagErrors(root *cobra.Command) {
	next := root.FlagErrorFunc()
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var bad *pflag.InvalidValueError
		if errors.As(err, &bad) {
			name := bad.GetFlag().Name
			var own usageError
			if want, ok := wanted[bad.GetFlag().Value.Type()]; ok {
				err = fmt.Errorf("--%s %q: want %s", name, bad.GetValue(), want)
			} else if errors.As(bad, &own) {
				err = fmt.Errorf("--%s %v", name, own)
			}
		}
		return next(cmd, err)
	})
}
