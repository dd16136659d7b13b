package site

import (
	"bytes"
	"context"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// NewServer returns a server for h with time-outs and limits for use on the Internet.
// They do not apply to connections that h has hijacked, such as WebSockets. l bounds
// the number of connections; nil stands for a zero ConnLimiter.
//
// With TLS the server offers HTTP/2, which loads a page of many modules faster. A
// WebSocket needs HTTP/1.1, for which browsers open another connection.
func NewServer(h http.Handler, l *ConnLimiter, log *slog.Logger) *http.Server {
	if l == nil {
		l = new(ConnLimiter)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      5 * time.Minute, // the module over a slow line
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ConnState:         l.state,
		ErrorLog:          stdlog.New(complaints{log}, "", 0),
	}
}

// URL returns the URL of a page served at addr, without a slash at the end. The host is
// name, or the address if name is empty. The unspecified address becomes localhost.
func URL(scheme, name string, addr *net.TCPAddr) string {
	host := addr.IP.String()
	switch {
	case name != "":
		host = name
	case addr.IP.IsUnspecified():
		host = "localhost"
	}
	if usual := map[string]int{"http": 80, "https": 443}; addr.Port != usual[scheme] {
		host = net.JoinHostPort(host, strconv.Itoa(addr.Port))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}

// complaints logs the errors of package net/http: as warnings, but TLS handshake
// errors, which scanners cause all the time, at level debug.
type complaints struct{ log *slog.Logger }

func (c complaints) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, "http server", "error", string(bytes.TrimSpace(line)))
	return len(line), nil
}
