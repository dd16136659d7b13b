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

// URL is where the page is that is served at addr, from this machine at least. The
// name is that of the host, or empty if it goes by its address.
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
