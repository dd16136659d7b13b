package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/transport/wsrelay/relay"
)

func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("\n \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args string // split at blanks; what is at hand for a relay that works is in front
		want string // what the message says
	}{
		{"now", `unexpected argument "now"`},
		{"--nonsense", "unknown flag: --nonsense"},
		{"--listen here", `--listen "here": want HOST:PORT`},
		{"--metrics 9090", `--metrics "9090": want HOST:PORT`},
		{"--allow-private=false", "no --public-ip given: name the address"},
		{"--allow-private=false --public-ip 10.1.2.3", "--allow-private to try things out"},
		{"--allow-private=false --public-ip 8.8.8.8 --bootstrap 127.0.0.1:8468", "--bootstrap 127.0.0.1:8468 is this machine alone"},
		{"--allow-private=false --public-ip 8.8.8.8 --bootstrap 169.254.169.254:8468", "--bootstrap 169.254.169.254:8468 is of one link alone"},
		{"--public-ip here", `--public-ip "here": want an IP address`},
		{"--public-ip 10.1.2.3:80", "without a port"},
		{"--public-ip 10.1.2.3 --public-ip 10.1.2.4", "--public-ip 10.1.2.3 and 10.1.2.4: one of IPv4 and one of IPv6"},
		{"--public-ip 224.0.0.1", "no other machine could send to it"},
		{"--public-ip fe80::1%eth0", "no other machine could send to it"},
		{"--public-ip 0.0.0.0", "--bind-ip may be 0.0.0.0"},
		{"--bind-ip ::1", "no --public-ip of that IP version"},
		{"--deny 10.0.0.0/33", `--deny "10.0.0.0/33": want a network or an address`},
		{"--deny ::ffff:10.0.0.0/104", `--deny "::ffff:10.0.0.0/104" would never match: write networks of IPv4 as in 10.0.0.0/8`},
		{"--trust-proxy ::ffff:127.0.0.0/104", `--trust-proxy "::ffff:127.0.0.0/104" would never match`},
		{"--udp-ports 20000", `--udp-ports "20000": want FROM-TO`},
		{"--udp-ports 20000-70000", "both from 1024 to 65535"},
		{"--udp-ports 80-2000", "both from 1024 to 65535"},
		{"--udp-ports 20001-20000", "want FROM-TO"},
		{"--udp-ports 20000-20009 --max-peers 11", "are 10 ports, too few for --max-peers 11: each tab takes one; give more ports, or --max-peers 10"},
		{"--max-peers -1", `--max-peers "-1": want a number, more than zero`},
		{"--max-peers 0", `--max-peers "0": want a number, more than zero`},
		{"--max-bytes 1000:65506", "--max-bytes 1000:65506: the burst must be at least 65507"},
		{"--max-unproven 50:46", "--max-unproven 50:46: the burst must be at least 47"},
		{"--max-datagrams 1:0", "--max-datagrams \"1:0\": want N or N:BURST"},
		{"--bootstrap=", `--bootstrap "": want HOST:PORT`},
		{"--max-peers-per-ip 0", "--max-peers-per-ip 0: must be more than zero, or -1"},
		{"--grace 0", "--grace 0s: want more than zero"},
		{"--grace 19h", "18h0m0s at most"},
		{"--max-datagrams 0", `--max-datagrams "0": want N or N:BURST`},
		{"--max-bytes 1:", "want N or N:BURST"},
		{"--max-new-destinations many", "want N or N:BURST"},
		{"--max-unproven 1:0", "want N or N:BURST"},
		{"--tls-cert c.pem", "--tls-cert and --tls-key go together"},
		{"--tls-key k.pem", "--tls-cert and --tls-key go together"},
		{"--tls-cert c.pem --tls-key k.pem --acme-domain relay.example.org", "choose one"},
		{"--acme-domain relay.example.org", "--acme-domain needs --acme-cache DIR"},
		{"--acme-cache " + dir, "need --acme-domain"},
		{"--acme-email me@example.org", "need --acme-domain"},
		{"--acme-cache " + dir + " --acme-domain relay", `--acme-domain "relay": want a full name`},
		{"--acme-cache " + dir + " --acme-domain *.example.org", "want a full name"},
		{"--bootstrap example.org", `--bootstrap "example.org": want HOST:PORT`},
		{"--bootstrap example.org:0", "the host or the port of the node is missing"},
		{"--bootstrap [::1]:8468", "cannot be reached from --public-ip 127.0.0.1, of the other IP version"},
		{"--token=", "--token, --token-file or $KADMESH_RELAY_TOKEN: a token has from 1 to 255 bytes, not 0"},
		{"--token " + strings.Repeat("x", 256), "a token has from 1 to 255 bytes, not 256"},
		{"--token-file " + empty, "has no token"},
		{"--allow-origin example.org", `--allow-origin "example.org": want a scheme and a host`},
		{"--allow-origin https://example.org/page", "an origin ends with its host or port: https://example.org"},
		{"--allow-host relay.example.org:8080", "want a name only"},
		{"--trust-proxy proxy.example.org", `--trust-proxy "proxy.example.org": want a network or an address`},
		{"--log-level loud", "want one of debug, info, warn, error"},
		{"--log-format xml", "want text or json"},
	}
	for _, tt := range tests {
		args := append([]string{"--allow-private", "--listen", "127.0.0.1:0"}, strings.Split(tt.args, " ")...)
		r := runRelay(t, args...)
		if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, tt.want) || !strings.HasSuffix(r.stderr, "--help'\n") {
			t.Errorf("kadmesh-relay %.200q = %.500q, want exit status 2, an error with %q, and where to find help",
				args, r, tt.want)
		}
		var e struct{ Error string }
		j := runRelay(t, append(args, "--json")...)
		decode(t, j.stderr, &e)
		if j.code != 2 || j.stdout != "" || !strings.Contains(e.Error, tt.want) {
			t.Errorf("kadmesh-relay %.200q --json = %.500q, want exit status 2 and an error with %q", args, j, tt.want)
		}
	}
}

