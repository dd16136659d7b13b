package main

import (
	"os"
	"syscall"
	"testing"
)

func TestDemo(t *testing.T) {
	p := start(t, "demo", "--nodes", "5", "--json")
	var d struct {
		Bootstrap  string
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
	decode(t, p.stdout.await(t, `(?s).*\n`)[0], &d)
	if len(d.Nodes) != 5 || d.Bootstrap != d.Nodes[0].Addr || d.K != 2 || len(d.Set.Kept) < d.K || d.Get.From == d.Get.Via {
		t.Errorf("demo --json = %+v", d)
	}
	want(t, result{d.Value + "\n", "", 0}, "get", d.Key, "-b", d.Bootstrap)
	if code := p.stop(t, os.Interrupt); code != 0 {
		t.Errorf("exit status after SIGINT is %d, want 0", code)
	}
}

// The demo says what to type, and that works.
func TestDemoText(t *testing.T) {
	p := start(t, "demo")
	text := p.stdout.await(t, `(?s)^8 nodes .* get greeting (--bootstrap) (\S+)\n.*asyncio.run\(main\(\)\)\n`)
	want(t, result{"hello from kadmesh\n", "", 0}, "get", "greeting", text[1], text[2])
	if code := p.stop(t, syscall.SIGTERM); code != 0 || p.stderr.String() != "" {
		t.Errorf("exit status after SIGTERM is %d, stderr %q, want 0 and nothing", code, &p.stderr)
	}
}
