package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// numbersAsArguments makes the parser take each negative number in args, such as -5,
// for an argument and not for a flag. If there is one, the result is the command's
// flags, then "--", then its arguments in their order. Otherwise it is args.
func numbersAsArguments(root *cobra.Command, args []string) []string {
	cmd, rest, err := root.Find(args)
	if err != nil || !cmd.Runnable() {
		return args
	}
	cmd.InheritedFlags() // adds them to cmd.Flags
	path := strings.Fields(cmd.CommandPath())[1:]
	var flags, arguments []string
	negative := false
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		switch {
		case arg == "--":
			arguments = append(arguments, rest[i+1:]...)
			i = len(rest)
		case len(arg) < 2 || arg[0] != '-':
			arguments = append(arguments, arg)
		case IsNegative(arg) && cmd.Flags().ShorthandLookup(arg[1:2]) == nil:
			arguments = append(arguments, arg)
			negative = true
		default:
			flags = append(flags, arg)
			if !takesNext(cmd.Flags(), arg) {
				continue
			}
			if i++; i == len(rest) {
				return append(path, flags...) // the parser says that the value is missing
			}
			flags = append(flags, rest[i])
		}
	}
	if !negative {
		return args
	}
	return slices.Concat(path, flags, []string{"--"}, arguments)
}

// IsNegative reports whether arg is a number below zero or minus zero, in any form
// that a float may have: -5, -.5, -1e3, -0x1p-2, -inf.
func IsNegative(arg string) bool {
	_, err := strconv.ParseFloat(arg, 64)
	return strings.HasPrefix(arg, "-") && (err == nil || errors.Is(err, strconv.ErrRange))
}

// takesNext reports whether arg is a flag whose value is the next argument. An
// unknown flag has no value: the parser refuses it later.
func takesNext(flags *pflag.FlagSet, arg string) bool {
	if name, long := strings.CutPrefix(arg, "--"); long {
		f := flags.Lookup(name)
		return f != nil && f.NoOptDefVal == ""
	}
	for i := 1; i < len(arg); i++ {
		f := flags.ShorthandLookup(arg[i : i+1])
		if f == nil {
			return false
		}
		if f.NoOptDefVal == "" {
			return i == len(arg)-1 // otherwise the value is the rest of arg
		}
	}
	return false
}
