package wire

import (
	"errors"
	"strings"
	"testing"
)

// parseRequest parses a whole datagram that should be a request.
func parseRequest(datagram []byte) (Request, error) {
	var r Request
	kind, msg, body, err := Header(datagram)
	if err != nil {
		return r, err
	}
	if kind != KindRequest {
		return r, ErrBody
	}
	r.Msg = msg
	return r, NewParser().Request(body, &r)
}

// parseAnswer parses a whole datagram that should be an answer to m.
func parseAnswer(datagram []byte, m Method, max int) (Answer, error) {
	var a Answer
	kind, _, body, err := Header(datagram)
	if err != nil {
		return a, err
	}
	if kind != KindAnswer {
		return a, ErrBody
	}
	return a, NewParser().Answer(body, m, max, &a)
}

func TestHeader(t *testing.T) {
	id := testID(1)
	with := func(kind byte, body string) []byte {
		return append(append([]byte{kind}, id[:]...), body...)
	}
	tests := []struct {
		name     string
		datagram []byte
		kind     Kind
		body     string
		err      error
	}{
		{"nothing", nil, 0, "", ErrShort},
		{"one byte", []byte{0}, 0, "", ErrShort},
		{"no body", with(0, ""), 0, "", ErrShort},
		{"no body and of no kind", with(7, ""), 0, "", ErrShort},
		{"request", with(0, "x"), KindRequest, "x", nil},
		{"answer", with(1, "xyz"), KindAnswer, "xyz", nil},
		{"kind 2", with(2, "x"), 0, "", ErrKind},
		{"kind 255", with(255, "x"), 0, "", ErrKind},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, msg, body, err := Header(tt.datagram)
			if err != tt.err || kind != tt.kind || string(body) != tt.body {
				t.Errorf("Header = %v, body %q, %v, want %v, body %q, %v", kind, body, err, tt.kind, tt.body, tt.err)
			}
			if want := id; err == nil && msg != want {
				t.Errorf("message id %x, want %x", msg, want)
			}
		})
	}
}

func TestMethodNames(t *testing.T) {
	want := "ping store find_node find_value stun unknown"
	var got []string
	for m := range Methods + 1 {
		got = append(got, m.String())
	}
	if names := strings.Join(got, " "); names != want {
		t.Errorf("names %q, want %q", names, want)
	}
}

// A value of MaxValue bytes makes the longest body that the reference sends.
func TestMaxValue(t *testing.T) {
	r := Request{Method: Store, Value: make([]byte, MaxValue)}
	d := NewWriter().Request(nil, &r)
	if got := len(d) - HeaderLen; got != MaxRequest {
		t.Errorf("body of %d bytes, want %d", got, MaxRequest)
	}
}

// A value's answer must fit a datagram, and loses its trailer before it does not.
func TestLongValueLosesItsTrailer(t *testing.T) {
	trailer := Trailer{Present: true, Sender: testID(1), Life: true, Age: maxLife, TTL: maxLife, Caps: ^Caps(0)}
	msg := testID(2)
	const overhead = HeaderLen + 1 + 6
	for _, tt := range []struct {
		name string
		size int // of the value
		want bool
	}{
		{"with room", MaxDatagram - overhead - maxTrailer, true},
		{"one byte short of room", MaxDatagram - overhead - maxTrailer + 1, false},
		{"as long as can be", MaxDatagram - overhead, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := make([]byte, tt.size)
			copy(v, []byte{0xc5, byte((tt.size - 3) >> 8), byte(tt.size - 3)})
			d := NewWriter().Value([]byte("before"), &msg, v, &trailer)[len("before"):]
			if len(d) > MaxDatagram {
				t.Errorf("datagram of %d bytes, want at most %d", len(d), MaxDatagram)
			}
			a, err := parseAnswer(d, FindValue, 20)
			if err != nil || string(a.Value) != string(v) {
				t.Fatalf("value of %d bytes, %v, want %d bytes", len(a.Value), err, len(v))
			}
			if a.Trailer.Present != tt.want {
				t.Errorf("trailer present: %v, want %v", a.Trailer.Present, tt.want)
			}
		})
	}
}

// The longest trailer takes as many bytes as maxTrailer says.
func TestMaxTrailer(t *testing.T) {
	msg, id := testID(1), testID(2)
	longest := Trailer{Present: true, Caps: ^Caps(0), Sender: id, Life: true, Age: -1e9, TTL: -1e9,
		Version: ^uint64(0), Marks: ^Marks(0), Run: ^uint32(0), Network: ^uint32(0), K: 255, Condition: ^uint64(0)}
	w := NewWriter()
	got := len(w.Pong(nil, &msg, &id, &longest)) - len(w.Pong(nil, &msg, &id, &Trailer{}))
	if got != maxTrailer {
		t.Errorf("longest trailer of %d bytes, want %d", got, maxTrailer)
	}
}

func TestErrorsAreNotWrapped(t *testing.T) {
	_, err := parseRequest(NewWriter().Request(nil, &Request{Method: Methods}))
	if err != ErrMethod || errors.Unwrap(err) != nil {
		t.Errorf("error %v of an unknown method, want %v itself", err, ErrMethod)
	}
}
