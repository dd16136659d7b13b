package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
	"github.com/kadmesh/kadmesh/web"
)

// demoPage is the page and a relay for it, for this machine only unless it is served
// at another address.
type demoPage struct {
	url   string
	relay *relay.Server
	http  *http.Server
	done  chan struct{}
}

// startDemoPage serves the page at addr, or at another port if that one is taken
// and free is set. Tabs join through the nodes.
func startDemoPage(addr netip.AddrPort, free bool, nodes []netip.AddrPort) (*demoPage, error) {
	files, err := site.New(web.Files)
	if err != nil {
		return nil, err
	}
	if !files.HasModule() {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr.String())
	if free && errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(addr.Addr(), 0).String())
	}
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w; choose another place with --page", err)
	}
	relay, err := relay.New(relay.Config{AllowPrivate: true, Bootstrap: nodes})
	if err != nil {
		l.Close()
		return nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		log.Warn("private addresses are allowed: whoever reaches this page reaches the network that it is in")
	}
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.Handle("/relay", relay)
	p := &demoPage{
		url: site.URL("http", "", at) + "/", relay: relay,
		http: site.NewServer(mux, nil, slog.New(slog.DiscardHandler)), done: make(chan struct{}),
	}
	go func() {
		defer close(p.done)
		p.http.Serve(l)
	}()
	return p, nil
}

// close tells the tabs, and ends what serves them.
func (p *demoPage) close() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p.relay.Shutdown(ctx)
	p.http.Close()
	<-p.done
}
