package site

import (
	"bytes"
	"compress/gzip"
	"io"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// codings are the encodings that files are served in, the best one first.
var codings = []struct {
	name, suffix string
	compress     func([]byte) []byte // as good as can be had at each start
}{
	{"br", ".br", func(b []byte) []byte { return Brotli(b, 6) }},
	{"gzip", ".gz", Gzip},
}

// Brotli compresses b, with a quality from 0 to brotli.BestCompression. The same
// input gives the same output.
func Brotli(b []byte, quality int) []byte {
	var out bytes.Buffer
	finish(brotli.NewWriterLevel(&out, quality), b)
	return out.Bytes()
}

// Gzip compresses b as well as it goes. The same input gives the same output.
func Gzip(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
	finish(w, b)
	return out.Bytes()
}

// finish writes all of b to w, whose end is in memory: it takes everything.
func finish(w io.WriteCloser, b []byte) {
	w.Write(b)
	w.Close()
}

// accepts reports whether an Accept-Encoding header allows a coding (RFC 9110,
// section 12.5.3). All that it allows is equally good to us.
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

// wanted reports whether the parameters of a coding are not q=0.
func wanted(params string) bool {
	key, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(key), "q") {
		return true
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && q > 0
}
