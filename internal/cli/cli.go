// Package cli is what the commands of this project have in common: how they print
// results and errors, and how they are told addresses and what to log.
//
// They exit with 0 if all went well, with 1 if what was asked for could not be
// done, and with 2 if it was asked for in the wrong way.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Program is one run of a command: where it reads and writes, and how.
type Program struct {
	In       io.Reader
	Out, Err io.Writer
	JSON     bool // results and errors as JSON, one object per line

	started bool  // the arguments were understood as far as cobra looks at them
	built   Build // what --version prints
}

// Run does what args ask for. root gets the flag --json, --version if there is a
// command Version, and does not print errors: see Exit.
func (p *Program) Run(root *cobra.Command, args []string) error {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRun = func(*cobra.Command, []string) { p.started = true }
	root.PersistentFlags().BoolVar(&p.JSON, "json", false, "print results and errors as JSON, one object per line")
	root.SetVersionTemplate(versionTemplate(p.built))
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	plainFlagErrors(root)
	strictHelp(root, args)
	root.SetArgs(numbersAsArguments(root, args))
	cmd, err := root.ExecuteC()
	var u usageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &u):
		u.see = cmd.CommandPath()
		return u
	case !p.started:
		// The flag may stand behind what was not understood.
		p.JSON = p.JSON || slices.Contains(args, "--json")
		return usageError{err, cmd.CommandPath()}
	}
	return err
}

// Print prints a result: text, or object with --json.
func (p *Program) Print(text string, object any) error {
	if p.JSON {
		return printJSON(p.Out, object)
	}
	_, err := fmt.Fprintln(p.Out, text)
	return err
}

func printJSON(w io.Writer, object any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

// Exit tells the user of err, if it is one, and returns the exit status.
func (p *Program) Exit(err error) int {
	if err == nil {
		return 0
	}
	var u usageError
	usage := errors.As(err, &u)
	if p.JSON {
		printJSON(p.Err, struct {
			Error string `json:"error"`
		}{strings.TrimSpace(err.Error())})
	} else {
		fmt.Fprintln(p.Err, strings.TrimSpace(err.Error()))
		if usage {
			fmt.Fprintf(p.Err, "see '%s --help'\n", u.see)
		}
	}
	if usage {
		return 2
	}
	return 1
}

// usageError is about how the program was called.
type usageError struct {
	err error
	see string // the command whose help says more
}

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

// Usagef returns an error about how the program was called.
func Usagef(format string, args ...any) error {
	return usageError{err: fmt.Errorf(format, args...)}
}

// NoArgs checks that a command gets no arguments.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}

// Complete lets shells complete a flag of cmd with values, instead of with names
// of files.
func Complete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// UntilSignal returns a context that ends with the first SIGINT or SIGTERM. The
// second ends the program.
func UntilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
