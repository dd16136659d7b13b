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
	last := len(args) - 1
	if last > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		// A shell asks for completions of the last of args, for which only flags matter.
		if l := newLine(root, args[1:last]); l.negative {
			return slices.Concat(args[:1], l.path, l.flags, args[last:])
		}
		return args
	}
	switch l := newLine(root, args); {
	case !l.negative:
		return args
	case l.cut:
		return append(l.path, l.flags...) // the parser says that the value is missing
	default:
		return slices.Concat(l.path, l.flags, []string{"--"}, l.arguments)
	}
}

// line is a command line, taken apart. It is empty if there is no such command.
type line struct {
	path      []string // the command's name, without the program's
	flags     []string // with their values
	arguments []string
	negative  bool // whether an argument before any "--" is a negative number
	cut       bool // whether the last flag lacks its value
}

// newLine takes args apart.
func newLine(root *cobra.Command, args []string) (l line) {
	cmd, args, err := root.Find(args)
	if err != nil || !cmd.Runnable() {
		return line{}
	}
	cmd.InheritedFlags() // adds them to cmd.Flags
	l.path = strings.Fields(cmd.CommandPath())[1:]
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			l.arguments = append(l.arguments, args[i+1:]...)
			return l
		case len(arg) < 2 || arg[0] != '-':
			l.arguments = append(l.arguments, arg)
		case IsNegative(arg) && cmd.Flags().ShorthandLookup(arg[1:2]) == nil:
			l.arguments = append(l.arguments, arg)
			l.negative = true
		default:
			l.flags = append(l.flags, arg)
			if !takesNext(cmd.Flags(), arg) {
				continue
			}
			if i++; i == len(args) {
				l.cut = true
				return l
			}
			l.flags = append(l.flags, args[i])
		}
	}
	return l
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
