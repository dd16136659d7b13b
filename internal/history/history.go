// Package history judges the operations of users of a network: sets, deletions and gets
// with their times and outcomes, from real processes or from a simulation. The package
// reads no clock.
//
// Each key is a register with many writers. A get may return the value of a write that
// could be the last one before the get took effect, in some order that agrees with the
// times: the writes in this order need not be the same for two gets. Lamport calls such
// a register regular.
package history

import (
	"fmt"
	"time"
)

// Kind is the kind of an operation.
type Kind uint8

// The kinds of operations. Sets and deletions are writes.
const (
	Get Kind = iota
	Set
	Delete
)

// String returns the name of the kind: get, set or delete.
func (k Kind) String() string { return name(k, "get", "set", "delete") }

// MarshalText returns the name of the kind.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name that MarshalText returns.
func (k *Kind) UnmarshalText(text []byte) error { return parse(k, text, Delete) }

// Outcome is the answer that the user of an operation got.
type Outcome uint8

// The outcomes of operations. A write that has failed, or whose end the user has not
// seen, may have taken effect or not.
const (
	Unknown Outcome = iota
	OK
	Failed
)

// String returns the name of the outcome: unknown, ok or failed.
func (o Outcome) String() string { return name(o, "unknown", "ok", "failed") }

// MarshalText returns the name of the outcome.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name that MarshalText returns.
func (o *Outcome) UnmarshalText(text []byte) error { return parse(o, text, Failed) }

func name[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprint("number ", uint8(v))
}

func parse[T interface {
	~uint8
	String() string
}](v *T, text []byte, last T) error {
	for c := T(0); c <= last; c++ {
		if c.String() == string(text) {
			*v = c
			return nil
		}
	}
	return fmt.Errorf("%T %q: unknown", *v, text)
}

// Op is one operation of one user.
type Op struct {
	Kind    Kind    `json:"kind"`
	Outcome Outcome `json:"outcome"`
	Key     string  `json:"key"`
	// Value was set, or returned by a get.
	Value string `json:"value,omitempty"`
	// Missing is the answer of a get that there is no value. Its outcome is OK.
	Missing bool `json:"missing,omitempty"`
	// Start and End are the times of the call and of its return, on one clock.
	Start time.Duration `json:"start"`
	End   time.Duration `json:"end"`
	// Life is the time after Start from which the value may have expired. Zero stands
	// for never.
	Life time.Duration `json:"life,omitempty"`
	// By names the user, or the node that the user asked. It is for readers of reports.
	By string `json:"by,omitempty"`
	// Note has the error, or other details of the answer. It is for readers of reports.
	Note string `json:"note,omitempty"`
}

// String describes the operation in one line.
func (o Op) String() string {
	result := ""
	switch {
	case o.Kind == Set:
		result = fmt.Sprintf(" to %q", o.Value)
	case o.Kind == Get && o.Outcome == OK && o.Missing:
		result = ": no value"
	case o.Kind == Get && o.Outcome == OK:
		result = fmt.Sprintf(": %q", o.Value)
	}
	at := fmt.Sprintf("%v to %v", o.Start.Round(time.Millisecond), o.End.Round(time.Millisecond))
	text := fmt.Sprintf("%v %q%s (%v, %s)", o.Kind, o.Key, result, o.Outcome, at)
	if o.By != "" {
		text += " by " + o.By
	}
	if o.Note != "" {
		text += ": " + o.Note
	}
	return text
}

// write reports whether o is a set or a deletion.
func (o Op) write() bool { return o.Kind != Get }

// returned is the answer of a get that was answered, or the content of a key after a
// write: a value, or none.
type returned struct {
	value   string
	missing bool
}

func (o Op) content() returned {
	if o.Kind == Delete || o.Missing {
		return returned{missing: true}
	}
	return returned{value: o.Value}
}
