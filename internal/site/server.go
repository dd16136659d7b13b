package site

import (
	"bytes"
	"context"
	stdlog "log"
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns a server for h whose time-outs and limits are fit for
// strangers. Connections that h has taken over, as those of WebSockets, are no
// longer its matter. It counts with visitors of its own if v is nil.
//
// With TLS it offers HTTP/2, as a page of many modules loads faster with it.
// WebSockets need HTTP/1.1; clients open a connection of their own for them that
// asks for that.
func NewServer(h http.Handler, v *Visitors, log *slog.Logger) *http.Server {
	if v == nil {
		v = new(Visitors)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      5 * time.Minute, // the module over a slow line
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         v.state,
		ErrorLog:          stdlog.New(complaints{log}, "", 0),
	}
}

// complaints are what package net/http has to say. Scanners that speak no TLS are
// no news.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, "http server", "error", string(bytes.TrimSpace(line)))
	return len(line), nil
}
