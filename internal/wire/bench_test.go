package wire

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// Sinks keep the compiler from dropping the measured calls.
var (
	sinkBytes []byte
	sinkErr   error
)

// benchTrailer is the longest trailer that nodes send.
var benchTrailer = Trailer{
	Present: true, Caps: CapIPv4 | CapIPv6, Sender: testID(9),
	Life: true, Age: 90 * time.Minute, TTL: 24 * time.Hour,
}

func BenchmarkParseRequest(b *testing.B) {
	for _, r := range sampleRequests() {
		for _, with := range []string{"bare", "trailer"} {
			if with == "trailer" {
				r.Trailer = benchTrailer
			}
			b.Run(fmt.Sprintf("%v/%s", r.Method, with), func(b *testing.B) {
				d := NewWriter().Request(nil, &r)
				p, got := NewParser(), new(Request)
				b.ReportAllocs()
				for b.Loop() {
					_, _, body, _ := Header(d)
					sinkErr = p.Request(body, got)
				}
				if sinkErr != nil {
					b.Fatal(sinkErr)
				}
			})
		}
	}
}

func BenchmarkParseAnswer(b *testing.B) {
	for _, s := range sampleAnswers() {
		b.Run(s.name, func(b *testing.B) {
			d := s.write(NewWriter(), nil, &benchTrailer)
			p, got := NewParser(), new(Answer)
			b.ReportAllocs()
			for b.Loop() {
				_, _, body, _ := Header(d)
				sinkErr = p.Answer(body, s.method, 20, got)
			}
			if sinkErr != nil {
				b.Fatal(sinkErr)
			}
		})
	}
}

func BenchmarkWriteRequest(b *testing.B) {
	for _, r := range sampleRequests() {
		r.Trailer = Trailer{Present: true, Caps: CapIPv4 | CapIPv6}
		b.Run(r.Method.String(), func(b *testing.B) {
			w, buf := NewWriter(), make([]byte, 0, 10_000)
			b.ReportAllocs()
			for b.Loop() {
				sinkBytes = w.Request(buf, &r)
			}
		})
	}
}

func BenchmarkWriteAnswer(b *testing.B) {
	for _, s := range sampleAnswers() {
		b.Run(s.name, func(b *testing.B) {
			w, buf := NewWriter(), make([]byte, 0, 10_000)
			b.ReportAllocs()
			for b.Loop() {
				sinkBytes = s.write(w, buf, &benchTrailer)
			}
		})
	}
}

// BenchmarkParseHostile measures datagrams of the greatest length that make work:
// the most time that one can cost.
func BenchmarkParseHostile(b *testing.B) {
	bodies := hostileBodies(b)
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		body := bodies[name]
		if len(body) < 10_000 {
			continue
		}
		b.Run(name, func(b *testing.B) {
			p, r, a := NewParser(), new(Request), new(Answer)
			b.ReportAllocs()
			for b.Loop() {
				p.Request(body, r)
				sinkErr = p.Answer(body, FindValue, 20, a)
			}
		})
	}
}
