// Command kadmesh runs a node of a Kademlia network over UDP, and uses such a
// network from the command line. The network is that of the Python package
// kademlia.
//
// It exits with 0 if all went well, with 1 if what was asked for could not be
// done, and with 2 if it was asked for in the wrong way.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(p.exit(p.run(os.Args[1:])))
}

// program is one run of kadmesh: where it reads and writes, and how.
type program struct {
	in       io.Reader
	out, err io.Writer
	json     bool // results and errors as JSON, one object per line
	started  bool // the arguments were understood as far as cobra looks at them
}

// run does what args ask for. Its error is a usageError if args are wrong.
func (p *program) run(args []string) error {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
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
		p.json = p.json || slices.Contains(args, "--json")
		return usageError{err, cmd.CommandPath()}
	}
	return err
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kadmesh",
		Short: "A Kademlia network over UDP, shared with Python's kademlia",
		Long: `Kadmesh keeps keys and values on a network of nodes that find each other
(Kademlia), over UDP. Nodes of the Python package kademlia take part in it.

Start a first node, let a second one join it, and use them:

  kadmesh node --listen 127.0.0.1:8468
  kadmesh node --listen 127.0.0.1:0 --bootstrap 127.0.0.1:8468
  kadmesh set greeting hello --bootstrap 127.0.0.1:8468
  kadmesh get greeting --bootstrap 127.0.0.1:8468

Exit status: 0 if all went well; 1 if it could not be done, as when nothing was
found or nobody answered; 2 if the command was not understood.`,
		Version:          built().String(),
		SilenceErrors:    true,
		SilenceUsage:     true,
		PersistentPreRun: func(*cobra.Command, []string) { p.started = true },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print results and errors as JSON, one object per line")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagError(err) })
	for _, cmd := range []*cobra.Command{
		p.node(), p.set(), p.get(), p.ping(), p.lookup(), p.id(), p.version(), p.demo(),
	} {
		cmd.DisableFlagsInUseLine = true
		root.AddCommand(cmd)
	}
	return root
}

// print prints a result: text, or object with --json.
func (p *program) print(text string, object any) error {
	if p.json {
		return printJSON(p.out, object)
	}
	_, err := fmt.Fprintln(p.out, text)
	return err
}

func printJSON(w io.Writer, object any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(object)
}

// exit tells the user of err, if it is one, and returns the exit status.
func (p *program) exit(err error) int {
	if err == nil {
		return 0
	}
	var u usageError
	usage := errors.As(err, &u)
	if p.json {
		printJSON(p.err, struct {
			Error string `json:"error"`
		}{strings.TrimSpace(err.Error())})
	} else {
		fmt.Fprintln(p.err, strings.TrimSpace(err.Error()))
		if usage {
			fmt.Fprintf(p.err, "see '%s --help'\n", u.see)
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

// usagef returns a usageError; run fills in the command.
func usagef(format string, args ...any) error {
	return usageError{err: fmt.Errorf(format, args...)}
}

// flagError says how to pass a value that looks like a flag.
func flagError(err error) error {
	if strings.HasPrefix(err.Error(), "unknown shorthand flag") {
		return fmt.Errorf("%w (a key or value that begins with - goes behind --, as in: kadmesh set --type int KEY -- -5)", err)
	}
	return err
}

// takes returns a check that a command gets the arguments named: those in
// brackets may be left out.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > len(names) {
			hint := ""
			if len(names) > 0 {
				hint = " (a key or value that has spaces goes in quotes)"
			}
			return fmt.Errorf("unexpected argument %q%s", args[len(names)], hint)
		}
		if len(args) < len(names) && !strings.HasPrefix(names[len(args)], "[") {
			return fmt.Errorf("no %s given", names[len(args)])
		}
		return nil
	}
}
