package wire

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"
)

// seedBodies adds the bodies, without headers, of all messages in the vectors, and of
// one message of each kind by Writer.
func seedBodies(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.RPC {
		f.Add([]byte(c.Request[HeaderLen:]))
		f.Add([]byte(c.Response[HeaderLen:]))
	}
	for _, c := range v.Odd.Cases {
		if len(c.Datagram) > HeaderLen {
			f.Add([]byte(c.Datagram[HeaderLen:]))
		}
	}
	for _, c := range v.OddAnswers {
		for _, a := range c.Answers {
			f.Add([]byte(a.Body))
		}
	}
	w := NewWriter()
	for _, trailer := range trailers {
		for _, r := range sampleRequests() {
			r.Trailer = trailer
			f.Add(w.Request(nil, &r)[HeaderLen:])
		}
		for _, s := range sampleAnswers() {
			f.Add(s.write(w, nil, &trailer)[HeaderLen:])
		}
	}
}

func FuzzRequest(f *testing.F) {
	seedBodies(f)
	p, w := NewParser(), NewWriter()
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		r := Request{Msg: testID(1)}
		err := p.Request(body, &r)
		if !bytes.Equal(body, before) {
			t.Fatalf("parsing changed the datagram to %x", body)
		}
		if err != nil {
			if !slices.Contains([]error{ErrBody, ErrMethod, ErrArgs, ErrValue}, err) {
				t.Fatalf("error %v, want one of those documented", err)
			}
			return
		}
		if (r.Method == Store) != (r.Value != nil) {
			t.Errorf("%v with the value %x", r.Method, r.Value)
		}
		if r.Value != nil && (!liesIn(r.Value, body) || !decodable(r.Value)) {
			t.Errorf("value %x cannot be decoded or does not lie in the datagram", r.Value)
		}
		checkTrailer(t, &r.Trailer)
		d := w.Request(nil, &r)
		again, err := parseRequest(d)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%+v, written and parsed again: %+v, %v", r, again, err)
		}
		if got := w.Request(nil, &again); !bytes.Equal(got, d) {
			t.Errorf("written again as %x, want %x", got, d)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	seedBodies(f)
	p, w := NewParser(), NewWriter()
	msg := testID(1)
	var a Answer
	f.Fuzz(func(t *testing.T, body []byte) {
		const max = 20
		before := bytes.Clone(body)
		for m := range Methods {
			err := p.Answer(body, m, max, &a)
			if !bytes.Equal(body, before) {
				t.Fatalf("parsing changed the datagram to %x", body)
			}
			if err != nil {
				if err != ErrBody {
					t.Fatalf("%v: error %v, want %v", m, err, ErrBody)
				}
				continue
			}
			checkAnswer(t, m, max, &a, body)
			d := writeAnswer(w, nil, m, &msg, &a)
			again, err := parseAnswer(d, m, max)
			a.Skipped = 0
			if len(d) > MaxDatagram-maxTrailer {
				again.Trailer, a.Trailer = Trailer{}, Trailer{}
			}
			if err != nil || !sameAnswer(&again, &a) {
				t.Errorf("%v: %+v, written and parsed again: %+v, %v", m, a, again, err)
			}
			if got := writeAnswer(w, nil, m, &msg, &again); !bytes.Equal(got, d) && len(d) <= MaxDatagram-maxTrailer {
				t.Errorf("%v: written again as %x, want %x", m, got, d)
			}
		}
	})
}

// checkAnswer checks the invariants of a parsed answer to m.
func checkAnswer(t *testing.T, m Method, max int, a *Answer, body []byte) {
	t.Helper()
	if len(a.Contacts) > max || len(a.Contacts)+a.Skipped > len(body) {
		t.Errorf("%v: %d contacts and %d skipped of %d bytes", m, len(a.Contacts), a.Skipped, len(body))
	}
	for _, c := range a.Contacts {
		if !usable(c) {
			t.Errorf("%v: contact %+v cannot be used", m, c)
		}
	}
	if m == Stun && !usable(Contact{Addr: a.Addr}) {
		t.Errorf("address %v cannot be used", a.Addr)
	}
	if a.Value != nil && (m != FindValue || len(a.Contacts) > 0 || !liesIn(a.Value, body) || !decodable(a.Value)) {
		t.Errorf("%v: value %x with %d contacts, or no value, or not in the datagram", m, a.Value, len(a.Contacts))
	}
	checkTrailer(t, &a.Trailer)
}

