package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestUsageErrors(t *testing.T) {
	addr, disturbed := silent(t)
	long := strings.Repeat("x", maxContent+1)
	tests := []struct {
		args []string
		want string // part of the message
	}{
		{[]string{"sett"}, `unknown command "sett"`},
		{[]string{"get"}, "no KEY given"},
		{[]string{"get", "k"}, "no --bootstrap given: name a node of the network, as in --bootstrap 127.0.0.1:8468"},
		{[]string{"get", "k", "v", "-b", addr}, `unexpected argument "v"`},
		{[]string{"get", "k", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"get", "k", "-b", "example.org"}, `"example.org": want HOST:PORT`},
		{[]string{"get", "k", "-b", "example.org:dht"}, "the port is a number"},
		{[]string{"get", "k", "-b", "127.0.0.1:65536"}, "the port is a number up to 65535"},
		{[]string{"get", "k", "-b", "127.0.0.1:0"}, "the host or the port of the node is missing"},
		{[]string{"get", "k", "-b", ""}, `--bootstrap "": want HOST:PORT`},
		{[]string{"get", "k", "-b", addr, "-b", ""}, `--bootstrap "": want HOST:PORT`},
		{[]string{"set", "k", "v", "-b", ""}, `--bootstrap "": want HOST:PORT`},
		{[]string{"ping", ""}, `"": want HOST:PORT`},
		{[]string{"get", "k", "-b", addr, "--timeout", "5"},
			`--timeout "5": want a number with a unit, as in 500ms, 10s or 24h`},
		{[]string{"get", "k", "-b", addr, "--k", "0"}, "--k 0: want 1 to 1000"},
		{[]string{"set", "k", "v", "-b", addr, "--k", "1001"}, "--k 1001: want 1 to 1000"},
		{[]string{"lookup", "k", "-b", addr, "--k", "many"}, `--k "many": want a whole number`},
		{[]string{"get", "k", "-b", addr, "--timeout", "0"}, "--timeout 0s: must be more than zero"},
		{[]string{"set", "k", "-b", addr}, "no VALUE given"},
		{[]string{"set", "--", "-k", "v", "-b", addr}, `unexpected argument "-b" (flags go before --)`},
		{[]string{"get", "--", "k", "-b", addr}, `unexpected argument "-b" (flags go before --)`},
		{[]string{"set", "k", "two", "words", "-b", addr},
			`unexpected argument "words" (a key or value that has spaces goes in quotes)`},
		{[]string{"set", "k", "--file", "", "-b", addr}, "--file is empty"},
		{[]string{"set", "k", "v", "--file", "f", "-b", addr}, "both VALUE and --file given"},
		{[]string{"set", "k", "-v", "-b", addr},
			"unknown shorthand flag: 'v' in -v (a key or value that begins with - and is no number goes behind --"},
		{[]string{"set", "k", "-5", "-b", addr, "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"set", "k", "v", "-5", "-b", addr},
			`unexpected argument "-5" (a key or value that has spaces goes in quotes)`},
		{[]string{"set", "k", "-1.5", "-b", addr, "--type", "int"}, `"-1.5" is not an int`},
		{[]string{"set", "k", "-1e999", "-b", addr, "--type", "float"}, "out of range"},
		{[]string{"-5"}, "unknown shorthand flag: '5' in -5"},
		{[]string{"set", "k", "v", "-b", addr, "--type", "list"}, "want one of str, bytes, int, float, bool"},
		{[]string{"set", "k", "v", "-b", addr, "--type", "int"}, `"v" is not an int`},
		{[]string{"set", "k", "1.0", "-b", addr, "--type", "int"}, `"1.0" is not an int`},
		{[]string{"set", "k", "-b", addr, "--type", "int", "--", "-9223372036854775809"},
			"an int goes from -9223372036854775808 to 18446744073709551615"},
		{[]string{"set", "k", "18446744073709551616", "-b", addr, "--type", "int"}, "out of range"},
		{[]string{"set", "k", "1e999", "-b", addr, "--type", "float"}, "out of range"},
		{[]string{"set", "k", "one", "-b", addr, "--type", "float"}, `"one" is not a float`},
		{[]string{"set", "k", "yes", "-b", addr, "--type", "bool"}, `"yes" is not a bool`},
		{[]string{"set", "k", "\xff", "-b", addr}, "set it with --type bytes"},
		{[]string{"set", "k", long, "-b", addr}, "at most 8137 bytes"},
		{[]string{"set", "k", long, "-b", addr, "--type", "bytes"}, "at most 8137 bytes"},
		{[]string{"set", "k", "--file", "/dev/zero", "-b", addr, "--type", "bytes"}, "at most 8137 bytes"},
		{[]string{"set", "k", "v", "-b", addr, "--if-version", "0"},
			`--if-version "0": want a version, as get --json prints it, or none`},
		{[]string{"set", "k", "v", "-b", addr, "--if-version", "-1"}, `--if-version "-1": want a version`},
		{[]string{"set", "k", "v", "-b", addr, "--if-version", "any"}, `--if-version "any": want a version`},
		{[]string{"delete", "-b", addr}, "no KEY given"},
		{[]string{"delete", "k"}, "no --bootstrap given"},
		{[]string{"delete", "k", "l", "-b", addr, "--if-version", "7"}, "--if-version is for one key: 2 are given"},
		{[]string{"get", "k", "-b", addr, "--quorum", "0"}, "--quorum 0: want 1 to 1000"},
		{[]string{"get", "k", "-b", addr, "--quorum", "most"}, `--quorum "most": want a whole number`},
		{[]string{"get", "k", "-b", addr, "--max-age", "-1s"}, "--max-age -1s: must not be negative"},
		{[]string{"get", "k", "-b", addr, "--max-age", "1"}, `--max-age "1": want a number with a unit`},
		{[]string{"set", "k", "v", "-b", addr, "--ttl", "169h"}, "--ttl 169h0m0s: want from 1s to 168h0m0s"},
		{[]string{"set", "k", "v", "-b", addr, "--ttl", "1ms"}, "--ttl 1ms: want from 1s"},
		{[]string{"set", "k", "v", "-b", addr, "--ttl", "-1h"}, "--ttl -1h0m0s: want from 1s"},
		{[]string{"ping"}, "no HOST:PORT given"},
		{[]string{"lookup", "--id", "abc", "-b", addr}, "want 40 hexadecimal digits"},
		{[]string{"lookup", "--id", strings.Repeat("z", 40), "-b", addr},
			"want 40 hexadecimal digits, not all of these are"},
		{[]string{"help", "frob"}, `unknown help topic "frob"`},
		{[]string{"help", "set", "frob"}, `unknown help topic "set frob"`},
		{[]string{"completion", "tcsh"}, `unknown command "tcsh" for "kadmesh completion"`},
		{[]string{"version", "now"}, `unexpected argument "now"`},
		{[]string{"node", "--listen", "here"}, `"here": want HOST:PORT`},
		{[]string{"node", "--bootstrap", ""}, `--bootstrap "": want HOST:PORT`},
		{[]string{"node", "--bootstrap", "127.0.0.1:0"},
			"--bootstrap \"127.0.0.1:0\": the host or the port of the node is missing"},
		{[]string{"node", "--id", ""}, "want 40 hexadecimal digits"},
		{[]string{"node", "--ttl", "1ms"}, "--ttl 1ms: want from 1s"},
		{[]string{"node", "--id", "abc"}, "want 40 hexadecimal digits"},
		{[]string{"node", "--id", strings.Repeat("0", 40)}, "all zeros"},
		{[]string{"node", "--k", "0"}, "--k 0: want 1 to"},
		{[]string{"node", "--alpha", "0"}, "--alpha 0: want 1 to"},
		{[]string{"node", "--ttl", "0"}, "--ttl 0s"},
		{[]string{"node", "--store-bytes", "0"}, "--store-bytes 0"},
		{[]string{"node", "--log-level", "loud"}, "want one of debug, info, warn, error"},
		{[]string{"node", "--log-format", "xml"}, "want text or json"},
		{[]string{"node", "--listen", "127.0.0.1:0", "--bootstrap", "[::1]:8468"}, "of the other IP version"},
		{[]string{"node", "--metrics", "here"}, `--metrics "here": want HOST:PORT`},
		{[]string{"node", "--webrtc-lan"}, "--webrtc-lan without --webrtc"},
		{[]string{"node", "--webrtc-listen", "127.0.0.1:0"}, "--webrtc-listen without --webrtc"},
		{[]string{"node", "--webrtc", "--webrtc-listen", "here"}, `--webrtc-listen "here": want HOST:PORT`},
		{[]string{"node", "--webrtc", "--webrtc-listen", "127.0.0.1:443"}, "peers do not try ports below 1024"},
		{[]string{"node", "--listen", "127.0.0.1:0", "--webrtc", "--webrtc-listen", "[::1]:0"},
			"want the IP address of --listen"},
		{[]string{"demo", "--port", "70000"}, `--port "70000": want a number up to 65535`},
		{[]string{"demo", "--page", "here"}, "--page here: want IP:PORT, as in 127.0.0.1:8080"},
		{[]string{"demo", "--nodes", "1"}, "--nodes 1: want 2 to"},
	}
	for _, tt := range tests {
		r := run(t, "", tt.args...)
		said := strings.Contains(r.stderr, tt.want) && strings.Contains(r.stderr, "--help'\n")
		if r.code != 2 || r.stdout != "" || !said {
			t.Errorf("kadmesh %.200q = %.500q, want exit status 2, %q and a hint at the help", tt.args, r, tt.want)
		}
		var e struct{ Error string }
		j := run(t, "", append([]string{"--json"}, tt.args...)...)
		decode(t, j.stderr, &e)
		if j.code != 2 || j.stdout != "" || !strings.Contains(e.Error, tt.want) {
			t.Errorf("kadmesh --json %.200q = %.500q, want exit status 2 and an error with %q", tt.args, j, tt.want)
		}
	}
	if disturbed() {
		t.Error("something has been sent, want nothing before the arguments are right")
	}
}

// --json has its effect also behind a wrong argument.
func TestJSONFlagLast(t *testing.T) {
	want(t, result{"", `{"error":"unknown flag: --nonsense"}` + "\n", 2}, "get", "k", "--nonsense", "--json")
	want(t, result{"", `{"error":"both --raw and --json given: choose one"}` + "\n", 2},
		"get", "k", "-b", "127.0.0.1:8468", "--raw", "--json")
}

func TestNotFound(t *testing.T) {
	addr := startNetwork(t, 2)[0]
	want(t, result{"", "not found\n", 1}, "get", "nothing", "--bootstrap", addr)
	want(t, result{"", "not found\n", 1}, "get", "nothing", "--raw", "--bootstrap", addr)
	want(t, result{"", `{"error":"not found"}` + "\n", 1}, "get", "nothing", "--json", "--bootstrap", addr)
}

func TestNoAnswer(t *testing.T) {
	addr, disturbed := silent(t)
	for _, args := range [][]string{
		{"get", "k"}, {"set", "k", "v"}, {"delete", "k"}, {"lookup", "k"},
	} {
		const hint = "is the node running, and does the firewall pass UDP?"
		want(t, result{"", "no answer from " + addr + " within 200ms: " + hint + "\n", 1},
			append(args, "--timeout", "200ms", "--bootstrap", addr)...)
	}
	want(t, result{"", "no answer from " + addr + " within 200ms\n", 1}, "ping", addr, "--timeout", "200ms")
	if !disturbed() {
		t.Error("nothing has been sent, want requests")
	}
}

// A node that answers only pings stores no values, and finds none.
func TestUnhelpfulNode(t *testing.T) {
	if testing.Short() {
		t.Skip("three commands take about five seconds each")
	}
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	defer answering.Wait()
	defer c.Close()
	answering.Go(func() {
		buf := make([]byte, 1024)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if bytes.Contains(buf[:n], []byte("\x92\xa4ping")) {
				pong := append([]byte{1}, buf[1:21]...)
				pong = append(pong, 0xc4, 20)
				c.WriteTo(append(pong, "twenty bytes of node"...), from)
			}
		}
	})
	addr := c.LocalAddr().String()
	want(t, result{"", "not stored on enough nodes: no node near the key took it; try again\n", 1}, "set", "k", "v", "-b", addr)
	want(t, result{"", "no answer from any node near the key; try again\n", 1}, "lookup", "k", "-b", addr)
	want(t, result{"", "no answer from any node near the key; try again\n", 1}, "get", "k", "-b", addr)
}

