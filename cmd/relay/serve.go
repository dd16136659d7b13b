package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/kadmesh/kadmesh/internal/cli"
	"github.com/kadmesh/kadmesh/internal/netaddr"
	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
	"github.com/kadmesh/kadmesh/web"
)

// On shutdown, tabs have farewellTime to hear of it, and other HTTP requests closingTime
// to end.
const (
	farewellTime = 10 * time.Second
	closingTime  = 2 * time.Second
)

// gcPercent is the value for GOGC, instead of Go's default of 100. Most of a relay's heap
// belongs to idle clients, so that more collections cost next to nothing, and save 3 kB
// for each client.
const gcPercent = 20

// run runs a relay until a signal.
func run(ctx context.Context, p *cli.Program, o *options) error {
	log, err := o.logging.Logger(p.Err)
	if err != nil {
		return err
	}
	if err := o.tls.check(); err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := cli.UntilSignal(ctx)
	defer stop()
	r := &relaying{log: log}
	defer r.close()
	if err := r.prepare(o); err != nil {
		return err
	}
	if err := r.open(o); err != nil {
		return err
	}
	if err := p.Print(r.ready()); err != nil {
		return err
	}
	return r.serve(ctx, stop)
}

// relaying is a relay with its configuration, listeners and page.
type relaying struct {
	log     *slog.Logger
	cfg     relay.Config
	nodes   []cli.HostPort // of --bootstrap
	tls     *tls.Config    // nil without TLS
	names   []string       // in the certificates
	stopTLS func()

	server   *relay.Server
	health   *health
	site     *site.Site
	visitors *site.ConnLimiter
	public   net.Listener
	metrics  net.Listener // nil without --metrics
}

// prepare reads flags and files into the configuration, and checks it.
func (r *relaying) prepare(o *options) (err error) {
	if r.tls, r.names, r.stopTLS, err = o.tls.config(r.log); err != nil {
		return err
	}
	if r.cfg, err = o.config(r.names); err != nil {
		return err
	}
	if r.nodes, err = o.parseBootstrap(&r.cfg); err != nil {
		return err
	}
	r.cfg.Bootstrap = literals(r.nodes)
	r.cfg.Log = r.log
	if err := checkFiles(r.cfg.Limits.Clients); err != nil {
		return err
	}
	if err := checkBind(r.cfg.BindIPs); err != nil {
		return err
	}
	r.cfg.Secret, err = readSecret(o.lending.secretFile, r.log)
	return err
}

// checkBind returns an error if this machine does not have one of the addresses.
func checkBind(ips []netip.Addr) error {
	for _, ip := range ips {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			return fmt.Errorf("--bind-ip %v: is it an address of this machine? %w", ip, err)
		}
		c.Close()
	}
	return nil
}

// open opens the listeners and the relay. close closes them.
func (r *relaying) open(o *options) (err error) {
	if r.public, err = cli.Listen("--listen", o.address()); err != nil {
		return err
	}
	if o.metrics != "" {
		if r.metrics, err = cli.Listen("--metrics", o.metrics); err != nil {
			return err
		}
	}
	if r.site, err = site.New(web.Files); err != nil {
		return err
	}
	r.site.SetNetwork(o.network)
	if r.server, err = relay.New(r.cfg); err != nil {
		return err
	}
	r.visitors = &site.ConnLimiter{Proxies: r.cfg.Access.Proxies}
	r.health = &health{version: cli.Built(version).Version, capacity: r.cfg.Limits.Clients, stats: r.server.Stats}
	r.advise()
	return nil
}

// advise logs warnings about a configuration that the operator may not have intended.
func (r *relaying) advise() {
	here := r.public.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	if !r.site.HasModule() {
		r.log.Warn("built without the module: the page cannot join; run make build, and start bin/kadmesh-relay")
	}
	if r.cfg.AllowPrivate && !here.IsLoopback() {
		r.log.Warn("private addresses are allowed: everybody who reaches this relay reaches its network")
	}
	if r.tls == nil && !here.IsLoopback() && len(r.cfg.Access.Proxies) == 0 {
		r.log.Warn("no TLS: pages with https cannot use this relay, and others can listen in")
	}
}