// usable reports whether a datagram could be sent to c, and c be told to others.
func usable(c Contact) bool {
	ip := c.Addr.Addr()
	return ip.IsValid() && !ip.Is4In6() && ip.Zone() == "" && c.Addr.Port() != 0
}

// checkTrailer checks the invariants of a parsed trailer.
func checkTrailer(t *testing.T, got *Trailer) {
	t.Helper()
	if !got.Present && *got != (Trailer{}) {
		t.Errorf("trailer %+v says something and is absent", *got)
	}
	if !got.Life && (got.Age != 0 || got.TTL != 0) {
		t.Errorf("trailer %+v has an age or TTL but no life", *got)
	}
	for _, d := range []time.Duration{got.Age, got.TTL} {
		if d < 0 || d > maxLife || d%time.Second != 0 {
			t.Errorf("trailer %+v: want whole seconds from 0 to %v", *got, maxLife)
		}
	}
}

// FuzzTrailer puts trailers behind bodies. They must not change the meaning of the bodies.
func FuzzTrailer(f *testing.F) {
	w, id, msg := NewWriter(), testID(1), testID(2)
	bare := len(w.Pong(nil, &msg, &id, &Trailer{}))
	for _, t := range trailers {
		f.Add(w.Pong(nil, &msg, &id, &t)[bare:])
	}
	for _, c := range readVectors(f).Decode {
		f.Add([]byte(c.Encoding))
		f.Add(append([]byte("\x82\x00\x06\x07"), c.Encoding...))
	}
	p := NewParser()
	var a Answer
	var r Request
	f.Fuzz(func(t *testing.T, trailer []byte) {
		d := append(w.Pong(nil, &msg, &id, &Trailer{}), trailer...)
		if err := p.Answer(d[HeaderLen:], Ping, 0, &a); err != nil || a.ID != id {
			t.Fatalf("id %x, %v, want %x", a.ID, err, id)
		}
		checkTrailer(t, &a.Trailer)
		want := a.Trailer
		// All that a trailer can mean is in its canonical form.
		again, err := parseAnswer(w.Pong(nil, &msg, &id, &want), Ping, 0)
		if err != nil || again.Trailer != want {
			t.Errorf("trailer %+v, written and parsed again: %+v, %v", want, again.Trailer, err)
		}
		// It is read the same behind a request, and malformed where it is cut.
		req := append(w.Request(nil, &Request{Method: Stun}), trailer...)
		if err := p.Request(req[HeaderLen:], &r); err != nil || r.Trailer != want {
			t.Errorf("behind a request: %+v, %v, want %+v", r.Trailer, err, want)
		}
		if want.Present && len(trailer) > 0 {
			// Bytes behind it are not looked at.
			if _, ok := skip(trailer, 0); !ok {
				t.Errorf("trailer %x is malformed and taken as %+v", trailer, want)
			}
		}
	})
}

// FuzzValue compares with another implementation of the same rules.
func FuzzValue(f *testing.F) {
	v := readVectors(f)
	for _, c := range v.Values {
		if c.Encoding != nil {
			f.Add([]byte(c.Encoding))
		}
	}
	for _, c := range v.Decode {
		f.Add([]byte(c.Encoding))
	}
	p, w := NewParser(), NewWriter()
	f.Fuzz(func(t *testing.T, v []byte) {
		valid := p.Valid(v)
		if want := decodable(v); valid != want {
			t.Fatalf("Valid(%x) = %v, want %v", v, valid, want)
		}
		if !valid {
			return
		}
		if p.Valid(append(bytes.Clone(v), 0)) || p.Valid(v[:len(v)-1]) {
			t.Errorf("%x is valid with a byte more or less", v)
		}
		r := Request{Method: Store, Value: v, Trailer: trailers["everything"]}
		got, err := parseRequest(w.Request(nil, &r))
		if err != nil || !bytes.Equal(got.Value, v) || got.Trailer != r.Trailer {
			t.Errorf("%x stored: %x, trailer %+v, %v", v, got.Value, got.Trailer, err)
		}
		a, err := parseAnswer(w.Value(nil, &r.Msg, v, &Trailer{}), FindValue, 20)
		if err != nil || !bytes.Equal(a.Value, v) {
			t.Errorf("%x found: %x, %v", v, a.Value, err)
		}
	})
}
