// Command segments joins neighboring data segments of a WebAssembly module, in place.
// Go's linker leaves out runs of zeros, which makes 80,000 segments of 16 bytes each,
// with headers of several bytes that compress badly. With the zeros put back the module
// does the same and is a tenth smaller after brotli.
package main

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "segments:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	if len(names) == 0 {
		return errors.New("no file given: go run ./scripts/segments FILE")
	}
	for _, name := range names {
		module, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		module, err = join(module)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(name, module, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Parts of the binary format (WebAssembly Core Specification, section 5).
const (
	headerLen   = 8  // magic and version
	dataSection = 11 // section id
	dataCount   = 12 // id of the section with the number of data segments
	i32Const    = 0x41
	end         = 0x0b
)

// maxGap is the largest number of zeros between two segments that are joined.
const maxGap = 256

// segment is a part of the initial memory.
type segment struct {
	at   uint64
	data []byte
}

var errModule = errors.New("not a module as Go's linker writes it")

// join returns a module equivalent to m, with fewer data segments.
func join(m []byte) ([]byte, error) {
	if len(m) < headerLen || string(m[:4]) != "\x00asm" {
		return nil, errModule
	}
	out := slices.Clone(m[:headerLen])
	for r := (reader{b: m[headerLen:]}); len(r.b) > 0; {
		id := r.byte()
		section := r.bytes()
		if id == dataCount {
			return nil, errModule
		}
		if id == dataSection {
			list, err := parse(section)
			if err != nil {
				return nil, err
			}
			section = write(joined(list))
		}
		if r.bad {
			return nil, errModule
		}
		out = binary.AppendUvarint(append(out, id), uint64(len(section)))
		out = append(out, section...)
	}
	return out, nil
}

// parse reads a data section.
func parse(section []byte) (list []segment, err error) {
	r := reader{b: section}
	for range r.uint() {
		memory, code := r.byte(), r.byte()
		at := r.uint() // signed, but no address is large enough to matter
		if memory != 0 || code != i32Const || r.byte() != end {
			return nil, errModule
		}
		list = append(list, segment{at, r.bytes()})
	}
	if r.bad || len(r.b) > 0 || len(list) == 0 {
		return nil, errModule
	}
	slices.SortFunc(list, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	for i, s := range list[1:] {
		if s.at < list[i].at+uint64(len(list[i].data)) {
			return nil, errModule // the order of overlapping segments matters
		}
	}
	return list, nil
}

// joined returns list, which is sorted, with segments at most maxGap apart joined.
func joined(list []segment) []segment {
	few := list[:1]
	few[0].data = slices.Clone(few[0].data)
	for _, s := range list[1:] {
		last := &few[len(few)-1]
		if gap := s.at - last.at - uint64(len(last.data)); gap <= maxGap {
			last.data = append(append(last.data, make([]byte, gap)...), s.data...)
		} else {
			few = append(few, segment{s.at, slices.Clone(s.data)})
		}
	}
	return few
}

// write is the reverse of parse.
func write(list []segment) []byte {
	b := binary.AppendUvarint(nil, uint64(len(list)))
	for _, s := range list {
		b = appendSigned(append(b, 0, i32Const), s.at)
		b = binary.AppendUvarint(append(b, end), uint64(len(s.data)))
		b = append(b, s.data...)
	}
	return b
}

// appendSigned appends n as a signed LEB128: bit 6 of the last byte is the sign.
func appendSigned(b []byte, n uint64) []byte {
	b = binary.AppendUvarint(b, n)
	if last := &b[len(b)-1]; *last&0x40 != 0 {
		*last |= 0x80
		b = append(b, 0)
	}
	return b
}

// reader reads from the front of b. bad is set once b was too short or malformed.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}

func (r *reader) uint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 || x > 1<<32 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	x := r.b[:n]
	r.b = r.b[n:]
	return x
}
