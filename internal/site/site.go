// Package site serves the page and the browser's module from an unchanging file system,
// such as the one embedded in a program.
package site

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// moduleDir has the files of the module, which pages of other sites use, too. They
// are served without it: /kadmesh.js is a public URL.
const moduleDir = "kadmesh/"

// module is the file name of the compiled node, which is built separately from the
// page.
const module = "kadmesh.wasm"

// Site is an http.Handler for the files of a page. It keeps all files in memory, text
// files compressed as well.
type Site struct {
	files map[string]*file // by path of the URL, without a leading slash
}

// file is the response for one path.
type file struct {
	kind   string // media type
	open   bool   // whether pages of other origins may use it
	bodies []body // in order of preference; the last one is not compressed
}

// body is a file in one coding.
type body struct {
	coding string // Content-Encoding; empty for an uncompressed body
	etag   string
	data   []byte
}

// New returns a Site of all files in fsys. NAME.br and NAME.gz hold NAME in compressed
// form. Text files without them are compressed here.
func New(fsys fs.FS) (*Site, error) {
	s := &Site{files: make(map[string]*file)}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || isCompressed(fsys, name) {
			return err
		}
		f, err := load(fsys, name)
		url := strings.TrimPrefix(name, moduleDir)
		if err == nil && s.files[url] != nil {
			return fmt.Errorf("two files for the URL /%s", url)
		}
		s.files[url] = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load the page: %w", err)
	}
	return s, nil
}

// pageFile is the page of the URL /.
const pageFile = "index.html"

// networkMeta is the element of the page that has the name of the network.
const networkMeta = `<meta name="kadmesh-network" content="%s">`

// SetNetwork writes the name of a network into the page, so that its tabs join the
// network of that name. It must be called before the site serves.
func (s *Site) SetNetwork(name string) {
	f := s.files[pageFile]
	if name == "" || f == nil {
		return
	}
	plain := string(f.bodies[len(f.bodies)-1].data)
	plain = strings.Replace(plain, fmt.Sprintf(networkMeta, ""), fmt.Sprintf(networkMeta, html.EscapeString(name)), 1)
	f.bodies = nil
	for _, c := range codings {
		f.bodies = append(f.bodies, newBody(c.name, c.compress([]byte(plain))))
	}
	f.bodies = append(f.bodies, newBody("", []byte(plain)))
}

// isCompressed reports whether name is the compressed form of another file.
func isCompressed(fsys fs.FS, name string) bool {
	for _, c := range codings {
		if plain, ok := strings.CutSuffix(name, c.suffix); ok {
			_, err := fs.Stat(fsys, plain)
			return err == nil
		}
	}
	return false
}

func load(fsys fs.FS, name string) (*file, error) {
	plain, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	f := &file{kind: mediaType(name), open: strings.HasPrefix(name, moduleDir)}
	for _, c := range codings {
		data, err := fs.ReadFile(fsys, name+c.suffix)
		if err != nil && isText(f.kind) {
			data = c.compress(plain)
		}
		if len(data) > 0 && len(data) < len(plain) {
			f.bodies = append(f.bodies, newBody(c.name, data))
		}
	}
	f.bodies = append(f.bodies, newBody("", plain))
	return f, nil
}

func newBody(coding string, data []byte) body {
	sum := sha256.Sum256(data)
	return body{coding, `"` + hex.EncodeToString(sum[:12]) + `"`, data}
}

// mediaTypes are the media types by file extension. The system's table is not used: it
// differs between machines, and browsers refuse scripts and WebAssembly of another
// type.
var mediaTypes = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".ts":          "text/plain; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".wasm":        "application/wasm",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".webmanifest": "application/manifest+json",
}

func mediaType(name string) string {
	if t, ok := mediaTypes[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// isText reports whether to compress files of a media type at start.
func isText(kind string) bool {
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "svg+xml")
}

// HasModule reports whether the compiled node is among the files.
func (s *Site) HasModule() bool { return s.files[module] != nil }

// ServeHTTP answers GET and HEAD.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD work here", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = pageFile
	}
	f := s.files[name]
	switch {
	case f != nil:
		f.serve(w, r)
	case name == module:
		http.Error(w, "this program was built without the module: run `make build`, then bin/kadmesh or bin/kadmesh-relay",
			http.StatusNotFound)
	default:
		http.Error(w, "not found", http.StatusNotFound)
	}
}

// serve answers with the file in the best coding that the client accepts.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if f.open {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	// A name stays the same when its content changes, so browsers must revalidate.
	h.Set("Cache-Control", "no-cache")
	if len(f.bodies) > 1 {
		h.Set("Vary", "Accept-Encoding")
	}
	b := f.pick(strings.Join(r.Header.Values("Accept-Encoding"), ","))
	h.Set("ETag", b.etag)
	if matches(r.Header.Values("If-None-Match"), b.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(b.data)))
	if b.coding != "" {
		h.Set("Content-Encoding", b.coding)
	}
	if r.Method == http.MethodGet {
		w.Write(b.data)
	}
}

func (f *file) pick(acceptEncoding string) body {
	last := len(f.bodies) - 1
	for _, b := range f.bodies[:last] {
		if accepts(acceptEncoding, b.coding) {
			return b
		}
	}
	return f.bodies[last]
}

// matches reports whether an If-None-Match header names etag. It ignores W/, since
// proxies that compress responses make tags weak.
func matches(headers []string, etag string) bool {
	for _, h := range headers {
		for tag := range strings.SplitSeq(h, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// policy is the Content-Security-Policy: the page may run its own scripts and the
// module, and connect to relays. It loads nothing from other origins, and no page may
// frame it.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
