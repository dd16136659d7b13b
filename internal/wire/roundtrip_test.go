package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// trailers are one of each shape.
var trailers = map[string]Trailer{
	"none":       {},
	"empty":      {Present: true},
	"caps":       {Present: true, Caps: CapClient | CapIPv6},
	"all caps":   {Present: true, Caps: ^Caps(0)},
	"sender":     {Present: true, Caps: CapIPv4, Sender: testID(5)},
	"new value":  {Present: true, Life: true, TTL: 24 * time.Hour},
	"old value":  {Present: true, Life: true, Age: 3 * time.Hour, TTL: 24 * time.Hour},
	"life of 0":  {Present: true, Life: true},
	"everything": {Present: true, Caps: CapIPv4 | CapIPv6, Sender: testID(6), Life: true, Age: maxLife, TTL: maxLife},
}

func TestRequestsRoundTrip(t *testing.T) {
	w := NewWriter()
	for _, r := range sampleRequests() {
		bare := w.Request(nil, &r)
		for name, trailer := range trailers {
			t.Run(fmt.Sprintf("%v/%s", r.Method, name), func(t *testing.T) {
				r := r
				r.Trailer = trailer
				d := w.Request([]byte("before"), &r)
				if !bytes.HasPrefix(d, append([]byte("before"), bare...)) {
					t.Fatalf("%x does not begin with the request without a trailer, %x", d, bare)
				}
				got, err := parseRequest(d[len("before"):])
				if err != nil || !reflect.DeepEqual(got, r) {
					t.Errorf("parsed as %+v, %v, want %+v", got, err, r)
				}
			})
		}
	}
}

func TestAnswersRoundTrip(t *testing.T) {
	w := NewWriter()
	for _, s := range sampleAnswers() {
		bare := s.write(w, nil, &Trailer{})
		for name, trailer := range trailers {
			t.Run(s.name+"/"+name, func(t *testing.T) {
				d := s.write(w, []byte("before"), &trailer)
				if !bytes.HasPrefix(d, append([]byte("before"), bare...)) {
					t.Fatalf("%x does not begin with the answer without a trailer, %x", d, bare)
				}
				want := s.want
				want.Trailer = trailer
				got, err := parseAnswer(d[len("before"):], s.method, 20)
				if err != nil || !sameAnswer(&got, &want) {
					t.Errorf("parsed as %+v, %v, want %+v", got, err, want)
				}
			})
		}
	}
}

// Cut anywhere in its body, a message is malformed. Cut in its trailer, it is the
// message without one.
func TestCutMessages(t *testing.T) {
	w := NewWriter()
	full := trailers["everything"]
	for _, r := range sampleRequests() {
		body := len(w.Request(nil, &r))
		r.Trailer = full
		d := w.Request(nil, &r)
		for n := range d {
			got, err := parseRequest(d[:n])
			if whole := n >= body; (err == nil) != whole || got.Trailer.Present {
				t.Errorf("%v, %d of %d bytes: %v, trailer %+v, want to parse: %v, no trailer", r.Method, n,
					len(d), err, got.Trailer, whole)
			}
		}
	}
	for _, s := range sampleAnswers() {
		body := len(s.write(w, nil, &Trailer{}))
		d := s.write(w, nil, &full)
		for n := range d {
			got, err := parseAnswer(d[:n], s.method, 20)
			if whole := n >= body; (err == nil) != whole || got.Trailer.Present {
				t.Errorf("%s, %d of %d bytes: %v, trailer %+v, want to parse: %v, no trailer", s.name, n,
					len(d), err, got.Trailer, whole)
			}
		}
	}
}

func TestRandomMessagesRoundTrip(t *testing.T) {
	const seed = 1
	src := rand.New(rand.NewPCG(seed, 0))
	rounds := 20_000
	if testing.Short() {
		rounds = 2000
	}
	w, p := NewWriter(), NewParser()
	var buf []byte
	var r Request
	var a Answer
	for i := range rounds {
		want := randomRequest(src)
		buf = w.Request(buf[:0], &want)
		_, r.Msg, _, _ = Header(buf)
		if err := p.Request(buf[HeaderLen:], &r); err != nil || !reflect.DeepEqual(r, want) {
			t.Fatalf("seed %d, round %d: parsed as %+v, %v, want %+v", seed, i, r, err, want)
		}

		m := Method(src.IntN(int(Methods)))
		answer := randomAnswer(src, m)
		buf = writeAnswer(w, buf[:0], m, &r.Msg, &answer)
		if err := p.Answer(buf[HeaderLen:], m, len(answer.Contacts), &a); err != nil || !sameAnswer(&a, &answer) {
			t.Fatalf("seed %d, round %d: answer to %v parsed as %+v, %v, want %+v", seed, i, m, a, err, answer)
		}
	}
}

// sameAnswer compares answers. A nil list of contacts equals an empty one.
func sameAnswer(a, b *Answer) bool {
	return a.ID == b.ID && a.Stored == b.Stored && slices.Equal(a.Contacts, b.Contacts) && a.Skipped == b.Skipped &&
		bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil) && a.Addr == b.Addr && a.Trailer == b.Trailer
}

