package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A negative number is an argument at any position, except as the value of a flag.
func TestNegativeNumbers(t *testing.T) {
	tests := []struct {
		args string
		want []string // arguments of the command
		typ  string   // value of --type
		n    int      // value of --n
	}{
		{"set k -5", []string{"k", "-5"}, "", 0},
		{"set k -5 --type int", []string{"k", "-5"}, "int", 0},
		{"set --type int k -5", []string{"k", "-5"}, "int", 0},
		{"set -t int k -1.5", []string{"k", "-1.5"}, "int", 0},
		{"set -tint k -.5", []string{"k", "-.5"}, "int", 0},
		{"set -qt int k -1e3", []string{"k", "-1e3"}, "int", 0},
		{"set -q k -inf", []string{"k", "-inf"}, "", 0},
		{"set --json k -5", []string{"k", "-5"}, "", 0},
		{"--json set k -0", []string{"k", "-0"}, "", 0},
		{"set -5 v", []string{"-5", "v"}, "", 0},
		{"set k -1e999", []string{"k", "-1e999"}, "", 0},
		{"set k --n -5", []string{"k"}, "", -5},
		{"set k -n -5 -6", []string{"k", "-6"}, "", -5},
		{"set k --n=-5 -6", []string{"k", "-6"}, "", -5},
		{"set --type int -- k -5", []string{"k", "-5"}, "int", 0},
		{"set -5 -- -q", []string{"-5", "-q"}, "", 0},
		{"set -- -q -5 --n", []string{"-q", "-5", "--n"}, "", 0},
	}
	for _, tt := range tests {
		got, typ, n, err := runSet(strings.Fields(tt.args))
		if err != nil || !slices.Equal(got, tt.want) || typ != tt.typ || n != tt.n {
			t.Errorf("%s: arguments %q, type %q, n %d, error %v, want %q, %q, %d",
				tt.args, got, typ, n, err, tt.want, tt.typ, tt.n)
		}
	}
}

// An unknown flag is an error, also beside a negative number.
func TestUnknownFlags(t *testing.T) {
	for args, want := range map[string]string{
		"set k -x":          "unknown shorthand flag: 'x' in -x",
		"set k -5x":         "unknown shorthand flag: '5' in -5x",
		"set k -5 -x":       "unknown shorthand flag: 'x' in -x",
		"set k -5 --frob":   "unknown flag: --frob",
		"set k -5 --type":   "flag needs an argument: --type",
		"set k -5 --n many": `--n "many": want a whole number`,
		"-5":                "unknown shorthand flag: '5' in -5",
		"frob -5":           `unknown command "frob"`,
	} {
		if _, _, _, err := runSet(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}

func TestHelpBesideNegativeNumber(t *testing.T) {
	for _, args := range []string{"set k -5 -h", "set -h -5", "set -5 --help"} {
		if got, _, _, err := runSet(strings.Fields(args)); err != nil || got != nil {
			t.Errorf("%s: ran with %q, error %v, want the help only", args, got, err)
		}
	}
}

// runSet runs a program with a command set. It returns the arguments and flags of the
// command.
func runSet(args []string) (got []string, typ string, n int, err error) {
	root := &cobra.Command{Use: "test"}
	set := &cobra.Command{Use: "set", RunE: func(_ *cobra.Command, args []string) error {
		got = args
		return nil
	}}
	set.Flags().StringVarP(&typ, "type", "t", "", "")
	set.Flags().IntVarP(&n, "n", "n", 0, "")
	set.Flags().BoolP("quick", "q", false, "")
	root.AddCommand(set)
	p := &Program{In: strings.NewReader(""), Out: new(bytes.Buffer), Err: new(bytes.Buffer)}
	err = p.Run(root, args)
	return got, typ, n, err
}
