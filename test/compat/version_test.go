//go:build compat

package compat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository.
const root = "../.."

// version is the programs of one state of the repository.
type version struct {
	name           string
	kadmesh, relay string // paths of the programs
	module         string // path of kadmesh.js, with kadmesh.wasm beside it
}

// release and today are the two that meet.
var release, today version

// pairs has both orders: the first is there when the second comes.
func pairs() [][2]version { return [][2]version{{release, today}, {today, release}} }

// eachPair runs test in both orders.
func eachPair(t *testing.T, test func(t *testing.T, first, second version)) {
	for _, p := range pairs() {
		t.Run(p[0].name+" then "+p[1].name, func(t *testing.T) {
			t.Parallel()
			test(t, p[0], p[1])
		})
	}
}

func TestMain(m *testing.M) { os.Exit(withVersions(m.Run)) }

// withVersions builds both versions and removes them after run.
func withVersions(run func() int) int {
	dir, err := os.MkdirTemp("", "kadmesh-compat-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

func build(dir string) error {
	name, commit, err := readRelease("RELEASE")
	if err != nil {
		return err
	}
	sources := filepath.Join(dir, "sources")
	if err := extract(root, name, commit, sources); err != nil {
		return err
	}
	if err := command(sources, "make", "--no-print-directory", "module"); err != nil {
		return err
	}
	if release, err = programs(name, sources, filepath.Join(dir, "release")); err != nil {
		return err
	}
	today, err = programs("today", root, filepath.Join(dir, "today"))
	return err
}

// programs builds the programs of the sources into dir. The module is built already.
func programs(name, sources, dir string) (version, error) {
	v := version{name: name, kadmesh: filepath.Join(dir, "kadmesh"), relay: filepath.Join(dir, "kadmesh-relay")}
	for binary, from := range map[string]string{v.kadmesh: "./cmd/native", v.relay: "./cmd/relay"} {
		if err := command(sources, "go", "build", "-trimpath", "-o", binary, from); err != nil {
			return v, err
		}
	}
	for _, place := range []string{"web/kadmesh.js", "web/kadmesh/kadmesh.js"} {
		file := filepath.Join(sources, place)
		if _, err := os.Stat(file); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "kadmesh.wasm")); err != nil {
			return v, fmt.Errorf("the module of %s is not built: use `make compat`: %w", name, err)
		}
		var err error
		v.module, err = filepath.Abs(file)
		return v, err
	}
	return v, fmt.Errorf("no kadmesh.js in the sources of %s", name)
}

// readRelease reads the tag and the commit of the last release. The commit counts: a
// clone may lack tags.
func readRelease(file string) (tag, commit string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 || len(fields[1]) != 40 {
		return "", "", fmt.Errorf("%s: want a tag and a commit of 40 digits, have %q", file, text)
	}
	return fields[0], fields[1], nil
}

// extract writes the sources of a commit into dir, and checks the tag if it is there.
func extract(repository, tag, commit, dir string) error {
	if at, err := git(repository, "rev-parse", "--verify", "--quiet", "refs/tags/"+tag+"^{commit}"); err == nil && at != commit {
		return fmt.Errorf("RELEASE says that %s is %s, but the tag is at %s", tag, commit, at)
	}
	if _, err := git(repository, "cat-file", "-e", commit+"^{commit}"); err != nil {
		return fmt.Errorf("the history of this clone does not reach back to %s (%s): get all of it with `git fetch --unshallow`: %w",
			tag, commit, err)
	}
	archive := dir + ".tar"
	if _, err := git(repository, "archive", "--output", archive, commit); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return command(dir, "tar", "-xf", archive)
}

// git runs git in a repository, with absolute paths as arguments, and returns its
// output.
func git(repository string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", repository}, args...)...).Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return strings.TrimSpace(string(out)), err
}

// command runs a program in a directory. It is no part of the make that runs the
// tests.
func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool {
		return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS")
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
