package site

import (
	"bytes"
	"context"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// MaxVisitors is how many connections a server of NewServer has at a time that
// are not WebSockets. What comes beyond is closed at once, so that visitors of
// the page cannot take away the file descriptors that clients of a relay need.
const MaxVisitors = 512

// NewServer returns a server for h whose time-outs and limits are fit for
// strangers. Connections that h has taken over, as those of WebSockets, are no
// longer its matter.
//
// With TLS it offers HTTP/2, as a page of many modules loads faster with it.
// WebSockets need HTTP/1.1; clients open a connection of their own for them that
// asks for that.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      5 * time.Minute, // the module over a slow line
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         new(visitors).state,
		ErrorLog:          stdlog.New(complaints{log}, "", 0),
	}
}

// visitors counts the connections of a server.
type visitors struct{ now atomic.Int64 }

func (v *visitors) state(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if v.now.Add(1) > MaxVisitors {
			c.Close()
		}
	case http.StateHijacked, http.StateClosed:
		v.now.Add(-1)
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
