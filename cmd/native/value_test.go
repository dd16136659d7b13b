package main

import (
	"bytes"
	"encoding/json"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/kadmesh/kadmesh/core"
	"github.com/kadmesh/kadmesh/internal/proctest"
)

func TestValues(t *testing.T) {
	long := strings.Repeat("x", maxContent)
	tests := []struct {
		kind, value string
		text        string // output of get
		json        string // the value in the output of get --json
		raw         string // output of get --raw
	}{
		{"str", "hello", "hello", `"hello"`, "hello"},
		{"str", "", "", `""`, ""},
		{"str", "two\nlines\n", "two\nlines\n", `"two\nlines\n"`, "two\nlines\n"},
		{"str", "héllo <世界> 🌍", "héllo <世界> 🌍", `"héllo <世界> 🌍"`, "héllo <世界> 🌍"},
		{"str", "\x1b[31m", "\x1b[31m", `"\u001b[31m"`, "\x1b[31m"},
		{"str", "-", "-", `"-"`, "-"},
		{"str", long, long, `"` + long + `"`, long},
		{"bytes", "", "", `""`, ""},
		{"bytes", "\xff\x01", "ff01", `"ff01"`, "\xff\x01"},
		{"bytes", long, strings.Repeat("78", maxContent), `"` + strings.Repeat("78", maxContent) + `"`, long},
		{"int", "0", "0", "0", "0"},
		{"int", "+7", "7", "7", "7"},
		{"int", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
		{"int", "9223372036854775807", "9223372036854775807", "9223372036854775807", "9223372036854775807"},
		{"int", "9223372036854775808", "9223372036854775808", "9223372036854775808", "9223372036854775808"},
		{"int", "18446744073709551615", "18446744073709551615", "18446744073709551615", "18446744073709551615"},
		{"float", "1", "1", "1.0", "1"},
		{"float", "-0.0", "-0", "-0.0", "-0"},
		{"float", "1e300", "1e+300", "1e+300", "1e+300"},
		{"float", "0.1", "0.1", "0.1", "0.1"},
		{"float", "5e-324", "5e-324", "5e-324", "5e-324"},
		{"float", "nan", "NaN", `"NaN"`, "NaN"},
		{"float", "inf", "+Inf", `"+Inf"`, "+Inf"},
		{"float", "-inf", "-Inf", `"-Inf"`, "-Inf"},
		{"bool", "true", "true", "true", "true"},
		{"bool", "False", "false", "false", "false"},
	}
	addrs := startNetwork(t, 3)
	for _, tt := range tests {
		name := strings.ToValidUTF8(tt.kind+" "+tt.value[:min(30, len(tt.value))], "?")
		set := []string{"set", name, "--type", tt.kind, "--bootstrap", addrs[0], "--", tt.value}
		stdin := ""
		if tt.value == "-" {
			stdin = "-"
		}
		if got, want := run(t, stdin, set...), (result{"stored on 3 nodes\n", "", 0}); got != want {
			t.Errorf("set %.80q = %q, want %q", name, got, want)
		}
		want(t, result{tt.text + "\n", "", 0}, "get", name, "--bootstrap", addrs[1])
		want(t, result{tt.raw, "", 0}, "get", name, "--raw", "--bootstrap", addrs[2])
		g := getJSON(t, name, addrs[2])
		if g.Type != tt.kind || string(g.Value) != tt.json {
			t.Errorf("get --json %.80q = %s %s, want %s %s", name, g.Type, g.Value, tt.kind, tt.json)
		}
		if encoding := map[bool]string{true: "hex"}[tt.kind == "bytes"]; g.Encoding != encoding {
			t.Errorf("get --json %.80q: encoding %q, want %q", name, g.Encoding, encoding)
		}
		known := len(g.From.ID) == 40 && g.From.Addr != "" && g.Published != ""
		if !known || g.Key != name || g.ID != core.Key(name).String() {
			t.Errorf("get --json %.80q = %+v", name, g)
		}
	}
}

// gotten is the output of get --json.
type gotten struct {
	Key, ID, Type, Encoding string
	Value                   json.RawMessage
	From                    struct{ ID, Addr string }
	Published               string
	Version                 uint64
	Holders                 int
}

func getJSON(t *testing.T, key, addr string) gotten {
	t.Helper()
	var g gotten
	decode(t, run(t, "", "get", key, "--json", "--bootstrap", addr).stdout, &g)
	return g
}

// A negative number needs no --, at any position.
func TestNegativeValues(t *testing.T) {
	_, addr := startNode(t)
	for _, tt := range []struct {
		args []string
		text string
	}{
		{[]string{"k", "-5", "--type", "int", "-b", addr}, "-5"},
		{[]string{"-b", addr, "--type", "float", "k", "-1.5"}, "-1.5"},
		{[]string{"k", "-b", addr, "-inf", "-t", "float"}, "-Inf"},
		{[]string{"k", "-5", "-b", addr}, "-5"}, // a str
		{[]string{"-b", addr, "-t", "int", "--", "k", "-6"}, "-6"},
	} {
		want(t, result{"stored on 1 node\n", "", 0}, append([]string{"set"}, tt.args...)...)
		want(t, result{tt.text + "\n", "", 0}, "get", "k", "-b", addr)
	}
	want(t, result{"stored on 1 node\n", "", 0}, "set", "-5", "v", "-b", addr)
	want(t, result{"v\n", "", 0}, "get", "-5", "-b", addr)
}

func TestSetJSON(t *testing.T) {
	_, addr := startNode(t)
	const printed = `^{"key":"hello","id":"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d","type":"int","nodes":1,` +
		`"asked":1,"version":\d+}\n$`
	r := run(t, "", "set", "hello", "1", "--type", "int", "--json", "--bootstrap", addr)
	if ok, _ := regexp.MatchString(printed, r.stdout); !ok || r.code != 0 {
		t.Errorf("set --json = %q, want %s", r, printed)
	}
}

// The id tells keys apart that JSON cannot express.
func TestKeyNotUTF8(t *testing.T) {
	_, addr := startNode(t)
	for _, key := range []string{"\xfe", "\xff"} {
		want(t, result{"stored on 1 node\n", "", 0}, "set", key, "v", "--bootstrap", addr)
		if g := getJSON(t, key, addr); g.Key != "\ufffd" || g.ID != core.Key(key).String() {
			t.Errorf("get --json %q: key %q, id %s, want a replacement character and %v", key, g.Key, g.ID, core.Key(key))
		}
	}
}

func TestLifetime(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, 1001 * time.Millisecond: 2 * time.Second, core.MaxTTL: core.MaxTTL,
	} {
		if got, err := lifetime(ttl); got != want || err != nil {
			t.Errorf("lifetime(%v) = %v, %v, want %v", ttl, got, err, want)
		}
	}
	for _, ttl := range []time.Duration{-time.Hour, 0, time.Second - 1, core.MaxTTL + 1} {
		if got, err := lifetime(ttl); err == nil {
			t.Errorf("lifetime(%v) = %v, want an error", ttl, got)
		}
	}
}

