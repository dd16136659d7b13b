package wire

import (
	"strings"
	"testing"
)

// All messages of this package and of the reference are well-formed; their parts are
// not.
func TestWellFormed(t *testing.T) {
	p, w := NewParser(), NewWriter()
	check := func(name string, b []byte, want Kind) {
		t.Helper()
		if kind, ok := p.WellFormed(b); !ok || kind != want {
			t.Errorf("%s: WellFormed(%x) = %d, %v, want %d, true", name, b, kind, ok, want)
		}
		for n := range HeaderLen + 1 {
			if _, ok := p.WellFormed(b[:n]); ok {
				t.Errorf("%s cut to %d bytes is well-formed", name, n)
			}
		}
		if _, ok := p.WellFormed(b[:len(b)-1]); ok {
			t.Errorf("%s without its last byte is well-formed", name)
		}
	}
	for _, trailer := range trailers {
		for _, r := range sampleRequests() {
			r.Trailer = trailer
			check(r.Method.String(), w.Request(nil, &r), KindRequest)
		}
		for _, s := range sampleAnswers() {
			check(s.name, s.write(w, nil, &trailer), KindAnswer)
		}
	}
	v := readVectors(t)
	for _, c := range v.RPC {
		check("reference's request", c.Request, KindRequest)
		check("reference's answer", c.Response, KindAnswer)
	}
}

func TestNotWellFormed(t *testing.T) {
	const request, answer = "00", "01"
	id := strings.Repeat("ab", 20)
	tests := []struct {
		name, hex string
		want      bool
	}{
		{"unknown procedure", request + id + "92" + hexStr("offer") + "91c0", true},
		{"no arguments", request + id + "92" + hexStr("x") + "90", true},
		{"trailer", request + id + "92" + hexStr("x") + "90" + "80", true},
		{"answer of any type", answer + id + "c0", true},
		{"answer and trailer", answer + id + "c0" + "810005", true},

		{"third kind", "02" + id + "c0", false},
		{"no body", answer + id, false},
		{"no arguments at all", request + id + "91" + hexStr("x"), false},
		{"a third item", request + id + "93" + hexStr("x") + "90c0", false},
		{"name no string", request + id + "92" + "c0" + "90", false},
		{"name no UTF-8", request + id + "92" + "a1ff" + "90", false},
		{"arguments no list", request + id + "92" + hexStr("x") + "80", false},
		{"argument missing", request + id + "92" + hexStr("x") + "91", false},
		{"code that means nothing", answer + id + "c1", false},
		{"answer with a key twice", answer + id + "82" + "0101" + "0102", false},
		{"trailer no map", answer + id + "c0" + "90", false},
		{"trailer cut", answer + id + "c0" + "8100", false},
		{"behind the trailer", answer + id + "c0" + "80" + "80", false},
		{"text", "00474554202f20485454502f312e310d0a486f73743a2061", false},
	}
	p := NewParser()
	for _, tt := range tests {
		if _, ok := p.WellFormed(fromHex(t, tt.hex)); ok != tt.want {
			t.Errorf("%s: WellFormed = %v, want %v", tt.name, ok, tt.want)
		}
	}
}

// A well-formed answer is a value, or a value and a map, as another reading of
// msgpack has it.
func FuzzWellFormed(f *testing.F) {
	seedBodies(f)
	p := NewParser()
	f.Fuzz(func(t *testing.T, body []byte) {
		for kind := range Kind(2) {
			b := append([]byte{byte(kind)}, make([]byte, 20)...)
			if got, ok := p.WellFormed(append(b, body...)); ok && got != kind {
				t.Errorf("kind = %d, want %d", got, kind)
			} else if kind == KindAnswer {
				rest, want := skip(body, 0)
				if want {
					want = decodable(body[:len(body)-len(rest)])
				}
				if want && len(rest) > 0 {
					want = isMap(rest[0]) && decodable(rest)
				}
				if ok != want {
					t.Errorf("WellFormed(answer %x) = %v, want %v", body, ok, want)
				}
			}
		}
	})
}
