package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/web"
)

// Pages of other people load the module from a relay, and bookmarks name the page:
// these URLs answer in every later version.
func TestPublicURLs(t *testing.T) {
	s, err := site.New(web.Files)
	if err != nil {
		t.Fatal(err)
	}
	const script = "text/javascript; charset=utf-8"
	tests := []struct {
		path, kind string
		open       bool // to pages of other sites
		built      bool // by `make module`
	}{
		{"/", "text/html; charset=utf-8", false, false},
		{"/index.html", "text/html; charset=utf-8", false, false},
		{"/icon.svg", "image/svg+xml", false, false},
		{"/page.css", "text/css; charset=utf-8", false, false},
		{"/page.js", script, false, false},
		{"/kadmesh.d.ts", "text/plain; charset=utf-8", true, false},
		{"/kadmesh.direct.js", script, true, false},
		{"/kadmesh.errors.js", script, true, false},
		{"/kadmesh.exec.js", script, true, true},
		{"/kadmesh.host.js", script, true, false},
		{"/kadmesh.js", script, true, false},
		{"/kadmesh.options.js", script, true, false},
		{"/kadmesh.port.js", script, true, false},
		{"/kadmesh.storage.js", script, true, false},
		{"/kadmesh.values.js", script, true, false},
		{"/kadmesh.wasm", "application/wasm", true, true},
		{"/kadmesh.worker.js", script, true, false},
	}
	for _, tt := range tests {
		if tt.built && !s.HasModule() {
			continue
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != tt.kind {
			t.Errorf("GET %s = %d %q, want 200 %q", tt.path, w.Code, h.Get("Content-Type"), tt.kind)
		}
		if open := h.Get("Access-Control-Allow-Origin") == "*"; open != tt.open {
			t.Errorf("GET %s is open to other sites: %v, want %v", tt.path, open, tt.open)
		}
		if h.Get("ETag") == "" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("GET %s has ETag %q and Cache-Control %q, want a tag that is asked about", tt.path, h.Get("ETag"), h.Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/package.json", "/README.md", "/embed.go", "/kadmesh.wasm.br"} {
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, httptest.NewRequest("GET", path, nil)); w.Code != 404 {
			t.Errorf("GET %s = %d, want 404: it is no part of the page", path, w.Code)
		}
	}
}
