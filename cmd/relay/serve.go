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
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/web"
)

// How long tabs have to hear that the relay goes, and others to get what they
// asked for.
const (
	partingTime = 10 * time.Second
	closingTime = 2 * time.Second
)

// gcPercent is Go's GOGC, whose default is 100. Most of a relay's heap belongs to
// clients that do nothing, so that collecting it more often costs next to nothing
// and saves 3 kB for each of them.
const gcPercent = 20

// run is a relay from its start until a signal.
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

// relaying is a relay with all that it is reached by.
type relaying struct {
	log     *slog.Logger
	cfg     wsrelay.ServerConfig
	nodes   []cli.HostPort // to join through
	tls     *tls.Config    // nil without
	names   []string       // that certificates are for
	stopTLS func()

	server   *wsrelay.Server
	health   *health
	site     *site.Site
	visitors *site.ConnLimiter
	public   net.Listener
	metrics  net.Listener // nil without
}

// prepare fills in what flags and files say, and checks that it can be done.
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
	if err := checkFiles(r.cfg.Limits.Peers); err != nil {
		return err
	}
	if err := checkBind(r.cfg.BindIPs); err != nil {
		return err
	}
	r.cfg.Secret, err = readSecret(o.lending.secretFile, r.log)
	return err
}

// checkBind reports if this machine does not have one of the addresses.
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

// open opens what can fail. close closes it.
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
	if r.server, err = wsrelay.NewServer(r.cfg); err != nil {
		return err
	}
	r.visitors = &site.ConnLimiter{Proxies: r.cfg.Access.Proxies}
	r.health = &health{version: cli.Built(version).Version, capacity: r.cfg.Limits.Peers, stats: r.server.Stats}
	r.advise()
	return nil
}

// advise logs what an operator may not have meant.
func (r *relaying) advise() {
	here := r.public.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	if !r.site.HasModule() {
		r.log.Warn("built without the module: the page cannot join; run make build and start what that makes")
	}
	if r.cfg.AllowPrivate && !here.IsLoopback() {
		r.log.Warn("private addresses are allowed: whoever reaches this relay reaches the network that it is in")
	}
	if r.tls == nil && !here.IsLoopback() && len(r.cfg.Access.Proxies) == 0 {
		r.log.Warn("no TLS: pages with https cannot use this relay, and others can listen in")
	}
}

// address is where to listen.
func (o *options) address() string {
	switch {
	case o.listen != "":
		return o.listen
	case o.tls.wanted():
		return ":443"
	}
	return "127.0.0.1:8080"
}

// url is where the page is.
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

// ready is what is printed when the relay is ready.
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

// serve works until ctx is over, or something breaks. It calls release when it goes
// on to part, from when on signals end the program.
func (r *relaying) serve(ctx context.Context, release func()) error {
	mux := http.NewServeMux()
	mux.Handle("/", r.site)
	mux.Handle("/relay", r.server)
	mux.Handle("/healthz", r.health)
	servers := []*http.Server{site.NewServer(mux, r.visitors, r.log)}
	listeners := []net.Listener{r.public}
	if r.tls != nil {
		servers[0].TLSConfig = r.tls
	}
	if r.metrics != nil {
		servers = append(servers, site.NewServer(exposition(r.server.Stats, r.visitors.Refused, r.cfg.Limits.Peers, r.health.version), nil, r.log))
		listeners = append(listeners, r.metrics)
		r.log.Info("metrics", "url", "http://"+r.metrics.Addr().String()+"/metrics")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	broken := make(chan error, len(servers))
	var running sync.WaitGroup
	for i, s := range servers {
		running.Go(func() {
			var err error
			if s.TLSConfig != nil {
				err = s.ServeTLS(listeners[i], "", "")
			} else {
				err = s.Serve(listeners[i])
			}
			if err != http.ErrServerClosed {
				broken <- fmt.Errorf("serve %v: %w", listeners[i].Addr(), err)
				stop()
			}
		})
	}
	running.Go(func() { r.seeds().keep(ctx) })
	<-ctx.Done()
	release()
	r.part(servers)
	running.Wait()
	select {
	case err := <-broken:
		return err
	default:
		return nil
	}
}

func (r *relaying) seeds() *seeds {
	if len(r.nodes) == 0 {
		r.log.Info("no bootstrap given: tabs must know themselves whom to join")
	}
	return &seeds{
		nodes: r.nodes, lookup: net.DefaultResolver.LookupNetIP,
		fits: func(ip netip.Addr) bool { return lends(&r.cfg, ip) },
		safe: func(ip netip.Addr) bool { return r.cfg.AllowPrivate || netaddr.IsPublic(ip.Unmap()) },
		set:  r.server.SetBootstrap, log: r.log,
	}
}

// part sends tabs away, then stops the servers.
func (r *relaying) part(servers []*http.Server) {
	r.health.closing.Store(true)
	r.log.Info("leaving", "peers", r.server.Stats().Lent)
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
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

// close closes what open opened and serve did not.
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