// address is the address to listen at.
func (o *options) address() string {
	switch {
	case o.listen != "":
		return o.listen
	case o.tls.wanted():
		return ":443"
	}
	return "127.0.0.1:8080"
}

// url is the URL of the page.
func (r *relaying) url() string {
	scheme, name := "http", ""
	if r.tls != nil {
		scheme = "https"
	}
	if len(r.names) > 0 && !strings.Contains(r.names[0], "*") {
		name = r.names[0]
	}
	return site.URL(scheme, name, r.public.Addr().(*net.TCPAddr))
}

// ready returns the line to print when the relay is ready, as text and for JSON.
func (r *relaying) ready() (text string, object any) {
	ports := "any"
	if r.cfg.Ports.Len() > 0 {
		ports = r.cfg.Ports.String()
	}
	var lent []string
	for _, ip := range r.cfg.PublicIPs {
		lent = append(lent, net.JoinHostPort(ip.String(), ports))
	}
	return fmt.Sprintf("listening %s udp %s", r.url(), strings.Join(lent, ",")), struct {
		Listening string   `json:"listening"`
		UDP       []string `json:"udp"`
	}{r.url(), lent}
}

// serve runs the relay until ctx ends, or a server fails. It calls release before it sends
// tabs away, from when on signals end the program.
func (r *relaying) serve(ctx context.Context, release func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	servers, seeds := r.servers(), r.seeds()
	broken := make(chan error, len(servers))
	var running sync.WaitGroup
	for l, s := range servers {
		running.Go(func() {
			if err := serveOn(l, s); err != http.ErrServerClosed {
				broken <- fmt.Errorf("serve %v: %w", l.Addr(), err)
				stop()
			}
		})
	}
	running.Go(func() { seeds.keep(ctx) })
	<-ctx.Done()
	release()
	r.leave(servers)
	running.Wait()
	select {
	case err := <-broken:
		return err
	default:
		return nil
	}
}

// servers returns the HTTP servers by listener.
func (r *relaying) servers() map[net.Listener]*http.Server {
	mux := http.NewServeMux()
	mux.Handle("/", r.site)
	mux.Handle("/relay", r.server)
	mux.Handle("/healthz", r.health)
	public := site.NewServer(mux, r.visitors, r.log)
	public.TLSConfig = r.tls
	servers := map[net.Listener]*http.Server{r.public: public}
	if r.metrics != nil {
		h := exposition(r.server.Stats, r.visitors.Refused, r.cfg.Limits.Clients, r.health.version)
		servers[r.metrics] = site.NewServer(h, nil, r.log)
		r.log.Info("metrics", "url", "http://"+r.metrics.Addr().String()+"/metrics")
	}
	return servers
}

func serveOn(l net.Listener, s *http.Server) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

func (r *relaying) seeds() *seeds {
	if len(r.nodes) == 0 {
		r.log.Info("no bootstrap given: tabs must bring nodes to join through")
	}
	return &seeds{
		nodes: r.nodes, lookup: net.DefaultResolver.LookupNetIP,
		fits: func(ip netip.Addr) bool { return lends(&r.cfg, ip) },
		safe: func(ip netip.Addr) bool { return r.cfg.AllowPrivate || netaddr.IsPublic(ip.Unmap()) },
		set:  r.server.SetBootstrap, log: r.log,
	}
}

// leave sends tabs away, then stops the servers.
func (r *relaying) leave(servers map[net.Listener]*http.Server) {
	r.health.closing.Store(true)
	r.log.Info("leaving", "peers", r.server.Stats().Lent)
	ctx, cancel := context.WithTimeout(context.Background(), farewellTime)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		r.log.Warn("not all tabs were told", "error", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
}

// close closes what open has opened and serve has not closed.
func (r *relaying) close() {
	if r.stopTLS != nil {
		r.stopTLS()
	}
	if r.server != nil {
		r.server.Shutdown(context.Background())
	}
	for _, l := range []net.Listener{r.public, r.metrics} {
		if l != nil {
			l.Close()
		}
	}
}