// What cannot be done is another matter than what is wrong.
func TestFailures(t *testing.T) {
	p := start(t)
	used := strings.TrimPrefix(p.url, "http://")
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing", "file")
	tests := []struct {
		args string
		want string
	}{
		{"--listen " + used, "choose another port, or port 0"},
		{"--metrics " + used, "--metrics: listen tcp " + used},
		{"--bind-ip 192.0.2.1", "--bind-ip 192.0.2.1: is it an address of this machine?"},
		{"--secret-file " + missing, "--secret-file: open " + missing},
		{"--secret-file " + short, "has 5 bytes, want at least 16: remove it"},
		{"--token-file " + missing, "--token-file: open " + missing},
		{"--tls-cert " + missing + " --tls-key " + missing, "--tls-cert " + missing},
		{"--acme-domain relay.example.org --acme-cache " + filepath.Join(short, "acme"), "--acme-cache: mkdir"},
	}
	for _, tt := range tests {
		args := append([]string{"--allow-private", "--listen", "127.0.0.1:0"}, strings.Split(tt.args, " ")...)
		if r := runRelay(t, args...); r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("kadmesh-relay %q = %q, want exit status 1 and an error with %q", args, r, tt.want)
		}
	}
}

// Too few open files are noticed before the first tab is turned away.
func TestOpenFiles(t *testing.T) {
	limited := func(files, peers int) result {
		stdout, stderr, code := proctest.Finish(t, func(ctx context.Context) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("ulimit -n %d && exec \"$0\" --allow-private --listen here --max-peers %d", files, peers), binary)
		})
		return result{stdout, stderr, code}
	}
	tests := []struct {
		files, peers int
		want         string
	}{
		{spareFiles + 20, 10, `--listen "here"`}, // enough: goes on to the next error
		{spareFiles + 19, 10, "LimitNOFILE= for systemd, ulimit -n in a shell), or give --max-peers 9"},
		{spareFiles, 10, "and this process may have"},
	}
	for _, tt := range tests {
		if r := limited(tt.files, tt.peers); r.code == 0 || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%d peers with %d open files = %q, want an error with %q", tt.peers, tt.files, r, tt.want)
		}
	}
}

func TestSecretOpenToOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a secret of enough bytes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--secret-file", file)
	p.Stderr.Await(t, `level=WARN msg="secret file is open to other users"`)
}

// As many tabs as there are ports, if nothing else is said.
func TestPeersFollowPorts(t *testing.T) {
	tests := []struct {
		ports       string
		peers, want count
	}{
		{"", 0, 1000}, {"", 7, 7}, {"20000-20009", 0, 10}, {"20000-20009", 7, 7}, {"20000-29999", 0, 1000},
	}
	for _, tt := range tests {
		ports, err := parsePorts(tt.ports)
		if err != nil {
			t.Fatal(err)
		}
		l := limits{peers: tt.peers, peersPerIP: 1, grace: 1}
		if err := l.check(ports); err != nil || l.peers != tt.want {
			t.Errorf("ports %q, --max-peers %d: %d peers, %v, want %d", tt.ports, tt.peers, l.peers, err, tt.want)
		}
	}
}