// A value lives as long as --ttl says.
func TestTTL(t *testing.T) {
	_, addr := startNode(t)
	want(t, result{"stored on 1 node\n", "", 0}, "set", "k", "v", "--ttl", "2s", "--bootstrap", addr)
	want(t, result{"v\n", "", 0}, "get", "k", "--bootstrap", addr)
	for late := time.Now().Add(proctest.Patience); run(t, "", "get", "k", "--bootstrap", addr).code == 0; {
		if time.Now().After(late) {
			t.Fatal("the value is still there")
		}
	}
}

// Files and standard input are stored and given back byte for byte.
func TestFiles(t *testing.T) {
	_, addr := startNode(t)
	odd := "\x00\xff\xfe\r\n\x80 no newline at the end"
	path := filepath.Join(t.TempDir(), "odd")
	if err := os.WriteFile(path, []byte(odd), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		args  []string
		stdin string
		want  string
	}{
		{"file", []string{"--type", "bytes", "--file", path}, "", odd},
		{"stdin as the value", []string{"-", "--type", "bytes"}, odd, odd},
		{"stdin as the file", []string{"--file", "-", "--type", "bytes"}, odd, odd},
		{"text", []string{"-"}, "text\n", "text\n"},
		{"empty", []string{"-"}, "", ""},
		{"number", []string{"-", "--type", "int"}, " -12\n", "-12"},
		{"longest", []string{"-"}, strings.Repeat("y", maxContent), strings.Repeat("y", maxContent)},
	}
	for _, tt := range tests {
		args := append([]string{"set", tt.name, "--bootstrap", addr}, tt.args...)
		if got, want := run(t, tt.stdin, args...), (result{"stored on 1 node\n", "", 0}); got != want {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
		want(t, result{tt.want, "", 0}, "get", tt.name, "--raw", "--bootstrap", addr)
	}
	refused := run(t, odd, "set", "odd", "-", "--bootstrap", addr)
	if refused.code != 2 || !strings.Contains(refused.stderr, "--type bytes") {
		t.Errorf("set of bytes as text = %q, want exit status 2 and what to do", refused)
	}
	long := run(t, strings.Repeat("y", maxContent+1), "set", "long", "-", "--bootstrap", addr)
	if long.code != 2 || !strings.Contains(long.stderr, "at most 8137 bytes") {
		t.Errorf("set of too much = %q, want exit status 2 and the limit", long)
	}
}

// Get prints values of types that set cannot store.
func TestForeignValues(t *testing.T) {
	tests := []struct {
		name  string
		value any
		text  string
		json  string
		coded bool // whether json is the encoding in hexadecimal digits
	}{
		{"list", []any{1, "a", nil, 1.0, true, []any{}, uint64(math.MaxUint64)},
			`[1,"a",null,1.0,true,[],18446744073709551615]`, `[1,"a",null,1.0,true,[],18446744073709551615]`, false},
		{"map", map[string]any{"a<b": "\n"}, `{"a<b":"\n"}`, `{"a<b":"\n"}`, false},
		{"list", []any{[]byte{1}}, "list 91c40101", `"91c40101"`, true},
		{"list", []any{math.NaN()}, "list 91cb7ff8000000000001", `"91cb7ff8000000000001"`, true},
		{"list", []any{msgpack.RawMessage{0xd4, 5, 6}}, "list 91d40506", `"91d40506"`, true},
		{"map", map[int]any{1: 2}, "map 810102", `"810102"`, true},
		{"other", msgpack.RawMessage{0xd4, 5, 6}, "other d40506", `"d40506"`, true},
	}
	_, addr := startNode(t)
	for _, tt := range tests {
		storeRaw(t, addr, "k", tt.value)
		want(t, result{tt.text + "\n", "", 0}, "get", "k", "--bootstrap", addr)
		g := getJSON(t, "k", addr)
		encoding := map[bool]string{true: "msgpack hex"}[tt.coded]
		if g.Type != tt.name || string(g.Value) != tt.json || g.Encoding != encoding {
			t.Errorf("get --json of %v = %s %s %q, want %s %s %q",
				tt.value, g.Type, g.Value, g.Encoding, tt.name, tt.json, encoding)
		}
		raw, err := msgpack.Marshal(tt.value)
		if err != nil {
			t.Fatal(err)
		}
		want(t, result{string(raw), "", 0}, "get", "k", "--raw", "--bootstrap", addr)
	}
	storeRaw(t, addr, "k", msgpack.RawMessage(append(bytes.Repeat([]byte{0x91}, 300), 0x90)))
	want(t, result{strings.Repeat("[", 301) + strings.Repeat("]", 301) + "\n", "", 0}, "get", "k", "--bootstrap", addr)
	storeRaw(t, addr, "k", nil)
	want(t, result{"null\n", "", 0}, "get", "k", "--bootstrap", addr)
	storeRaw(t, addr, "k", bytes.Repeat([]byte("z"), 60000))
	want(t, result{strings.Repeat("z", 60000), "", 0}, "get", "k", "--raw", "--bootstrap", addr)
}

// storeRaw sends a node a request to store any value, and waits for the answer.
func storeRaw(t *testing.T, addr, key string, value any) {
	t.Helper()
	id, target := core.Key("sender"), core.Key(key)
	body, err := msgpack.Marshal([]any{"store", []any{id[:], target[:], value}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(proctest.Patience))
	if _, err := c.Write(append(make([]byte, 21), body...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 100)
	n, err := c.Read(answer)
	if err != nil || n < 22 || answer[21] != 0xc3 {
		t.Fatalf("answer to store is %x, %v, want true", answer[:n], err)
	}
}

func TestSanitize(t *testing.T) {
	const s = "a\tb\nü\x1b[2J\x07\u009b\x7f"
	if got, want := sanitize(s), "a\tb\nü\ufffd[2J\ufffd\ufffd\ufffd"; got != want {
		t.Errorf("sanitize(%q) = %q, want %q", s, got, want)
	}
}
