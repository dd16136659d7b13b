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

// demoPage serves the page and a relay for its tabs. It serves this machine only,
// unless --page says otherwise.
type demoPage struct {
	url   string
	relay *relay.Server
	http  *http.Server
	done  chan struct{}
}

// startDemoPage serves the page at addr, or at a free port if that port is taken and
// free is set. Tabs join the named network through nodes. The result is nil if the program was built
// without the page.
func startDemoPage(addr netip.AddrPort, free bool, network string, nodes []netip.AddrPort) (*demoPage, error) {
	files, err := site.New(web.Files)
	if err != nil {
		return nil, err
	}
	if !files.HasModule() {
		return nil, nil
	}
	files.SetNetwork(network)
	l, err := net.Listen("tcp", addr.String())
	if free && errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", netip.AddrPortFrom(addr.Addr(), 0).String())
	}
	if err != nil {
		return nil, fmt.Errorf("serve the page: %w; choose another address with --page", err)
	}
	relay, err := relay.New(relay.Config{AllowPrivate: true, Bootstrap: nodes})
	if err != nil {
		l.Close()
		return nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		log.Warn("private addresses are allowed: visitors of this page can reach the network of this machine")
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

// close tells the tabs that the relay leaves, and ends the servers.
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
