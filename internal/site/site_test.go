package site

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

var (
	page = strings.Repeat("<p>hello from the page</p>\n", 50)
	wasm = strings.Repeat("\x00asm machine code ", 50)
)

// example is a page with a module that was compressed in advance.
func example(t *testing.T) *Site {
	t.Helper()
	s, err := New(fstest.MapFS{
		"index.html":              {Data: []byte(page)},
		"page.js":                 {Data: []byte("1")},
		"page/rows.js":            {Data: []byte(strings.Repeat("rows();", 100))},
		"page/kadmesh.js":         {Data: []byte("2")},
		"icon.svg":                {Data: []byte("<svg/>")},
		"kadmesh/kadmesh.js":      {Data: []byte("3")},
		"kadmesh/kadmesh.d.ts":    {Data: []byte("4")},
		"kadmesh/kadmesh.wasm":    {Data: []byte(wasm)},
		"kadmesh/kadmesh.wasm.br": {Data: []byte("in brotli")},
		"kadmesh/kadmesh.wasm.gz": {Data: []byte("in gzip")},
		"alone.gz":                {Data: []byte("not a form of another file")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask requests a path from s, with headers as pairs of name and value.
func ask(s http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFiles(t *testing.T) {
	s := example(t)
	tests := []struct {
		path   string
		status int
		kind   string
		open   bool // to other sites
	}{
		{"/", 200, "text/html; charset=utf-8", false},
		{"/index.html", 200, "text/html; charset=utf-8", false},
		{"/page.js", 200, "text/javascript; charset=utf-8", false},
		{"/page/rows.js", 200, "text/javascript; charset=utf-8", false},
		{"/page/kadmesh.js", 200, "text/javascript; charset=utf-8", false},
		{"/icon.svg", 200, "image/svg+xml", false},
		{"/kadmesh.js", 200, "text/javascript; charset=utf-8", true},
		{"/kadmesh.d.ts", 200, "text/plain; charset=utf-8", true},
		{"/kadmesh.wasm", 200, "application/wasm", true},
		{"/alone.gz", 200, "application/octet-stream", false},
		{"/kadmesh.wasm.br", 404, "text/plain; charset=utf-8", false},
		{"/kadmesh/kadmesh.js", 404, "text/plain; charset=utf-8", false},
		{"/page", 404, "text/plain; charset=utf-8", false},
		{"/page/", 404, "text/plain; charset=utf-8", false},
		{"/../site.go", 404, "text/plain; charset=utf-8", false},
		{"/nothing", 404, "text/plain; charset=utf-8", false},
	}
	for _, tt := range tests {
		r := ask(s, "GET", tt.path)
		if r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.kind {
			t.Errorf("GET %s = %d %s, want %d %s", tt.path, r.StatusCode, r.Header.Get("Content-Type"), tt.status, tt.kind)
		}
		if got := r.Header.Get("Access-Control-Allow-Origin") == "*"; got != tt.open {
			t.Errorf("GET %s open to other sites: %v, want %v", tt.path, got, tt.open)
		}
		if got := r.Header.Get("Cross-Origin-Resource-Policy") == "cross-origin"; got != tt.open {
			t.Errorf("GET %s usable across origins: %v, want %v", tt.path, got, tt.open)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := example(t)
	for _, path := range []string{"/", "/kadmesh.wasm", "/nothing"} {
		h := ask(s, "GET", path).Header
		for name, want := range map[string]string{
			"Content-Security-Policy":    policy,
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Permissions-Policy":         "camera=(), geolocation=(), microphone=()",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("GET %s: %s: %q, want %q", path, name, got, want)
			}
		}
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'",
		"frame-ancestors 'none'", "connect-src 'self' ws: wss:"} {
		if !strings.Contains(policy, want+";") && !strings.HasSuffix(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
}

func TestEncodings(t *testing.T) {
	s := example(t)
	tests := []struct {
		path, accept string
		coding       string
	}{
		{"/", "", ""},
		{"/", "gzip, deflate, br, zstd", "br"},
		{"/", "br;q=0, gzip", "gzip"},
		{"/", "br; q=0.0, *", "gzip"},
		{"/", "*", "br"},
		{"/", "*;q=0", ""},
		{"/", "GZIP;q=0.5", "gzip"},
		{"/", "br;q=much", ""},
		{"/", "brotli, x-gzip", ""},
		{"/page.js", "br, gzip", ""}, // too short to get shorter
		{"/kadmesh.wasm", "gzip", "gzip"},
		{"/kadmesh.wasm", "br, gzip", "br"},
		{"/kadmesh.wasm", "zstd", ""},
	}
	for _, tt := range tests {
		r := ask(s, "GET", tt.path, "Accept-Encoding", tt.accept)
		if got := r.Header.Get("Content-Encoding"); got != tt.coding {
			t.Errorf("GET %s with Accept-Encoding %q is encoded as %q, want %q", tt.path, tt.accept, got, tt.coding)
		}
		if vary := r.Header.Get("Vary") == "Accept-Encoding"; vary != (tt.path != "/page.js") {
			t.Errorf("GET %s varies with the encoding: %v", tt.path, vary)
		}
	}

	// Files compressed here decode to the original; files compressed before are unchanged.
	br := ask(s, "GET", "/", "Accept-Encoding", "br").Body
	if got := text(t, brotli.NewReader(br)); got != page {
		t.Errorf("page in brotli = %.80q", got)
	}
	gz, err := gzip.NewReader(ask(s, "GET", "/", "Accept-Encoding", "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, gz); got != page {
		t.Errorf("page in gzip = %.80q", got)
	}
	if got := text(t, ask(s, "GET", "/kadmesh.wasm", "Accept-Encoding", "br").Body); got != "in brotli" {
		t.Errorf("module in brotli = %q, want what was compressed in advance", got)
	}
}

func TestETags(t *testing.T) {
	s := example(t)
	seen := make(map[string]string)
	for _, coding := range []string{"identity", "gzip", "br"} {
		r := ask(s, "GET", "/kadmesh.wasm", "Accept-Encoding", coding)
		tag := r.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || seen[tag] != "" || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: ETag %s, Cache-Control %s, want a strong tag of its own and no-cache", coding, tag,
				r.Header.Get("Cache-Control"))
		}
		seen[tag] = coding
		for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			r := ask(s, "GET", "/kadmesh.wasm", "Accept-Encoding", coding, "If-None-Match", known)
			if body := text(t, r.Body); r.StatusCode != 304 || body != "" || r.Header.Get("ETag") != tag {
				t.Errorf("%s, If-None-Match %s = %d with %d bytes, want 304", coding, known, r.StatusCode, len(body))
			}
		}
		if r := ask(s, "GET", "/kadmesh.wasm", "Accept-Encoding", coding, "If-None-Match", `"other"`); r.StatusCode != 200 {
			t.Errorf("%s, If-None-Match of another = %d, want 200", coding, r.StatusCode)
		}
	}
}

// The page says which network its tabs join, in each coding.
func TestNetwork(t *testing.T) {
	const head = `<!doctype html><meta name="kadmesh-network" content="`
	s, err := New(fstest.MapFS{"index.html": {Data: []byte(head + `">` + page)}})
	if err != nil {
		t.Fatal(err)
	}
	before := ask(s, "GET", "/").Header.Get("ETag")
	s.SetNetwork(`red "&" blue`)
	plain := ask(s, "GET", "/")
	const want = head + `red &#34;&amp;&#34; blue">`
	if got := text(t, plain.Body); !strings.HasPrefix(got, want) || plain.Header.Get("ETag") == before {
		t.Errorf("the page begins with %.100q, ETag %s; want %q, and another ETag than %s",
			got, plain.Header.Get("ETag"), want, before)
	}
	if got := text(t, brotli.NewReader(ask(s, "GET", "/", "Accept-Encoding", "br").Body)); !strings.HasPrefix(got, want) {
		t.Errorf("with brotli the page begins with %.100q, want %q", got, want)
	}
}

func TestMethods(t *testing.T) {
	s := example(t)
	get, head := ask(s, "GET", "/"), ask(s, "HEAD", "/")
	if body := text(t, head.Body); body != "" || head.StatusCode != 200 ||
		head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
		t.Errorf("HEAD = %d with %d bytes, Content-Length %s", head.StatusCode, len(body), head.Header.Get("Content-Length"))
	}
	for _, m := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := ask(s, m, "/"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s = %d, Allow %q, want 405", m, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

// A program built without the module names the remedy.
func TestNoModule(t *testing.T) {
	if !example(t).HasModule() {
		t.Error("HasModule = false, want true")
	}
	s, err := New(fstest.MapFS{"index.html": {Data: []byte(page)}})
	if err != nil {
		t.Fatal(err)
	}
	r := ask(s, "GET", "/kadmesh.wasm")
	if body := text(t, r.Body); s.HasModule() || r.StatusCode != 404 || !strings.Contains(body, "make build") {
		t.Errorf("HasModule = %v, GET = %d %q, want 404 and what to do", s.HasModule(), r.StatusCode, body)
	}
}

func TestCompressionIsDeterministic(t *testing.T) {
	in := []byte(page + wasm)
	if a, b := Brotli(in, brotli.BestCompression), Brotli(in, brotli.BestCompression); !bytes.Equal(a, b) {
		t.Error("two results of Brotli differ")
	}
	if a, b := Gzip(in), Gzip(in); !bytes.Equal(a, b) {
		t.Error("two results of Gzip differ")
	}
}
