package message

import "fmt"

// Code is why a relay ends a connection.
type Code byte

// The codes, as docs/relay-protocol.md has them.
const (
	CodeMalformed Code = 1 + iota
	CodeVersion
	CodeToken
	CodeFull
	CodePerIP
	CodeReplaced
	CodeSlow
)

// RelayError is an error that a relay sent.
type Error struct {
	Code Code
	Text string // for people, by the relay
}

// Error returns the relay's text.
func (e *Error) Error() string { return fmt.Sprintf("relay: %s (code %d)", e.Text, e.Code) }

// Errorf returns the error of a code with a text for people.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Drop is why a relay, or the queue of a client, dropped a datagram.
type Drop byte

// The reasons, as docs/relay-protocol.md has them.
const (
	DropDestination Drop = iota
	DropNotRPC
	DropNewDestinations
	DropSilent
	DropRate
	DropQueue
	DropSystem
	DropReasons // how many there are
)

var dropNames = [DropReasons]string{
	"destination", "not rpc", "new destinations", "silent destination", "rate", "queue", "system",
}

// String names the reason.
func (d Drop) String() string { return dropNames[d] }