func TestExplain(t *testing.T) {
	a := networkFlags{timeout: time.Second}
	const want = "no result within 1s: allow more time with --timeout"
	if got := a.explain(context.DeadlineExceeded).Error(); got != want {
		t.Errorf("explain(DeadlineExceeded) = %q, want %q", got, want)
	}
}

// One working bootstrap node is enough.
func TestSomeBootstrapsFail(t *testing.T) {
	dead, _ := silent(t)
	_, addr := startNode(t)
	want(t, result{"stored on 1 node\n", "", 0}, "set", "k", "v", "-b", dead, "-b", "nosuch.invalid:8468", "-b", addr)
	want(t, result{"v\n", "", 0}, "get", "k", "-b", dead+",nosuch.invalid:8468,"+addr)
}

func TestUnresolvable(t *testing.T) {
	for _, args := range [][]string{
		{"get", "k", "-b", "nosuch.invalid:8468"}, {"ping", "nosuch.invalid:8468"},
	} {
		r := run(t, "", args...)
		if r.code != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "nosuch.invalid does not resolve: ") {
			t.Errorf("kadmesh %q = %q, want exit status 1 and the name in the error", args, r)
		}
	}
}

func TestFileErrors(t *testing.T) {
	addr, disturbed := silent(t)
	path := filepath.Join(t.TempDir(), "missing")
	want(t, result{"", "open " + path + ": no such file or directory\n", 1}, "set", "k", "--file", path, "-b", addr)
	if disturbed() {
		t.Error("something has been sent, want nothing")
	}
}

