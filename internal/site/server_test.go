//go:build !js

package site

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// visit opens a connection to a server and sends text.
func visit(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, text)
	return c
}

// A connection beyond the share of its address closes an idle one. Hijacked connections
// do not count.
func TestConnsOverNetwork(t *testing.T) {
	const request = "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
	var v ConnLimiter
	s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/take" {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { c.Close() })
			io.WriteString(c, "taken")
		}
	}), &v, slog.New(slog.DiscardHandler))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error)
	go func() { over <- s.Serve(l) }()
	defer func() { s.Close(); <-over }()
	addr := l.Addr().String()

	answered := func(c net.Conn) bool {
		n, _ := c.Read(make([]byte, 5))
		return n > 0
	}
	for range 3 {
		if !answered(visit(t, addr, strings.Replace(request, "/", "/take", 1))) {
			t.Fatal("connection closed, want it taken over")
		}
	}
	var silent []net.Conn
	for range maxPerSource - 1 {
		silent = append(silent, visit(t, addr, ""))
	}
	if !answered(visit(t, addr, request)) {
		t.Fatal("connection closed, want an answer: there is room")
	}
	// The answered connection is idle soon and makes room. Connections closed before
	// that count as refused.
	refused := 0
	for late := time.Now().Add(time.Minute); !answered(visit(t, addr, request)); refused++ {
		if time.Now().After(late) {
			t.Fatal("connection closed for a minute, want that the idle one makes room")
		}
	}
	if got := v.Refused(); got != uint64(refused) {
		t.Errorf("Refused = %d, want %d", got, refused)
	}
	for _, c := range silent {
		io.WriteString(c, request)
		if !answered(c) {
			t.Fatal("connection closed, want an answer: it was not idle")
		}
	}
}

func TestComplaints(t *testing.T) {
	var out bytes.Buffer
	s := NewServer(nil, nil, slog.New(slog.NewTextHandler(&out, nil)))
	s.ErrorLog.Print("http: TLS handshake error from 192.0.2.1:1: EOF")
	s.ErrorLog.Print("http: panic serving")
	if got := out.String(); strings.Count(got, "\n") != 1 ||
		!strings.Contains(got, `level=WARN msg="http server" error="http: panic serving"`) {
		t.Errorf("logged %q, want the panic alone", got)
	}
}
