package main

import (
	"context"
	"html"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
	"github.com/kadmesh/kadmesh/internal/site"
	"github.com/kadmesh/kadmesh/transport/wsrelay"
	"github.com/kadmesh/kadmesh/web"
)

// demonstration is the output of demo --json.
type demonstration struct {
	Bootstrap  string
	Network    string
	Page       string
	Nodes      []struct{ ID, Addr string }
	K          int
	Key, Value string
	Set        struct {
		Via  string
		Kept []string `json:"kept_by"`
		MS   float64
	}
	Get struct {
		Via, From string
		MS        float64
	}
}

func startDemo(t *testing.T, args ...string) (*proctest.Process, demonstration) {
	t.Helper()
	p := start(t, append([]string{"demo", "--json"}, args...)...)
	var d demonstration
	decode(t, p.Stdout.Await(t, `(?s).*\n`)[0], &d)
	return p, d
}

func TestDemo(t *testing.T) {
	p, d := startDemo(t, "--nodes", "24", "--page", "127.0.0.1:0")
	if len(d.Nodes) != 24 || d.Bootstrap != d.Nodes[0].Addr || d.K != 20 || len(d.Set.Kept) != d.K ||
		!slices.Contains(d.Set.Kept, d.Get.From) || slices.Contains(d.Set.Kept, d.Get.Via) {
		t.Errorf("demo --json = %+v", d)
	}
	want(t, result{d.Value + "\n", "", 0}, "get", d.Key, "-b", d.Bootstrap, "--network", d.Network)
	if code := p.Stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit status after SIGINT is %d, want 0", code)
	}
}

// The commands that the demo prints work, and agree with its text.
func TestDemoText(t *testing.T) {
	p := start(t, "demo", "--page", "127.0.0.1:0")
	text := p.Stdout.Await(t, `(?s)^30 nodes .* kept by the 20 nodes nearest .* kept by 20 nodes \(.*, from node \d+ \(`+
		`.* get greeting (--bootstrap \S+ --network \S+)\n  \S+ (set answer 42 [^\n]+)\n.*asyncio.run\(main\(\)\)\n`)
	want(t, result{"hello from kadmesh\n", "", 0}, append([]string{"get", "greeting"}, strings.Fields(text[1])...)...)
	want(t, result{"stored on 20 nodes\n", "", 0}, strings.Fields(text[2])...)
	if hasPage(t) != strings.Contains(p.Stdout.String(), "Open this page") {
		t.Errorf("the program has a page: %v, but says\n%s", hasPage(t), p.Stdout)
	}
	if code := p.Stop(t, syscall.SIGTERM); code != 0 || p.Stderr.String() != "" {
		t.Errorf("exit status after SIGTERM is %d, stderr %q, want 0 and nothing", code, p.Stderr)
	}
}

func TestSmallestDemoText(t *testing.T) {
	p := start(t, "demo", "--nodes", "2", "--page", "127.0.0.1:0")
	p.Stdout.Await(t, `(?s)^2 nodes .* .*: kept by 2 nodes \(.*, which keeps it \(.*main\(\)\)\n`)
}

// hasPage reports whether the module is built, and so whether programs built now have
// the page.
func hasPage(t *testing.T) bool {
	t.Helper()
	files, err := site.New(web.Files)
	if err != nil {
		t.Fatal(err)
	}
	return files.HasModule()
}

func TestDemoPage(t *testing.T) {
	p, d := startDemo(t, "--nodes", "2", "--page", "127.0.0.1:0")
	if !hasPage(t) {
		if d.Page != "" {
			t.Errorf("page %q, want none without the module", d.Page)
		}
		t.Skip("the rest needs the module: make module")
	}
	if ok, _ := regexp.MatchString(`^http://127\.0\.0\.1:[1-9]\d*/$`, d.Page); !ok {
		t.Fatalf("page %q, want a URL on this machine", d.Page)
	}
	for path, code := range map[string]int{
		"": http.StatusOK, "kadmesh.wasm": http.StatusOK, "kadmesh.js": http.StatusOK, "nothing": http.StatusNotFound,
	} {
		if got, body := fetch(t, d.Page+path); got != code || code == http.StatusOK && body == "" {
			t.Errorf("%s%s: status %d, %d bytes, want %d", d.Page, path, got, len(body), code)
		}
	}
	joinThroughPage(t, d)
	if code := p.Stop(t, os.Interrupt); code != 0 || p.Stderr.String() != "" {
		t.Errorf("exit status after SIGINT is %d, stderr %q, want 0 and nothing", code, p.Stderr)
	}
}

// A page open to other machines causes a warning. Its URL is one for this machine.
func TestDemoPageForAll(t *testing.T) {
	if !hasPage(t) {
		t.Skip("needs the module: make module")
	}
	p, d := startDemo(t, "--nodes", "2", "--page", "0.0.0.0:0")
	if ok, _ := regexp.MatchString(`^http://localhost:[1-9]\d*/$`, d.Page); !ok {
		t.Errorf("page %q, want a URL on this machine", d.Page)
	}
	p.Stderr.Await(t, `level=WARN msg="private addresses are allowed: visitors of this page`)
	joinThroughPage(t, d)
}

// joinThroughPage joins the demo as a tab does, and reads its value.
func joinThroughPage(t *testing.T, d demonstration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), proctest.Patience)
	defer cancel()
	conn, err := wsrelay.Dial(ctx, wsrelay.Config{Relays: []string{d.Page + "relay"}})
	if err != nil {
		t.Fatal(err)
	}
	seeds := conn.Bootstrap()
	tab := core.NewNode(conn, core.Config{Network: networkOfPage(t, d.Page)})
	t.Cleanup(func() { tab.Close() })
	if err := tab.Bootstrap(ctx, seeds...); err != nil {
		t.Fatal(err)
	}
	if v, err := tab.Get(ctx, d.Key); err != nil || v != core.String(d.Value) {
		t.Errorf("get through the page's relay = %v, %v, want %q", v, err, d.Value)
	}
}

// networkOfPage returns the name of the network in the page.
func networkOfPage(t *testing.T, url string) string {
	t.Helper()
	_, page := fetch(t, url)
	m := regexp.MustCompile(`<meta name="kadmesh-network" content="([^"]*)">`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no name of a network in the page %.500q", page)
	}
	return html.UnescapeString(m[1])
}

func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// A port in use is an error, unless it is the default.
func TestDemoPagePortInUse(t *testing.T) {
	if !hasPage(t) {
		t.Skip("needs the module: make module")
	}
	l, err := net.Listen("tcp", demoPageAddr)
	if err == nil {
		defer l.Close()
	} // else somebody else has it, which is as good
	_, d := startDemo(t, "--nodes", "2")
	if d.Page == "" || strings.Contains(d.Page, demoPageAddr) {
		t.Errorf("page %q, want another port than that of %s", d.Page, demoPageAddr)
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(d.Page, "http://"), "/")
	inUse := "serve the page: listen tcp " + taken + ": bind: address already in use; " +
		"choose another address with --page\n"
	want(t, result{"", inUse, 1},
		"demo", "--nodes", "2", "--page", taken)
}