func TestHelp(t *testing.T) {
	r := run(t, "", "--help")
	for _, command := range []string{"node", "set", "get", "delete", "ping", "lookup", "id", "version", "demo", "completion"} {
		if !strings.Contains(r.stdout, "\n  "+command+" ") {
			t.Errorf("%q is not in the help", command)
		}
		h := run(t, "", command, "--help")
		if h.code != 0 || h.stderr != "" || !strings.Contains(h.stdout, "--json") {
			t.Errorf("%s --help = %q", command, h)
		}
	}
	if h := run(t, "", "help", "completion", "bash"); h.code != 0 || !strings.Contains(h.stdout, "bash") {
		t.Errorf("help completion bash = %q", h)
	}
	if bare := run(t, ""); bare != r || r.code != 0 {
		t.Errorf("without arguments: %q, want the help", bare)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if r := run(t, "", "completion", shell); r.code != 0 || !strings.Contains(r.stdout, "kadmesh") {
			t.Errorf("completion %s = exit status %d, %d bytes", shell, r.code, len(r.stdout))
		}
	}
	const directive = "Completion ended with directive: ShellCompDirectiveNoFileComp\n"
	want(t, result{"str\nbytes\nint\nfloat\nbool\n:4\n", directive, 0},
		"__complete", "set", "k", "v", "--type", "")
	want(t, result{"str\nbytes\nint\nfloat\nbool\n:4\n", directive, 0},
		"__complete", "set", "k", "-5", "--type", "")
	want(t, result{"none\n:4\n", directive, 0}, "__complete", "set", "k", "v", "--if-version", "")
	for _, flags := range [][]string{
		{"get", "--quorum"}, {"get", "--max-age"}, {"delete", "--if-version"}, {"ping", "--network"}, {"node", "--network"},
		{"node", "--k"}, {"demo", "--network"}, {"delete", "--k"},
	} {
		r := run(t, "", append(append([]string{"__complete"}, flags...), "")...)
		if r.code != 0 || r.stderr != directive {
			t.Errorf("completion of %q = %q, want no names of files", flags, r)
		}
	}
}

// BenchmarkGet is one get on a network of eight nodes, from the start of the
// program to its end.
func BenchmarkGet(b *testing.B) {
	addrs := startNetwork(b, 8)
	want(b, result{"stored on 8 nodes\n", "", 0}, "set", "k", "v", "-b", addrs[0])
	b.ResetTimer()
	for b.Loop() {
		want(b, result{"v\n", "", 0}, "get", "k", "-b", addrs[1])
	}
}
