// Command house measures how the code reads: words of comments, long lines, large
// structs, exported names. It prints all figures, and fails where one is above a limit
// that was given.
//
//	go run ./scripts/house
//	go run ./scripts/house -limit words=0.4 -limit columns=0
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
}

// figure is one number, and the places that it counts.
type figure struct {
	name  string // of the limit
	what  string
	value float64
	at    []string // places, or the parts that the number is the largest of
}

func run(w io.Writer, args []string) error {
	limits := make(map[string]float64)
	flags := flag.NewFlagSet("house", flag.ContinueOnError)
	root := flags.String("root", ".", "`directory` of the repository")
	verbose := flags.Bool("v", false, "print all places, of figures without a limit too")
	only := flags.Bool("limits-only", false, "print only what is above its limit")
	flags.Func("limit", "fail if the figure `name=number` is larger; may be repeated", func(s string) error {
		name, text, _ := strings.Cut(s, "=")
		number, err := strconv.ParseFloat(text, 64)
		limits[name] = number
		return err
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	t, err := readTree(*root)
	if err != nil {
		return err
	}
	var above []error
	for _, f := range t.figures() {
		limit, limited := limits[f.name]
		delete(limits, f.name)
		bad := limited && f.value > limit
		if bad {
			above = append(above, fmt.Errorf("%s is %s, the limit is %s", f.name, number(f.value), number(limit)))
		}
		if bad || !*only {
			f.print(w, bad || *verbose)
		}
	}
	for name := range limits {
		above = append(above, fmt.Errorf("no figure is called %s", name))
	}
	return errors.Join(above...)
}

func (f figure) print(w io.Writer, places bool) {
	fmt.Fprintf(w, "%-14s %6s  %s\n", f.name, number(f.value), f.what)
	if places {
		for _, at := range f.at {
			fmt.Fprintf(w, "%24s%s\n", "", at)
		}
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
