package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// testAuthority signs certificates for this machine. The system's certificates,
// as this process sees them, are its own.
type testAuthority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

// newAuthority writes its certificate to file and makes this process trust it.
func newAuthority(file string) (*testAuthority, error) {
	a := &testAuthority{serial: 1}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	os.Setenv("SSL_CERT_FILE", file)
	return a, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

// issue writes a new certificate for names, or for this machine's address if there
// are none, to DIR/cert.pem and DIR/key.pem.
func (a *testAuthority) issue(t *testing.T, dir string, names ...string) (cert, key string, serial int64) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, a.serial
}

// With TLS the page comes over HTTP/2, and WebSockets work all the same.
func TestTLS(t *testing.T) {
	cert, key, _ := authority.issue(t, t.TempDir())
	p := start(t, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Errorf("listening %s, want https", p.url)
	}
	r, _ := get(t, p.url)
	if r.StatusCode != http.StatusOK || r.ProtoMajor != 2 {
		t.Errorf("page = %s over %s, want 200 over HTTP/2", r.Status, r.Proto)
	}
	if r, _ := get(t, p.url+"/relay"); r.StatusCode != http.StatusBadRequest {
		t.Errorf("GET /relay over HTTP/2 = %s, want 400", r.Status)
	}
	dial(t, p.url)
}

// served is the serial number of the certificate that the relay shows.
func served(t *testing.T, url, name string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// A certificate that is renewed is used from SIGHUP on. One that cannot be read
// changes nothing.
func TestRenewal(t *testing.T) {
	dir := t.TempDir()
	cert, key, first := authority.issue(t, dir)
	p := start(t, "--tls-cert", cert, "--tls-key", key)
	if got := served(t, p.url, "127.0.0.1"); got != first {
		t.Errorf("certificate %d, want %d", got, first)
	}
	_, _, second := authority.issue(t, dir)
	p.Signal(t, syscall.SIGHUP)
	p.Stderr.Await(t, `msg="certificate read again" expires=`)
	if got := served(t, p.url, "127.0.0.1"); got != second {
		t.Errorf("certificate %d after SIGHUP, want %d", got, second)
	}
	os.Remove(key)
	p.Signal(t, syscall.SIGHUP)
	p.Stderr.Await(t, `level=ERROR msg="certificate not renewed`)
	if got := served(t, p.url, "127.0.0.1"); got != second {
		t.Errorf("certificate %d without a key, want %d", got, second)
	}
}

// SIGHUP, which a reload of the service is, ends no relay that has nothing to read.
func TestHangup(t *testing.T) {
	for _, args := range [][]string{nil, {"--acme-domain", "relay.example.org", "--acme-cache", t.TempDir()}} {
		p := start(t, args...)
		p.Signal(t, syscall.SIGHUP)
		p.Stderr.Await(t, `level=INFO msg="nothing to read again`)
		if code := p.Stop(t, syscall.SIGTERM); code != 0 {
			t.Errorf("%q: exit status %d after SIGHUP and SIGTERM, want 0", args, code)
		}
	}
}

// A relay goes by the names that its certificate is for.
func TestCertifiedNames(t *testing.T) {
	cert, key, serial := authority.issue(t, t.TempDir(), "relay.example.org", "*.example.net")
	p := start(t, "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(p.url, "https://relay.example.org:") {
		t.Errorf("listening %s, want the name of the certificate", p.url)
	}
	port := p.url[strings.LastIndex(p.url, ":"):]
	if got := served(t, "https://127.0.0.1"+port, "relay.example.org"); got != serial {
		t.Errorf("certificate %d, want %d", got, serial)
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: "relay.example.org"}}}
	for host, want := range map[string]int{"relay.example.org": 101, "any.example.net": 101, "other.example.org": 403} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "https://127.0.0.1"+port+"/relay", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		upgrade(r.Header)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("WebSocket to %s = %s, want %d", host, resp.Status, want)
		}
	}
}

// Only the domains that were named get a certificate, and are asked for at all.
func TestACME(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	p := start(t, "--acme-domain", "relay.example.org", "--acme-cache", dir, "--log-level", "debug")
	if !strings.HasPrefix(p.url, "https://relay.example.org:") {
		t.Errorf("listening %s, want the domain", p.url)
	}
	if s, err := os.Stat(dir); err != nil || s.Mode().Perm() != 0o700 {
		t.Errorf("cache: %v, %v, want a directory for this user alone", s, err)
	}
	addr := "127.0.0.1" + p.url[strings.LastIndex(p.url, ":"):]
	if c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "other.example.org"}); err == nil {
		c.Close()
		t.Error("another name was served, want it refused")
	}
	p.Stderr.Await(t, `TLS handshake error.*other\.example\.org.* not configured in HostWhitelist`)

	// This is how the authority asks for proof, of which there is none yet.
	if c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "relay.example.org", NextProtos: []string{acme.ALPNProto}}); err == nil {
		c.Close()
		t.Error("a challenge that nobody asked for was met")
	}
	p.Stderr.Await(t, `TLS handshake error.* no token cert for .*relay\.example\.org`)
}