// A usage error leaves nothing behind, and comes before the port is taken.
func TestPrivateAddressComesFirst(t *testing.T) {
	used := strings.TrimPrefix(start(t).url, "http://")
	secret := filepath.Join(t.TempDir(), "secret")
	r := runRelay(t, "--public-ip", "10.1.2.3", "--listen", used, "--secret-file", secret)
	if r.code != 2 || !strings.Contains(r.stderr, "--public-ip 10.1.2.3: not reachable from the Internet") {
		t.Errorf("private --public-ip = %q, want exit status 2 and what is wrong with it", r)
	}
	if _, err := os.Stat(secret); err == nil {
		t.Error("the secret file was created")
	}
}

func TestRates(t *testing.T) {
	tests := []struct {
		text string
		want relay.Rate
	}{
		{"none", relay.Rate{PerSecond: -1}},
		{"7", relay.Rate{PerSecond: 7, Burst: 200}},
		{"700", relay.Rate{PerSecond: 700, Burst: 700}},
		{"7:3", relay.Rate{PerSecond: 7, Burst: 3}},
	}
	for _, tt := range tests {
		r := rate{5, 200}
		if err := r.Set(tt.text); err != nil || relay.Rate(r) != tt.want {
			t.Errorf("Set(%q) = %+v, %v, want %+v", tt.text, r, err, tt.want)
		}
		again := r
		if err := again.Set(r.String()); err != nil || again.PerSecond != r.PerSecond {
			t.Errorf("Set(%q) = %+v, %v, want %+v", r.String(), again, err, r)
		}
	}
}

// listener is at an address and does nothing.
type listener struct {
	net.Listener
	addr net.TCPAddr
}

func (l *listener) Addr() net.Addr { return &l.addr }

// The URL that is printed leads to the page, from this machine at least.
func TestURL(t *testing.T) {
	tests := []struct {
		addr string
		tls  bool
		name string
		want string
	}{
		{"127.0.0.1:8080", false, "", "http://127.0.0.1:8080"},
		{"127.0.0.1:80", false, "", "http://127.0.0.1"},
		{"127.0.0.1:443", false, "", "http://127.0.0.1:443"},
		{"[::1]:80", false, "", "http://[::1]"},
		{"[::1]:8080", false, "", "http://[::1]:8080"},
		{"0.0.0.0:8080", false, "", "http://localhost:8080"},
		{"[::]:443", true, "", "https://localhost"},
		{"[::]:443", true, "relay.example.org", "https://relay.example.org"},
		{"10.0.0.1:8443", true, "relay.example.org", "https://relay.example.org:8443"},
	}
	for _, tt := range tests {
		r := relaying{public: &listener{addr: *net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.addr))}}
		if tt.tls {
			r.tls = new(tls.Config)
		}
		if tt.name != "" {
			r.names = []string{tt.name, "other.example.org"}
		}
		if got := r.url(); got != tt.want {
			t.Errorf("url of %s (TLS %v, name %q) = %s, want %s", tt.addr, tt.tls, tt.name, got, tt.want)
		}
	}
}

func TestHelp(t *testing.T) {
	r := runRelay(t, "--help")
	for _, want := range []string{"--public-ip IP", "--max-peers N", "--json", "\n  version ", "\n  completion "} {
		if r.code != 0 || r.stderr != "" || !strings.Contains(r.stdout, want) {
			t.Errorf("--help = %q, want %q in it", r, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := runRelay(t, "completion", shell); r.code != 0 || !strings.Contains(r.stdout, "kadmesh-relay") {
			t.Errorf("completion %s = exit status %d, %d bytes", shell, r.code, len(r.stdout))
		}
	}
}

func TestVersion(t *testing.T) {
	const pattern = `^kadmesh-relay v0\.0\.0-test \(go[^ ]+, \w+/\w+\)\n$`
	for _, arg := range []string{"version", "--version"} {
		if r := runRelay(t, arg); r.code != 0 || !regexp.MustCompile(pattern).MatchString(r.stdout) {
			t.Errorf("%s = %q, want %s", arg, r, pattern)
		}
	}
	var b struct{ Version, Commit, Go, System string }
	decode(t, runRelay(t, "version", "--json").stdout, &b)
	if b.Version != "v0.0.0-test" || b.Go == "" || b.System == "" {
		t.Errorf("version --json = %+v", b)
	}
}
