package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/kadmesh/kadmesh/internal/cli"
)

// certification has the flags for certificates: from files, or from an authority.
type certification struct {
	cert, key    string
	domains      []string
	cache, email string
}

// check reports flags that do not fit together.
func (t *certification) check() error {
	switch {
	case (t.cert == "") != (t.key == ""):
		return cli.Usagef("--tls-cert and --tls-key go together: give both")
	case t.cert != "" && len(t.domains) > 0:
		return cli.Usagef("both --tls-cert and --acme-domain given: choose one")
	case len(t.domains) == 0 && (t.cache != "" || t.email != ""):
		return cli.Usagef("--acme-cache and --acme-email need --acme-domain: name the domain to get a certificate for")
	case len(t.domains) > 0 && t.cache == "":
		return cli.Usagef("--acme-domain needs --acme-cache DIR, where certificates are kept: " +
			"authorities hand out only a few for each domain")
	}
	for _, d := range t.domains {
		if !strings.Contains(strings.Trim(d, "."), ".") || strings.ContainsAny(d, ":/* ") {
			return cli.Usagef("--acme-domain %q: want a full name, as in relay.example.org", d)
		}
	}
	return nil
}

func (t *certification) wanted() bool { return t.cert != "" || len(t.domains) > 0 }

// config returns the TLS configuration, and the names in the certificates; or nil without
// TLS. Until stop is called, SIGHUP makes the program read the files again. Without files
// the signal does nothing, so that it never ends a relay.
func (t *certification) config(log *slog.Logger) (c *tls.Config, names []string, stop func(), err error) {
	idle := func() { log.Info("nothing to read again: there is no --tls-cert") }
	switch {
	case t.cert != "":
		p := &pair{cert: t.cert, key: t.key}
		if names, err = p.load(); err != nil {
			return nil, nil, nil, err
		}
		c = &tls.Config{GetCertificate: p.certificate}
		return c, names, onHangup(func() { p.renew(log) }), nil
	case len(t.domains) > 0:
		if err := os.MkdirAll(t.cache, 0o700); err != nil {
			return nil, nil, nil, fmt.Errorf("--acme-cache: %w", err)
		}
		m := &autocert.Manager{
			Prompt: autocert.AcceptTOS, Email: t.email,
			Cache: autocert.DirCache(t.cache), HostPolicy: autocert.HostWhitelist(t.domains...),
		}
		// Package net/http adds the protocols for everybody else.
		c = &tls.Config{GetCertificate: m.GetCertificate, NextProtos: []string{"h2", "http/1.1", acme.ALPNProto}}
		return c, t.domains, onHangup(idle), nil
	}
	return nil, nil, onHangup(idle), nil
}

// pair is a certificate and its key in files, which change when it is renewed.
type pair struct {
	cert, key string
	loaded    atomic.Pointer[tls.Certificate]
}

// load reads the files, and returns the names in the certificate, wildcards last.
func (p *pair) load() ([]string, error) {
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s and --tls-key %s: %w", p.cert, p.key, err)
	}
	p.loaded.Store(&c)
	names := slices.Clone(c.Leaf.DNSNames)
	slices.SortStableFunc(names, func(a, b string) int { return strings.Count(a, "*") - strings.Count(b, "*") })
	return names, nil
}

func (p *pair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.loaded.Load(), nil
}

// renew reads the files again.
func (p *pair) renew(log *slog.Logger) {
	if _, err := p.load(); err != nil {
		log.Error("certificate not renewed, the old one is still used", "error", err)
	} else {
		log.Info("certificate read again", "expires", p.loaded.Load().Leaf.NotAfter)
	}
}

// onHangup calls f at each SIGHUP, until stop is called.
func onHangup(f func()) (stop func()) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range hangup {
			f()
		}
	}()
	return func() {
		signal.Stop(hangup)
		close(hangup)
		<-over
	}
}
