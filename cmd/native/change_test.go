package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// stored is the output of set --json and delete --json.
type stored struct {
	Key, ID, Type string
	Nodes, Asked  int
	Version       uint64
}

func change(t *testing.T, args ...string) stored {
	t.Helper()
	var s stored
	decode(t, run(t, "", append(args, "--json")...).stdout, &s)
	return s
}

func TestDelete(t *testing.T) {
	addrs := startNetwork(t, 3)
	want(t, result{"stored on 3 nodes\n", "", 0}, "set", "k", "v", "-b", addrs[0])
	want(t, result{"deleted on 3 nodes\n", "", 0}, "delete", "k", "-b", addrs[1])
	for _, addr := range addrs {
		want(t, result{"", "not found\n", 1}, "get", "k", "-b", addr)
	}
	want(t, result{"stored on 3 nodes\n", "", 0}, "set", "k", "anew", "-b", addrs[2])
	want(t, result{"anew\n", "", 0}, "get", "k", "-b", addrs[0])
}

func TestDeleteSeveral(t *testing.T) {
	_, addr := startNode(t)
	want(t, result{"stored on 1 node\n", "", 0}, "set", "a", "v", "-b", addr)
	want(t, result{"deleted on 1 node\ndeleted on 1 node\n", "", 0}, "delete", "a", "never set", "-b", addr)
	want(t, result{"", "not found\n", 1}, "get", "a", "-b", addr)
	if d := change(t, "delete", "b", "-b", addr); d.Key != "b" || d.Nodes != 1 || d.Asked != 1 || d.Version == 0 {
		t.Errorf("delete --json = %+v, want 1 node of 1 and a version", d)
	}
}

// A set with --if-version takes effect only if nobody has set the key meanwhile.
func TestIfVersion(t *testing.T) {
	const conflict = "the value has another version: get it anew, and give its version with --if-version"
	addrs := startNetwork(t, 3)
	set := func(value, version string) []string {
		return []string{"set", "k", value, "--if-version", version, "-b", addrs[0]}
	}
	first := change(t, set("first", "none")...)
	want(t, result{"", conflict + "\n", 1}, set("second", "none")...)
	want(t, result{"", fmt.Sprintf(`{"error":%q}`, conflict) + "\n", 1}, append(set("second", "none"), "--json")...)
	read := strconv.FormatUint(getJSON(t, "k", addrs[1]).Version, 10)
	if read != strconv.FormatUint(first.Version, 10) {
		t.Errorf("get says version %s, set said %d", read, first.Version)
	}
	want(t, result{"stored on 3 nodes\n", "", 0}, set("second", read)...)
	want(t, result{"", conflict + "\n", 1}, set("third", read)...)
	want(t, result{"", conflict + "\n", 1}, "delete", "k", "--if-version", read, "-b", addrs[0])
	g := getJSON(t, "k", addrs[2])
	if string(g.Value) != `"second"` || g.Version <= first.Version || g.Holders != 3 {
		t.Errorf("get --json = %+v, want the second value, a newer version and 3 holders", g)
	}
	want(t, result{"deleted on 3 nodes\n", "", 0}, "delete", "k", "--if-version", fmt.Sprint(g.Version), "-b", addrs[1])
	want(t, result{"stored on 3 nodes\n", "", 0}, set("fourth", "none")...)
}

func TestQuorumAndMaxAge(t *testing.T) {
	addrs := startNetwork(t, 3)
	want(t, result{"stored on 3 nodes\n", "", 0}, "set", "k", "v", "-b", addrs[0])
	for _, flags := range []string{"--quorum=1", "--quorum=3", "--quorum=9", "--max-age=1m"} {
		want(t, result{"v\n", "", 0}, "get", "k", flags, "-b", addrs[1])
	}
	if g := getJSON(t, "k", addrs[1]); g.Holders != 3 {
		t.Errorf("%d holders with the default quorum, want all 3", g.Holders)
	}
}

// Networks of different names do not merge, and clients say which name is missing.
func TestNetworkName(t *testing.T) {
	_, red := startNode(t, "--network", "red")
	wrong, blue := startNode(t, "--network", "blue", "--bootstrap", red)
	wrong.Stderr.Await(t, `level=WARN msg="bootstrap node belongs to another network" addr=`+red)
	same, other := startNode(t, "--network", "red", "--bootstrap", red)
	same.Stderr.Await(t, `msg=joined`)
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "v", "--network", "red", "-b", other)
	want(t, result{"v\n", "", 0}, "get", "k", "--network", "red", "-b", red)
	want(t, result{"", "not found\n", 1}, "get", "k", "--network", "blue", "-b", blue)
	for _, args := range [][]string{
		{"get", "k", "-b"}, {"set", "k", "w", "-b"}, {"delete", "k", "-b"}, {"lookup", "k", "-b"}, {"ping"},
	} {
		args = append(args, red)
		want(t, result{"", "the network of " + red + " has a name: give it with --network\n", 1}, args...)
		want(t, result{"", "the network of " + red + ` is not called "blue": correct --network or --bootstrap` + "\n", 1},
			append(args, "--network", "blue")...)
	}
	if r := run(t, "", "ping", red, "--network", "red"); r.code != 0 {
		t.Errorf("ping = %q", r)
	}
}

// Clients and nodes without --k take the number from the network.
func TestKOfNetwork(t *testing.T) {
	_, first := startNode(t, "--k", "2")
	for range 3 {
		p, _ := startNode(t, "--bootstrap", first)
		p.Stderr.Await(t, `msg=joined`)
	}
	wantSoon(t, result{"stored on 2 nodes\n", "", 0}, "set", "k", "v", "-b", first)
	want(t, result{"v\n", "", 0}, "get", "k", "-b", first)
	if r := run(t, "", "lookup", "k", "-b", first); r.code != 0 || strings.Count(r.stdout, "\n") != 2 {
		t.Errorf("lookup = %q, want 2 nodes", r)
	}
}

// A node that leaves in order hands on what it keeps, and says so.
func TestNodeHandsOn(t *testing.T) {
	p, first := startNode(t)
	want(t, result{"stored on 1 node\n", "", 0}, "set", "k", "v", "-b", first)
	q, second := startNode(t, "--bootstrap", first)
	q.Stderr.Await(t, `msg=joined`)
	wantSoon(t, result{"v\n", "", 0}, "get", "k", "-b", second)
	if code := p.Stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	log := regexp.MustCompile(`(?s)msg=stopping contacts=1\n.*msg=leaving records=1\n.*msg=stopped took=`)
	if !log.MatchString(p.Stderr.String()) {
		t.Errorf("log is %q, want %v", p.Stderr, log)
	}
	want(t, result{"v\n", "", 0}, "get", "k", "-b", second)
}
