package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/transport/wsrelay/message"
)

func withToken(token string) func(*wsrelay.Config) {
	return func(c *wsrelay.Config) { c.Token = token }
}

func TestTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte("alice\n\n \tbob\r\nopen sesame\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenVariable, "from the environment")
	p := start(t, "--token", "carol", "--token-file", file)
	for _, token := range []string{"alice", "bob", "open sesame", "carol", "from the environment"} {
		dial(t, p.url, withToken(token))
	}
	for _, token := range []string{"", "alic", "open", "sesame", "dave"} {
		ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
		_, err := wsrelay.Dial(ctx, wsrelay.Config{Relays: []string{p.url}, Token: token})
		cancel()
		if e := new(message.Error); !errors.As(err, &e) || e.Code != message.CodeToken {
			t.Errorf("Dial with token %q = %v, want code %d", token, err, message.CodeToken)
		}
	}
}

// handshake are the headers that open a WebSocket.
var handshake = []string{
	"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
	"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol", message.Subprotocol,
}

func upgrade(h http.Header) {
	for i := 0; i < len(handshake); i += 2 {
		h.Set(handshake[i], handshake[i+1])
	}
}

// Pages of other sites, and names that lead here, need to be allowed.
func TestOrigins(t *testing.T) {
	closed := start(t)
	open := start(t, "--allow-origin", "https://app.example.org", "--allow-host", "relay.example.org", "--trust-proxy", "10.0.0.0/8,::1")
	all := start(t, "--allow-origin", "*", "--trust-proxy", "127.0.0.1")
	tests := []struct {
		p            *process
		host, origin string
		want         int
	}{
		{closed, "", "", 101},
		{closed, "", closed.url, 101},
		{closed, "", "https://app.example.org", 403},
		{closed, "relay.example.org", "", 403},
		{open, "", "https://app.example.org", 101},
		{open, "", "https://evil.example.org", 403},
		{open, "relay.example.org", "https://relay.example.org", 101},
		{all, "relay.example.org", "https://evil.example.org", 101},
	}
	for _, tt := range tests {
		headers := handshake
		if tt.host != "" {
			headers = append(headers[:len(headers):len(headers)], "Host", tt.host)
		}
		if tt.origin != "" {
			headers = append(headers[:len(headers):len(headers)], "Origin", tt.origin)
		}
		if r, body := get(t, tt.p.url+"/relay", headers...); r.StatusCode != tt.want {
			t.Errorf("WebSocket to %q from %q = %s %q, want %d", tt.host, tt.origin, r.Status, body, tt.want)
		}
	}
}

// Behind a proxy, tabs count by where they come from.
func TestProxy(t *testing.T) {
	p := start(t, "--trust-proxy", "127.0.0.1", "--max-peers-per-ip", "1")
	target, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	var site atomic.Int32
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Set("X-Forwarded-For", fmt.Sprintf("127.0.0.1, 192.0.2.%d", site.Load()))
	}})
	defer proxy.Close()
	dial(t, proxy.URL)
	ctx, cancel := context.WithCancel(soon(t))
	var refusal error
	wsrelay.Dial(ctx, wsrelay.Config{Relays: []string{proxy.URL}, OnState: func(s wsrelay.State) {
		if s.Phase == wsrelay.Lost {
			refusal = s.Reason
			cancel()
		}
	}})
	if e := new(message.Error); !errors.As(refusal, &e) || e.Code != message.CodePerIP {
		t.Errorf("second tab from one address: %v, want code %d", refusal, message.CodePerIP)
	}
	site.Store(1)
	dial(t, proxy.URL)
}
