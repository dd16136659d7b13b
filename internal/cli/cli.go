// Package cli holds the parts that the project's commands share: output of results and
// errors, exit status, addresses, logging.
//
// Every command exits with 0 on success, with 1 on failure, and with 2 on wrong usage.
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

// Program is one run of a command: its input and outputs, and the global flags.
type Program struct {
	In       io.Reader
	Out, Err io.Writer
	JSON     bool // print results and errors as JSON, one object per line

	started bool  // whether cobra accepted the arguments
	built   Build // printed by --version
}

// Run runs the command in args. It adds the flag --json to root, and --version if
// Version was called. It does not print errors: see Exit.
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
		// The parser stops at the first error, which --json may follow.
		p.JSON = p.JSON || slices.Contains(args, "--json")
		return usageError{err, cmd.CommandPath()}
	}
	return err
}

// Print prints a result: object with --json, otherwise text and a newline.
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

// Exit prints err, unless it is nil, and returns the exit status.
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

// usageError is an error in the use of a command.
type usageError struct {
	err error
	see string // the command whose help to recommend
}

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

// Usagef returns an error for wrong usage. The exit status is then 2.
func Usagef(format string, args ...any) error {
	return usageError{err: fmt.Errorf(format, args...)}
}

// NoArgs is the cobra.PositionalArgs of a command without arguments.
func NoArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}

// Complete makes shells complete a flag of cmd with values, not with names of files.
func Complete(cmd *cobra.Command, flag string, values ...string) {
	complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err)
	}
}

// UntilSignal returns a context that ends at the first SIGINT or SIGTERM. A second
// signal ends the program.
func UntilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
