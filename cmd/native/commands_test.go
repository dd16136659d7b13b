package main

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPing(t *testing.T) {
	id := strings.Repeat("5", 40)
	_, addr := startNode(t, "--id", id)
	r := run(t, "", "ping", addr)
	line := `^pong from ` + addr + ` id ` + id + ` in \d+(\.\d ms| µs)\n$`
	if ok, _ := regexp.MatchString(line, r.stdout); !ok || r.code != 0 {
		t.Errorf("ping = %q", r)
	}
	var pong struct {
		Addr, ID string
		MS       float64
	}
	decode(t, run(t, "", "ping", addr, "--json").stdout, &pong)
	if pong.Addr != addr || pong.ID != id || pong.MS <= 0 {
		t.Errorf("ping --json = %+v, want %s, %s and a time", pong, addr, id)
	}
}

func TestID(t *testing.T) {
	a, b := run(t, "", "id"), run(t, "", "id")
	if ok, _ := regexp.MatchString(`^[0-9a-f]{40}\n$`, a.stdout); !ok || a.code != 0 || a == b {
		t.Errorf("id = %q, then %q, want two ids", a, b)
	}
	want(t, result{"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\n", "", 0}, "id", "hello")
	want(t, result{`{"id":"da39a3ee5e6b4b0d3255bfef95601890afd80709","key":""}` + "\n", "", 0}, "id", "", "--json")
	var r struct{ ID string }
	decode(t, run(t, "", "id", "--json").stdout, &r)
	if len(r.ID) != 40 {
		t.Errorf("id --json = %q", r.ID)
	}
}

func TestVersion(t *testing.T) {
	const pattern = `^kadmesh v0\.0\.0-test \(go[^ ]+, \w+/\w+\)\n$`
	for _, arg := range []string{"version", "--version"} {
		if r := run(t, "", arg); r.code != 0 || !regexp.MustCompile(pattern).MatchString(r.stdout) {
			t.Errorf("%s = %q, want %s", arg, r, pattern)
		}
	}
	var b struct{ Version, Commit, Go, System string }
	plain := run(t, "", "version", "--json")
	want(t, plain, "--version", "--json")
	want(t, plain, "--json", "--version")
	decode(t, plain.stdout, &b)
	if b.Version != "v0.0.0-test" || b.Go == "" || b.System == "" {
		t.Errorf("version --json = %+v", b)
	}
}

func TestLookup(t *testing.T) {
	addrs := startNetwork(t, 3)
	plain := run(t, "", "lookup", "hello", "-b", addrs[0])
	byID := run(t, "", "lookup", "--id", "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d", "-b", addrs[1])
	if plain.code != 0 || strings.Count(plain.stdout, "\n") != len(addrs) || plain != byID {
		t.Errorf("lookup = %q and by id %q, want the same %d nodes", plain, byID, len(addrs))
	}
	var list struct {
		ID    string
		Nodes []struct{ ID, Addr string }
	}
	decode(t, run(t, "", "lookup", "hello", "--json", "-b", addrs[2]).stdout, &list)
	for _, n := range list.Nodes {
		if !strings.Contains(plain.stdout, n.ID+" "+n.Addr+"\n") {
			t.Errorf("%v is not in %q", n, plain.stdout)
		}
	}
	if list.ID != "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" || len(list.Nodes) != len(addrs) {
		t.Errorf("lookup --json = %+v, want %d nodes", list, len(addrs))
	}
}

// --k is the number of nodes that keep a value.
func TestK(t *testing.T) {
	addrs := startNetwork(t, 4)
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "hello", "v", "--k", "2", "-b", addrs[0])
	want(t, result{"v\n", "", 0}, "get", "hello", "-k", "2", "-b", addrs[3])
	if r := run(t, "", "lookup", "hello", "--k", "3", "-b", addrs[1]); r.code != 0 || strings.Count(r.stdout, "\n") != 3 {
		t.Errorf("lookup --k 3 = %q, want 3 nodes", r)
	}
}

func TestBrief(t *testing.T) {
	for took, want := range map[time.Duration]string{
		0: "0 µs", 41 * time.Microsecond: "41 µs", 999999: "999 µs",
		time.Millisecond: "1.0 ms", 12345 * time.Microsecond: "12.3 ms",
	} {
		if got := brief(took); got != want {
			t.Errorf("brief(%v) = %q, want %q", took, got, want)
		}
	}
}
