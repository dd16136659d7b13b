package message

import "fmt"

// Code is why a relay ends a connection.
type Code byte

// The codes. docs/relay-protocol.md says how a client should react to each.
const (
	CodeMalformed Code = 1 + iota
	CodeVersion
	CodeToken
	CodeFull
	CodePerIP
	CodeReplaced
	CodeSlow
)

// Error is the last message of a relay that ends a connection.
type Error struct {
	Code Code
	Text string // for people
}

// Errorf returns an Error with a formatted text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Error returns the text and the code.
func (e *Error) Error() string { return fmt.Sprintf("relay: %s (code %d)", e.Text, e.Code) }

// Encode returns the message.
func (e *Error) Encode() []byte {
	return append([]byte{byte(KindError), byte(e.Code)}, e.Text...)
}

// DecodeError decodes the body of a message.
func DecodeError(body []byte) (*Error, error) {
	d := decoder{b: body}
	e := &Error{Code: Code(d.u8())}
	e.Text = string(d.bytes(len(d.b)))
	return e, d.end()
}
