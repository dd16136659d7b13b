package site

import (
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// codings are the content codings of files, in order of preference.
var codings = []struct {
	name, suffix string
	compress     func([]byte) []byte // at start, so quality is traded for speed
}{
	{"br", ".br", func(b []byte) []byte { return Brotli(b, 6) }},
	{"gzip", ".gz", Gzip},
}

// Brotli compresses b. quality goes from 0 to brotli.BestCompression. The result is
// deterministic.
func Brotli(b []byte, quality int) []byte {
	var out bytes.Buffer
	finish(brotli.NewWriterLevel(&out, quality), b)
	return out.Bytes()
}

// Gzip compresses b at the best level. The result is deterministic.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
	finish(w, b)
	return out.Bytes()
}

// finish writes b to w, an encoder into memory, which returns no errors.
func finish(w io.WriteCloser, b []byte) {
	w.Write(b)
	w.Close()
}

// accepts reports whether an Accept-Encoding header allows a coding (RFC 9110, section
// 12.5.3). The weights of allowed codings are ignored.
func accepts(header, coding string) bool {
	allowed := false
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, coding) {
			return wanted(params)
		}
		if name == "*" {
			allowed = wanted(params)
		}
	}
	return allowed
}

// wanted reports whether the parameters of a coding are other than q=0.
func wanted(params string) bool {
	key, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(key), "q") {
		return true
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && q > 0
}
