package wire

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// hexBytes are bytes, hexadecimal digits in JSON.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	got, err := hex.DecodeString(string(text))
	*b = got
	return err
}

// vectors is the part of core/testdata/vectors.json about the wire: messages that the
// Python reference writes, reads and refuses.
type vectors struct {
	RPC []struct {
		Name, RPC         string
		Request, Response hexBytes
	}
	Odd struct {
		Cases []struct {
			Name             string
			Datagram, Answer hexBytes
		}
	}
	OddAnswers []struct {
		Name, RPC string
		Answers   []struct{ Body hexBytes }
	} `json:"odd_answers"`
	Values []struct {
		Name     string
		Encoding hexBytes
	}
	Decode []struct {
		Name, Error string
		Encoding    hexBytes
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("../../core/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func methodOf(t testing.TB, name string) Method {
	t.Helper()
	for m := range Methods {
		if m.String() == name {
			return m
		}
	}
	t.Fatalf("no method is called %q", name)
	return 0
}

func TestReferenceRequestsAreReadAndWrittenAlike(t *testing.T) {
	for _, v := range readVectors(t).RPC {
		t.Run(v.Name, func(t *testing.T) {
			r, err := parseRequest(v.Request)
			if err != nil || r.Method != methodOf(t, v.RPC) || r.Trailer.Present {
				t.Fatalf("parsed as %+v, %v, want a %s without trailer", r, err, v.RPC)
			}
			if got := NewWriter().Request(nil, &r); string(got) != string(v.Request) {
				t.Errorf("written as %x, want %x", got, []byte(v.Request))
			}
		})
	}
}

// Two answers are written differently: they hold a scope and a mapped address, which
// mean nothing on another machine.
var writtenOtherwise = map[string]bool{
	"stun over IPv6, link-local":            true,
	"stun over IPv4 on a dual-stack socket": true,
}

func TestReferenceAnswersAreReadAndWrittenAlike(t *testing.T) {
	for _, v := range readVectors(t).RPC {
		t.Run(v.Name, func(t *testing.T) {
			m, msg := methodOf(t, v.RPC), MsgID(v.Response[1:HeaderLen])
			a, err := parseAnswer(v.Response, m, 20)
			if err != nil || a.Skipped != 0 || a.Trailer.Present {
				t.Fatalf("parsed as %+v, %v, want no error, nothing skipped, no trailer", a, err)
			}
			got := writeAnswer(NewWriter(), nil, m, &msg, &a)
			if same := string(got) == string(v.Response); same == writtenOtherwise[v.Name] {
				t.Errorf("written as %x, want %x, or else unlike: %v", got, []byte(v.Response), writtenOtherwise[v.Name])
			}
		})
	}
}

// oddOutcomes are the results of parsing the requests in the vectors' section "odd", by
// the beginning of their names; the first match counts. A request without a match must
// be parsed. unlike is the reason where the reference answers a request that is not
// parsed here, or the other way round.
var oddOutcomes = []struct {
	prefix string
	err    error
	unlike string
}{
	{"first 22 bytes", ErrBody, ""},
	{"first ", ErrShort, ""},
	{"type 12", ErrKind, ""},
	{"type 1", ErrBody, ""}, // it is no request
	{"type ", ErrKind, ""},
	{"body as ", nil, ""},
	{"body 5000 deep", ErrBody, ""},
	{"body is ", ErrBody, ""},
	{"name as ", nil, ""},
	{"name is bytes", ErrBody, ""},
	{"name is nil", ErrBody, ""},
	{"name is int", ErrBody, ""},
	{"name is list", ErrBody, ""},
	{"name is str32 of", ErrBody, ""},
	{"name is ", ErrMethod, ""},
	{"args as ", nil, ""},
	{"args is ", ErrArgs, ""},
	{"args ", ErrArgs, ""},
	{"id as ", nil, ""},
	{"ping with", ErrArgs, ""},
	{"stun with", ErrArgs, ""},
	{"find_node with", ErrArgs, ""},
	{"find_value with", ErrArgs, ""},
	{"store with", ErrArgs, ""},
	{"stun, args is an empty ", ErrArgs, "arguments come as a list"},
	{"stun, args is empty bytes", ErrArgs, "arguments come as a list"},
	{"ping, args is a map with the id as key", ErrArgs, "arguments come as a list"},
	{"stun, args is ", ErrArgs, ""},
	{"ping, args is ", ErrArgs, ""},
	{"ping, id is all zero", nil, ""},
	{"ping, id is 2^160-1", nil, ""},
	{"ping, id is the server's own", nil, ""},
	{"ping, id is a known contact's", nil, ""},
	{"ping, id is 19 bytes", ErrArgs, "an id has 20 bytes"},
	{"ping, id is 1 byte", ErrArgs, "an id has 20 bytes"},
	{"ping, id is 3 bytes", ErrArgs, "an id has 20 bytes"},
	{"ping, id is 21 bytes, first is 0", ErrArgs, "an id has 20 bytes"},
	{"ping, id is ", ErrArgs, ""},
	{"find_value hit, id is ", ErrArgs, ""},
	{"store, id is ", ErrArgs, ""},
	{"find_node, id is ", ErrArgs, ""},
	{"find_node, target is 1 byte", ErrArgs, "an id has 20 bytes"},
	{"find_node, target is 19 bytes", ErrArgs, "an id has 20 bytes"},
	{"find_node, target is 21 bytes, first is 0", ErrArgs, "an id has 20 bytes"},
	{"find_node, target is ", ErrArgs, ""},
	{"find_value, key is 1 byte", ErrArgs, "a key has 20 bytes"},
	{"find_value, key is 19 bytes", ErrArgs, "a key has 20 bytes"},
	{"find_value, key is 21 bytes, first is 0", ErrArgs, "a key has 20 bytes"},
	{"find_value, key is ", ErrArgs, ""},
	{"store, key is empty", ErrArgs, "a key has 20 bytes"},
	{"store, key is 1 byte", ErrArgs, "a key has 20 bytes"},
	{"store, key is 19 bytes", ErrArgs, "a key has 20 bytes"},
	{"store, key is 21 bytes", ErrArgs, "a key has 20 bytes"},
	{"store, key is 1000 bytes", ErrArgs, "a key has 20 bytes"},
	{"store, key is a float", ErrArgs, "a key has 20 bytes"},
	{"store, key is ", ErrArgs, ""},
	{"store, timestamp of length 1", ErrValue, ""},
	{"store, timestamp of year 10000", ErrValue, ""},
	{"store, map with a key twice", ErrValue, ""},
	{"store, map with 1 and true", ErrValue, ""},
	{"store, map with a map as key", ErrValue, ""},
	{"store, reserved c1", ErrValue, ""},
	{"store, str with ", ErrValue, ""},
	{"store, str beyond ", ErrValue, ""},
	{"store, str cut ", ErrValue, ""},
	{"store, list 5000 deep", ErrValue, ""},
	{"store, map 5000 deep", ErrValue, ""},
	{"store, str32 of 2^32-1", ErrValue, ""},
	{"store, bin32 of 2^32-1", ErrValue, ""},
	{"store, array32 of 2^32-1", ErrValue, ""},
	{"store, map32 of 2^32-1", ErrValue, ""},
	{"store, ext32 of 2^32-1", ErrValue, ""},
	{"store, ", nil, ""},
	{"store cut after the first byte", ErrBody, ""},
	{"store cut in the name", ErrBody, ""},
	{"store cut after the key", ErrValue, ""},
	{"store cut one byte short", ErrValue, ""},
	{"store cut ", ErrArgs, ""},
}

func TestOddRequests(t *testing.T) {
	used := make(map[string]bool)
	for _, c := range readVectors(t).Odd.Cases {
		var want error
		unlike := ""
		for _, o := range oddOutcomes {
			if strings.HasPrefix(c.Name, o.prefix) {
				want, unlike = o.err, o.unlike
				used[o.prefix] = true
				break
			}
		}
		t.Run(c.Name, func(t *testing.T) {
			_, err := parseRequest(c.Datagram)
			if !errors.Is(err, want) {
				t.Fatalf("error %v, want %v", err, want)
			}
			if same := (err == nil) == (c.Answer != nil); same != (unlike == "") {
				t.Errorf("error %v, answered by the reference: %v, listed as a difference: %q",
					err, c.Answer != nil, unlike)
			}
		})
	}
	for _, o := range oddOutcomes {
		if !used[o.prefix] {
			t.Errorf("no case begins with %q and with nothing listed before it", o.prefix)
		}
	}
}