// writeAnswer writes an answer to m that parses as a.
func writeAnswer(w *Writer, dst []byte, m Method, msg *MsgID, a *Answer) []byte {
	switch {
	case m == Ping:
		return w.Pong(dst, msg, &a.ID, &a.Trailer)
	case m == Store:
		return w.Stored(dst, msg, a.Stored, &a.Trailer)
	case m == Stun:
		return w.Stun(dst, msg, a.Addr, &a.Trailer)
	case a.Value != nil:
		return w.Value(dst, msg, a.Value, &a.Trailer)
	}
	return w.Contacts(dst, msg, a.Contacts, &a.Trailer)
}

func randomRequest(src *rand.Rand) Request {
	r := Request{Msg: randomID(src), Method: Method(src.IntN(int(Methods))), Trailer: randomTrailer(src)}
	if r.Method != Stun {
		r.Sender = randomID(src)
	}
	if r.Method != Stun && r.Method != Ping {
		r.Target = randomID(src)
	}
	if r.Method == Store {
		r.Value = randomValue(src, 4)
	}
	return r
}

func randomAnswer(src *rand.Rand, m Method) Answer {
	a := Answer{Trailer: randomTrailer(src)}
	switch {
	case m == Ping:
		a.ID = randomID(src)
	case m == Store:
		a.Stored = src.IntN(2) == 0
	case m == Stun:
		a.Addr = randomAddr(src)
	case m == FindValue && src.IntN(2) == 0:
		a.Value = randomValue(src, 4)
	default:
		for range src.IntN(40) {
			a.Contacts = append(a.Contacts, Contact{randomID(src), randomAddr(src)})
		}
	}
	return a
}

func randomTrailer(src *rand.Rand) Trailer {
	if src.IntN(4) == 0 {
		return Trailer{}
	}
	t := Trailer{Present: true, Caps: Caps(src.Uint64() >> src.IntN(64))}
	if src.IntN(2) == 0 {
		t.Sender = randomID(src)
	}
	if src.IntN(2) == 0 {
		t.Life = true
		t.Age = time.Duration(src.Int64N(int64(maxLife/time.Second))>>src.IntN(30)) * time.Second
		t.TTL = time.Duration(src.Int64N(int64(maxLife/time.Second))>>src.IntN(30)) * time.Second
	}
	if src.IntN(2) == 0 {
		t.Version, t.Marks = src.Uint64()>>src.IntN(64), Marks(src.Uint64N(4))
		t.Run, t.Network, t.K = src.Uint32(), src.Uint32()>>src.IntN(33), uint8(src.Uint32())
	}
	return t
}

func randomID(src *rand.Rand) (id ID) {
	for i := range id {
		id[i] = byte(src.Uint32())
	}
	return id
}

func randomAddr(src *rand.Rand) netip.AddrPort {
	ip := netip.AddrFrom4([4]byte(randomBytes(src, 4)))
	if src.IntN(3) == 0 {
		ip = netip.AddrFrom16([16]byte(randomBytes(src, 16))).Unmap()
	}
	return netip.AddrPortFrom(ip, uint16(1+src.IntN(65535)))
}

func randomBytes(src *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(src.Uint32())
	}
	return b
}

// randomValue returns a value of any type, with lists and maps nested depth deep at
// most. The keys of maps are small integers.
func randomValue(src *rand.Rand, depth int) []byte {
	var b bytes.Buffer
	encodeRandom(msgpack.NewEncoder(&b), &b, src, depth)
	return b.Bytes()
}

func encodeRandom(e *msgpack.Encoder, b *bytes.Buffer, src *rand.Rand, depth int) {
	kinds := 10
	if depth == 0 {
		kinds = 8
	}
	switch src.IntN(kinds) {
	case 0:
		e.EncodeNil()
	case 1:
		e.EncodeBool(src.IntN(2) == 0)
	case 2:
		e.EncodeInt(int64(src.Uint64()) >> src.IntN(64))
	case 3:
		e.EncodeUint(src.Uint64() >> src.IntN(64))
	case 4:
		e.EncodeFloat64(src.NormFloat64())
	case 5:
		e.EncodeString(string([]rune("aé日😀")[src.IntN(4)]))
	case 6:
		e.EncodeBytes(randomBytes(src, src.IntN(300)))
	case 7:
		n := src.IntN(20)
		e.EncodeExtHeader(int8(src.IntN(128)), n)
		b.Write(make([]byte, n))
	case 8:
		n := src.IntN(20)
		e.EncodeArrayLen(n)
		for range n {
			encodeRandom(e, b, src, depth-1)
		}
	case 9:
		n := src.IntN(20)
		e.EncodeMapLen(n)
		for i := range n {
			e.EncodeInt(int64(i) - 10)
			encodeRandom(e, b, src, depth-1)
		}
	}
}
