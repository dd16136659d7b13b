package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/cli"
)

// maxContent is the longest str or bytes, in bytes. The encoding adds a type and a
// length of two bytes.
const maxContent = core.MaxValueSize - 3

// valueTypes are the types that set can store.
var valueTypes = []string{"str", "bytes", "int", "float", "bool"}

// readContent reads a file, or stdin if path is a dash. It stops one byte after
// maxContent.
func readContent(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		b, err := io.ReadAll(io.LimitReader(stdin, maxContent+1))
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return b, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxContent+1))
}

// parseValue returns the value of the named type that text stands for.
func parseValue(kind string, text []byte) (core.Value, error) {
	if len(text) > maxContent {
		return core.Value{}, cli.Usagef("the value is too big: at most %d bytes fit into one message", maxContent)
	}
	word := strings.TrimSpace(string(text))
	switch kind {
	case "str":
		if !utf8.Valid(text) {
			return core.Value{}, cli.Usagef("the value is not UTF-8 text: set it with --type bytes")
		}
		return core.String(string(text)), nil
	case "bytes":
		return core.Bytes(text), nil
	case "int":
		return parseInt(word)
	case "float":
		return parseFloat(word)
	case "bool":
		b, err := strconv.ParseBool(word)
		if err != nil {
			return core.Value{}, cli.Usagef("%q is not a bool: want true or false", word)
		}
		return core.Bool(b), nil
	}
	return core.Value{}, cli.Usagef("--type %q: want one of %s", kind, strings.Join(valueTypes, ", "))
}

func parseInt(word string) (core.Value, error) {
	n, ok := new(big.Int).SetString(word, 10)
	switch {
	case !ok:
		return core.Value{}, cli.Usagef("%q is not an int: want a whole decimal number", word)
	case n.IsInt64():
		return core.Int(n.Int64()), nil
	case n.IsUint64():
		return core.Uint(n.Uint64()), nil
	}
	return core.Value{}, cli.Usagef("%s is out of range: an int goes from %d to %d",
		word, math.MinInt64, uint64(math.MaxUint64))
}

func parseFloat(word string) (core.Value, error) {
	f, err := strconv.ParseFloat(word, 64)
	if errors.Is(err, strconv.ErrRange) {
		return core.Value{}, cli.Usagef("%s is out of range of a 64-bit float", word)
	}
	if err != nil {
		return core.Value{}, cli.Usagef("%q is not a float: want a number, nan, inf or -inf", word)
	}
	return core.Float(f), nil
}
